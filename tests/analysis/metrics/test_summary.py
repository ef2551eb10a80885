"""The whole summary: complete, plain, and right where figures meet."""

import json
import math
import re
from pathlib import Path

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from analysis.engine.trades import Trades
from analysis.metrics import exposure_pct, plain_warnings, summarize
from tests.analysis.metrics.made import DAY, HOUR, MONDAY, curve, of_pnl, trade, trades

FIRST_FIGURES = {
    "initial_equity", "final_equity", "net_pnl", "total_return_pct", "cagr_pct", "max_drawdown", "max_drawdown_pct",
    "sharpe_ratio", "sortino_ratio", "calmar_ratio", "total_trades", "winning_trades", "losing_trades", "long_trades",
    "short_trades", "win_rate", "profit_factor", "expectancy", "expectancy_r", "total_r", "average_win",
    "average_loss", "biggest_win", "biggest_loss", "total_commission", "average_bars_held", "intrabar_decided",
    "first_trade_entry_time", "last_trade_exit_time", "max_consecutive_wins", "max_consecutive_losses", "exposure_pct",
}  # fmt: skip
TABLES = {
    "by_month", "by_weekday", "by_hour", "by_symbol", "by_exit_reason", "by_tag", "drawdowns", "r_distribution",
    "monthly_returns", "monte_carlo",
}  # fmt: skip


def test_the_first_figures_worked_by_hand():
    made = trades(
        trade(100.0, 0, 10, pnl_r=1.0, commission=1.0, bars_held=2),
        trade(50.0, 10, 20, side="SELL", pnl_r=0.5, commission=1.0, bars_held=4),
        trade(-60.0, 20, 30, pnl_r=-1.0, commission=1.5, bars_held=6, intrabar_decided=True),
        trade(0.0, 30, DAY, bars_held=8),
    )
    stats = summarize(made, *curve(1_000.0, 1_090.0))
    assert {name: stats[name] for name in FIRST_FIGURES} == {
        "initial_equity": 1_000.0, "final_equity": 1_090.0, "net_pnl": 90.0,
        "total_return_pct": pytest.approx(9.0), "cagr_pct": pytest.approx((1.09**365.25 - 1) * 100),
        "max_drawdown": 0.0, "max_drawdown_pct": 0.0,
        "sharpe_ratio": None, "sortino_ratio": None, "calmar_ratio": None,
        "total_trades": 4, "winning_trades": 2, "losing_trades": 1, "long_trades": 3, "short_trades": 1,
        "win_rate": 50.0, "profit_factor": 2.5, "expectancy": 22.5,
        "expectancy_r": pytest.approx(0.5 / 3), "total_r": pytest.approx(0.5),
        "average_win": 75.0, "average_loss": -60.0, "biggest_win": 100.0, "biggest_loss": -60.0,
        "total_commission": 3.5, "average_bars_held": 5.0, "intrabar_decided": 1,
        "first_trade_entry_time": "2026-01-05T00:00:00Z", "last_trade_exit_time": "2026-01-06T00:00:00Z",
        "max_consecutive_wins": 2, "max_consecutive_losses": 1, "exposure_pct": 100.0,
    }  # fmt: skip


def test_figures_that_need_trades_and_equity():
    stats = summarize(of_pnl(20, -30, 20), *curve(100.0, 120.0, 90.0, 110.0))
    growth = (1.1 ** (365.25 / 3) - 1) * 100
    assert stats["calmar_ratio"] == pytest.approx(growth / 25.0)
    assert stats["recovery_factor"] == pytest.approx(10 / 30)
    assert stats["martin_ratio"] == pytest.approx(growth / stats["ulcer_index_pct"])
    assert (stats["trades_per_day"], stats["total_deals"]) == (1.0, 6)
    assert (stats["balance_drawdown_maximal"], stats["min_balance"]) == (30.0, 90.0)


def test_overlapping_trades_are_exposed_once():
    made = trades(trade(1, 0, 10), trade(1, 5, 20), trade(1, 6, 8), trade(1, 50, 60))
    assert exposure_pct(made, MONDAY, MONDAY + 100) == 30.0
    assert exposure_pct(made, MONDAY, MONDAY) is None
    assert exposure_pct(trades(), MONDAY, MONDAY + 100) == 0.0


def test_the_bounds_of_the_intrabar_rule_are_added_up():
    made = trades(trade(10, pnl_pessimistic=-20.0, intrabar_decided=True), trade(5, pnl_optimistic=8.0))
    stats = summarize(made, *curve(100.0, 115.0))
    assert (stats["pnl_pessimistic"], stats["pnl_optimistic"], stats["intrabar_decided_pct"]) == (-15.0, 18.0, 50.0)


def plain_json(stats):
    return json.loads(json.dumps(stats, allow_nan=False))


EMPTY = trades()
AWKWARD = {
    "no trades": (EMPTY, curve(100.0, 100.0)),
    "one point": (EMPTY, curve(100.0)),
    "no time between": (EMPTY, (np.array([MONDAY, MONDAY]), np.array([100.0, 100.0]))),
    "one trade": (of_pnl(5), curve(100.0, 105.0)),
    "all wins": (of_pnl(5, 6, 7), curve(100.0, 105.0, 118.0)),
    "all the same": (of_pnl(*[0.1] * 40), curve(*(100 + 0.1 * i for i in range(41)))),
    "all zero": (of_pnl(0, 0, 0), curve(100.0, 100.0)),
    "equity at zero": (of_pnl(-100, 50), curve(100.0, 0.0, 50.0)),
    "equity below zero": (of_pnl(-150, 20), curve(100.0, -50.0, -30.0)),
    "prices of zero": (trades(trade(1, entry_price=0.0), trade(2, lots=0.0)), curve(100.0, 103.0)),
    "parts only": (trades(trade(1, id=1, part=1), trade(2, id=1, part=2)), curve(100.0, 103.0)),
    "risk of zero": (trades(trade(1, initial_risk=0.0, pnl_r=math.inf, mae_r=0.0, mfe_r=0.0)), curve(100.0, 101.0)),
    "beyond all numbers": (of_pnl(1e300, 1e300), curve(1e-3, 1e300, 1.7e308)),
}


@pytest.mark.parametrize(("made", "points"), AWKWARD.values(), ids=AWKWARD)
def test_json_can_hold_any_summary_and_every_figure_is_always_there(made, points):
    stats = summarize(made, *points)
    assert plain_json(stats) == stats
    assert set(stats) == set(summarize(of_pnl(1, -1), *curve(100.0, 101.0, 100.0)))
    assert set(stats) >= FIRST_FIGURES | TABLES
    assert isinstance(plain_warnings(stats), list)


def test_no_trades_have_counts_of_zero_and_no_ratios():
    stats = summarize(EMPTY, *curve(100.0, 100.0))
    assert (stats["total_trades"], stats["gross_profit"], stats["exposure_pct"]) == (0, 0.0, 0.0)
    assert stats["win_rate"] is stats["profit_factor"] is stats["monte_carlo"] is stats["r_distribution"] is None


@pytest.mark.parametrize(
    ("times", "equity"), [([], []), ([1], [100.0, 101.0]), ([1, 2], [0.0, 1.0]), ([1], [-5.0]), ([1], [math.nan])]
)
def test_a_curve_without_a_start_is_refused(times, equity):
    with pytest.raises(ValueError, match="equity curve"):
        summarize(EMPTY, np.array(times, np.int64), np.array(equity, np.float64))


def test_arrays_that_may_not_be_written_to_are_read_and_left_alone():
    times, equity = curve(100.0, 90.0, 120.0)
    frozen = np.frombuffer(times.tobytes(), np.int64), np.frombuffer(equity.tobytes(), np.float64)
    made = of_pnl(-10, 30)
    before = list(made.rows())
    assert summarize(made, *frozen) == summarize(made, times, equity)
    assert list(made.rows()) == before


def test_every_figure_is_documented_and_nothing_else():
    page = (Path(__file__).resolve().parents[3] / "docs" / "statistics.md").read_text()
    keys = [
        name
        for line in page.splitlines()
        if line.startswith("| `")
        for name in re.findall(r"`(\w+)`", line.split("|")[1])
    ]
    assert len(keys) == len(set(keys))
    assert set(keys) == set(summarize(EMPTY, *curve(100.0)))


pnl_in_cents = st.lists(st.integers(-50_00, 60_00), max_size=50)


@settings(max_examples=60, deadline=None)
@given(pnl_in_cents, st.integers(1, 4))
def test_what_must_agree_agrees(cents, parts):
    made = trades(
        *(
            trade(c / 100, i * HOUR, (i + part + 1) * HOUR, id=i + 1, part=part, initial_risk=10.0, pnl_r=c / 1_000)
            for i, c in enumerate(cents)
            for part in range(1, parts + 1)
        )
    )
    equity = 1e6 + np.concatenate([[0.0], np.cumsum(np.repeat(np.array(cents) / 100, parts))])
    stats = summarize(made, *curve(*equity))
    assert stats["total_trades"] == len(cents)
    assert stats["winning_trades"] + stats["losing_trades"] + stats["draw_trades"] == len(cents)
    assert stats["gross_profit"] + stats["gross_loss"] == pytest.approx(stats["net_pnl"], abs=0.01)
    assert stats["long_pnl"] + stats["short_pnl"] == pytest.approx(stats["net_pnl"], abs=0.01)
    assert stats["total_r"] in (None, pytest.approx(sum(cents) / 1_000, abs=1e-6))
    assert stats["max_drawdown"] == stats["equity_drawdown_maximal"]
    assert stats["max_drawdown_pct"] == stats["equity_drawdown_relative_pct"]
    assert stats["winning_days"] + stats["losing_days"] + stats["draw_days"] == stats["trading_days"]
    for table in TABLES - {"drawdowns", "r_distribution", "monthly_returns", "monte_carlo"}:
        assert sum(row["trades"] for row in stats[table]) == len(cents)
    depths = [row["depth_pct"] for row in stats["drawdowns"]]
    assert depths == sorted(depths, reverse=True)


def test_columns_of_another_order_of_parts_change_nothing():
    rows = [trade(5, 0, 10, id=1, part=1), trade(-2, 0, 20, id=1, part=2), trade(3, 5, 8, id=2)]
    points = curve(100.0, 106.0)
    assert summarize(Trades.of(rows), *points) == summarize(Trades.of([rows[1], rows[2], rows[0]]), *points)
