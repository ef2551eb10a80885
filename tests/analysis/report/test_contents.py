"""What the page says of a run: the figures of the statistics, in words a reader understands."""

import re

import pytest

from analysis.metrics import summarize
from analysis.report import render_report
from analysis.report.charts import Curve
from analysis.report.figures import FIGURES, TABLES, figure_of
from analysis.report.markup import Markup, joined, tag, text
from analysis.report.scales import Scale, time_marks
from analysis.report.wording import duration, moment, money, multiple, number, per_cent, signed
from tests.analysis.metrics.made import DAY, HOUR, MINUTE, MONDAY, curve, of_pnl, trade, trades
from tests.analysis.report.made import Page, random_run, report_of


def page_of(*args, **others):
    return Page(render_report(report_of(*args, **others)))


def test_every_statistic_has_a_name_and_none_has_one_for_nothing():
    stats = summarize(of_pnl(1, -1), *curve(100.0, 101.0, 100.0))
    assert set(FIGURES) | TABLES == set(stats) | {"refused_actions"}  # the engine's own
    labels = [(figure.label, figure.kind) for figure in FIGURES.values()]
    assert len(labels) == len(set(labels))


def test_a_statistic_that_is_not_in_the_catalogue_is_shown_all_the_same():
    words = page_of(of_pnl(1, -1), *curve(100.0, 101.0, 100.0), stats={"buy_and_hold_pct": 12.5}).words
    assert "More Buy and hold 12.50 %" in words
    assert figure_of("total_wait_s").shown(90) == "1 min 30 s"


def test_the_headline_says_what_one_looks_for_first():
    made = trades(
        trade(100.0, 0, HOUR, pnl_r=1.0, initial_risk=100.0),
        trade(-50.0, HOUR, 2 * HOUR, pnl_r=-0.5, initial_risk=100.0),
    )
    words = page_of(made, *curve(1_000.0, 1_100.0, 1_050.0)).words
    assert "Net P&L +50.00 1,000.00 to 1,050.00" in words
    assert "Return +5.00 %" in words
    assert "Max drawdown 4.55 % 50.00 in money" in words
    assert "Profit factor 2.00 payoff ratio 2.000" in words
    assert "Win rate 50.0 % 1 won, 1 lost" in words
    assert "Trades 2 1 h each" in words
    assert "Expectancy 0.25 R 25.00 a trade" in words


def test_the_bounds_of_the_intrabar_rule_stand_beside_the_result():
    made = trades(trade(-10, pnl_optimistic=20.0, intrabar_decided=True), trade(5))
    words = page_of(made, *curve(100.0, 95.0)).words
    assert "In 1 of 2 trades one minute held both stop and target." in words
    assert "the stop is taken to have come first" in words
    assert "Always against the trade \N{MINUS SIGN}5.00 As chosen (pessimistic) \N{MINUS SIGN}5.00" in words
    assert "Always for the trade +25.00" in words
    assert "does not depend on which came first" in page_of(of_pnl(1), *curve(100.0, 101.0)).words


def test_costs_lead_from_the_profit_before_them_to_the_net_one():
    made = trades(trade(94, commission=6.0), trade(-12, commission=6.0, swap=-4.0))
    words = page_of(made, *curve(1_000.0, 1_082.0)).words
    assert "take 16.0 % of the profit the winners made before them" in words
    minus = "\N{MINUS SIGN}"
    assert f"P&L before +98.00 Commission {minus}12.00 Swap {minus}4.00 Net P&L +82.00" in words
    assert "Commission 0.00 Swap 0.00" in page_of(of_pnl(1), *curve(100.0, 101.0)).words


def test_the_net_result_as_chosen_is_that_of_the_trades():
    """The bounds are sums over trades, so what stands between them is one too."""
    made = trades(trade(-10, pnl_optimistic=20.0, intrabar_decided=True))
    stats = report_of(made, *curve(100.0, 90.0)).stats
    assert stats["pnl_pessimistic"] <= stats["net_pnl"] <= stats["pnl_optimistic"]


def test_each_trade_says_why_it_ended_and_whether_the_rule_decided():
    made = trades(
        trade(-10, 0, 5 * MINUTE, exit_reason="sl", intrabar_decided=True, sl=1.1, tp=1.2, entry_price=1.15),
        trade(5, MINUTE, 6 * MINUTE, exit_reason="end_of_data", side="SELL", lots=0.25, tag="late"),
    )
    words = page_of(made, *curve(100.0, 95.0)).words
    assert re.search(r"1 BUY 1\.00 2026-01-05 00:00 1\.15 1\.10 1\.20 2026-01-05 00:05 1\.00 stop loss \*", words)
    assert re.search(r"2 SELL 0\.25 2026-01-05 00:01 .* end of data 5\.00 – – – late", words)


def test_parts_of_a_trade_are_numbered():
    made = trades(trade(1, 0, 5, id=7, part=1), trade(2, 0, 9, id=7, part=2), trade(3, 1, 9, id=8))
    words = page_of(made, *curve(100.0, 106.0)).words
    assert all(f" {name} BUY " in words for name in ("7.1", "7.2", "8"))


def test_symbols_have_a_column_only_where_there_are_several_and_prices_their_own_decimals():
    made = trades(
        trade(1, entry_price=1.10005, exit_price=1.2), trade(1, symbol="XAUUSD", entry_price=2030.5, exit_price=2031.0)
    )
    words = page_of(made, *curve(100.0, 102.0)).words
    assert re.search(r"# Symbol Side .* 1 X BUY .* 1\.10005 .* 1\.20000 .* 2 XAUUSD BUY .* 2,030\.5 .* 2,031\.0", words)
    assert "# Side Lots" in page_of(of_pnl(1), *curve(100.0, 101.0)).words


def test_a_tag_that_all_trades_have_is_said_once():
    assert "Trades in order of entry, each tagged breakout #" in page_of(*random_run(9, tag="breakout")).words
    assert "each tagged" not in page_of(*random_run(9)).words


def test_warnings_and_refusals_are_said_in_plain_words():
    refused = [
        {"time": "2026-01-05T00:10:00Z", "outcome": "refused", "code": "no_market", "reason": "No candle came"},
        {"time": "2026-01-05T00:11:00Z", "outcome": "refused", "code": "no_market", "reason": "No candle came"},
        {"time": "2026-01-05T00:12:00Z", "outcome": "reduced", "code": "volume_max", "reason": "Cut to 100"},
    ]
    words = page_of(of_pnl(1), *curve(100.0, 101.0), warnings=["Fewer than 30 trades"], refusals=refused).words
    assert "Read the result with this in mind Fewer than 30 trades" in words
    assert "no_market: 2 times; volume_max: 1 time." in words
    assert "2026-01-05 00:12 reduced Cut to 100" in words


def test_whoever_reads_it_can_make_the_run_again():
    words = page_of(of_pnl(1), *curve(100.0, 101.0)).words
    for kept in (
        "c0de" * 16, "da7a" * 16, "d19e" * 16, "version 3", "python manage.py verify_run 9a1c",
        '"ema_short_period": 21', '"intrabar": "pessimistic"', '"tick_size": 1e-05', '"candles": 2',
    ):  # fmt: skip
        assert kept in words


def test_the_heat_map_has_a_year_a_row_and_a_shade_a_size():
    made = of_pnl(1)
    stats = report_of(made, *curve(100.0, 101.0)).stats | {
        "monthly_returns": [
            {"year": 2025, "months": [None] * 10 + [4.0, -2.0], "total": 1.9},
            {"year": 2026, "months": [0.0, 1.0] + [None] * 10, "total": 1.0},
        ]
    }
    page = page_of(made, *curve(100.0, 101.0), stats=stats)
    assert "2025 +4.0 \N{MINUS SIGN}2.0 +1.9 2026 0.0 +1.0 +1.0" in page.words
    looks = [cell.get("class") for cell in page.all("td") if "number" in (cell.get("class") or "")]
    assert {"number gain-4", "number loss-3", "number gain-2", "number", "number none"} <= set(looks)


def test_a_breakdown_of_one_row_repeats_nothing_and_a_long_one_is_folded():
    made, times, equity = random_run(40)
    words = page_of(made, times, equity).words
    assert "By symbol" not in words
    assert "By weekday of the entry" in words
    months = [
        {"month": f"20{year}-{month:02}", "trades": 1, "wins": 1, "win_rate": 100.0, "pnl": 1.0, "pnl_r": None,
         "profit_factor": None} for year in (24, 25, 26) for month in range(1, 13)
    ]  # fmt: skip
    stats = report_of(made, times, equity).stats | {"by_month": months}
    assert "By month of the exit: 36 rows" in page_of(made, times, equity, stats=stats).words


def test_a_breakdown_says_what_there_was_no_room_for():
    rest = {"trades": 1, "wins": 1, "win_rate": 100.0, "pnl": 1.0, "pnl_r": None, "profit_factor": None}
    stats = {"by_tag": [rest | {"tag": "a"}, rest | {"tag": ""}, rest | {"tag": None}]}
    words = page_of(of_pnl(1), *curve(100.0, 101.0), stats=stats).words
    assert re.search(r"a 1 100 % .* without 1 100 % .* all others 1 100 %", words)


def test_a_curve_knows_its_deepest_drawdown():
    times, equity = curve(100.0, 120.0, 90.0, 110.0, 121.0, 120.0)
    found = Curve.of(times, equity)
    assert (found.peak, found.trough, found.recovery, found.recovered) == (1, 2, 4, True)
    assert found.fall_pct.max() == 25.0
    still = Curve.of(*curve(100.0, 120.0, 90.0, 110.0))
    assert (still.peak, still.trough, still.recovery, still.recovered) == (1, 2, 3, False)
    never = Curve.of(*curve(100.0, 100.0, 130.0))
    assert never.peak == never.trough


def test_the_peak_before_a_drawdown_is_the_last_point_at_that_height():
    assert Curve.of(*curve(100.0, 120.0, 120.0, 90.0)).peak == 2


def test_numbers_are_written_for_people():
    minus = "\N{MINUS SIGN}"
    assert [number(v) for v in (None, 1234567, -1234.5, -0.001, 0.0, "x", True)] == [
        "–", "1,234,567", f"{minus}1,234.50", "0.00", "0.00", "x", "True",
    ]  # fmt: skip
    assert (money(5), per_cent(-5), multiple(0.5), signed(1.0, "1"), signed(-1.0, "1")) == (
        "5.00", f"{minus}5.00 %", "0.50 R", "+1", "1",
    )  # fmt: skip
    assert [duration(s) for s in (None, 0, 59, 60, 3_700, 90_000, 86_400 * 400)] == [
        "–", "0 s", "59 s", "1 min", "1 h 1 min", "1 d 1 h", "400 d",
    ]  # fmt: skip
    assert moment("2026-01-05T10:11:12.5Z") == "2026-01-05 10:11"
    assert moment("") == moment(None) == "–"


@pytest.mark.parametrize(
    ("span", "few", "many"),
    [(2 * HOUR, 2, 9), (DAY, 3, 12), (3 * DAY, 3, 9), (20 * DAY, 4, 11), (100 * DAY, 3, 9), (400 * DAY, 4, 9),
     (1_500 * DAY, 3, 9), (9_000 * DAY, 4, 13)],
)  # fmt: skip
def test_axes_have_a_handful_of_round_moments(span, few, many):
    marks = time_marks(MONDAY, MONDAY + span, 6)
    assert few <= len(marks) <= many
    assert [mark.place for mark in marks] == sorted(mark.place for mark in marks)
    assert all(0 <= mark.place <= 1 for mark in marks)


@pytest.mark.parametrize(("low", "high"), [(0.0, 1.0), (9_990.0, 10_010.0), (-3e9, 5e12), (1.0, 1.0), (0.0, 0.0)])
def test_axes_have_round_values_within_their_scale(low, high):
    scale = Scale.around(low, high)
    marks = scale.marks(5)
    assert 2 <= len(marks) <= 11
    assert all(0 <= mark.place <= 1 for mark in marks)
    assert scale.place(low) > 0
    assert scale.place(high) < 1


def test_only_markup_stays_as_it_is():
    assert text("<b>") == "&lt;b&gt;"
    assert joined(Markup("<b>"), None, "<") == "<b>&lt;"
    assert tag("p", "<", title='"&', class_="x", hidden=True, lang=None) == (
        '<p title="&quot;&amp;" class="x" hidden>&lt;</p>'
    )
