"""Results as the admin and the pages print them."""

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from bots.models import BacktestRun
from bots.presentation import (
    FIRST,
    Figure,
    FigureGroup,
    figure_groups,
    sparkline,
    trade_rows,
    with_first_refusals,
    with_headline,
)
from tests.factories import BacktestRunFactory


def trade(number: int = 1, **changes: object) -> dict[str, object]:
    return {
        "id": number, "symbol": "EURUSD", "side": "BUY", "lots": 0.1,
        "entry_time": "2025-01-06T10:01:00Z", "entry_price": 1.1, "exit_time": "2025-01-06T11:30:00Z",
        "exit_price": 1.10245, "exit_reason": "tp", "pnl": 1234.5, "pnl_r": 2.0,
    } | changes  # fmt: skip


def curve(*equity: float) -> list[dict[str, object]]:
    return [{"timestamp": f"2025-01-06T10:{minute:02}:00Z", "equity": value} for minute, value in enumerate(equity)]


@pytest.mark.django_db
def test_the_headline_is_read_without_the_stats():
    BacktestRunFactory(stats={"net_pnl": -12.34, "total_trades": 7}, equity_curve=curve(1, 2))
    with CaptureQueriesContext(connection) as queries:
        run = with_headline(BacktestRun.objects.light()).get()
        assert (run.net_pnl, run.total_trades) == (-12.34, 7)
    assert len(queries) == 1
    assert "stats" in run.get_deferred_fields()


@pytest.mark.django_db
def test_a_run_without_stats_has_no_headline():
    BacktestRunFactory()
    run = with_headline(BacktestRun.objects.light()).get()
    assert (run.net_pnl, run.total_trades) == (None, None)


@pytest.mark.django_db
def test_runs_can_be_ordered_by_their_profit_as_a_number():
    for pnl in (9.0, 100.0, -1.0):
        BacktestRunFactory(stats={"net_pnl": pnl})
    ordered = with_headline(BacktestRun.objects.light()).order_by("net_pnl")
    assert [run.net_pnl for run in ordered] == [-1.0, 9.0, 100.0]


@pytest.mark.django_db
def test_of_a_long_list_of_refusals_only_the_first_leave_the_database():
    BacktestRunFactory(refusals=[{"code": str(n)} for n in range(25)])
    run = with_first_refusals(BacktestRun.objects.all()).get()
    assert [row["code"] for row in run.first_refusals] == [str(n) for n in range(FIRST)]
    assert run.refusals_count == 25
    assert run.get_deferred_fields() == {"refusals"}


@pytest.mark.django_db
def test_a_run_without_refusals_has_no_first_ones():
    BacktestRunFactory()
    run = with_first_refusals(BacktestRun.objects.all()).get()
    assert (run.first_refusals, run.refusals_count) == ([], 0)


def test_figures_are_grouped_ordered_and_spelled_for_people():
    stats = {
        "win_rate": 41.666, "net_pnl": -1234.567, "initial_equity": 10_000.0, "cagr_pct": None, "expectancy_r": -0.1,
        "total_trades": 1230, "first_trade_entry_time": "2025-01-06T10:01:00Z", "a_new_figure": 3, "calmar_ratio": None,
    }  # fmt: skip
    assert figure_groups(stats) == [
        FigureGroup(
            "Money", (Figure("Initial equity", "10,000.00"), Figure("Net P&L", "-1,234.57"), Figure("CAGR", "–"))
        ),
        FigureGroup("Risk", (Figure("Calmar ratio", "–"),)),
        FigureGroup(
            "Trades",
            (
                Figure("Total trades", "1,230"),
                Figure("Win rate", "41.67 %"),
                Figure("First trade entry", "2025-01-06 10:01"),
            ),
        ),
        FigureGroup("Per trade", (Figure("Expectancy R", "-0.10"),)),
        FigureGroup("More", (Figure("A new figure", "3"),)),
    ]


def test_a_table_among_the_stats_is_no_figure():
    stats = {"by_tag": [{"tag": "", "pnl": 1.0}], "intraday": {"pnl": 1.0}, "sqn": 1.5}
    assert figure_groups(stats) == [FigureGroup("More", (Figure("Sqn", "1.50"),))]


def test_no_stats_no_figures():
    assert figure_groups({}) == []


def test_prices_have_the_decimals_of_the_most_exact_one():
    short, exact = trade_rows([trade(entry_price=1.1, exit_price=1.2), trade(entry_price=1.10001)])
    assert (short.entry_price, short.exit_price) == ("1.10000", "1.20000")
    assert (exact.entry_price, exact.exit_price) == ("1.10001", "1.10245")
    assert trade_rows([trade(entry_price=1e-05, exit_price=2.0)])[0].entry_price == "0.00001"


@pytest.mark.parametrize(("pnl", "gained"), [(0.01, True), (-0.01, False), (0.0, None), (None, None)])
def test_a_trade_row_says_whether_it_gained(pnl, gained):
    assert trade_rows([trade(pnl=pnl)])[0].gained is gained


def test_a_trade_row_prints_every_value():
    (row,) = trade_rows([trade()])
    assert (row.number, row.side, row.lots, row.exit_reason) == ("1", "BUY", "0.10", "tp")
    assert (row.entry_time, row.exit_time) == ("2025-01-06 10:01", "2025-01-06 11:30")
    assert (row.pnl, row.pnl_r) == ("1,234.50", "2.00")
    assert trade_rows([trade(pnl_r=None)])[0].pnl_r == "–"


def test_a_trade_of_another_engine_with_missing_values_is_still_a_row():
    (row,) = trade_rows([{"id": 1}])
    assert (row.entry_price, row.exit_time, row.pnl, row.gained) == ("–", "–", "–", None)


def test_the_sparkline_fills_its_box():
    drawn = sparkline(curve(100.0, 150.0, 50.0, 75.0), width=300, height=100)
    assert drawn.points == "0.0,50.0 100.0,0.0 200.0,100.0 300.0,75.0"
    assert (drawn.baseline, drawn.gained) == ("50.0", False)
    assert (drawn.first, drawn.last, drawn.lowest, drawn.highest) == ("100.00", "75.00", "50.00", "150.00")


def test_points_of_the_sparkline_are_as_far_apart_as_in_time():
    points = curve(1.0, 2.0, 3.0)
    points[2]["timestamp"] = "2025-01-06T10:10:00Z"
    assert sparkline(points, width=100, height=10).points == "0.0,10.0 10.0,5.0 100.0,0.0"


def test_equity_that_never_moved_is_a_line_in_the_middle():
    drawn = sparkline(curve(100.0, 100.0), width=100, height=40)
    assert (drawn.points, drawn.baseline, drawn.gained) == ("0.0,20.0 100.0,20.0", "20.0", True)


@pytest.mark.parametrize("points", [[], curve(1.0)])
def test_there_is_nothing_to_draw_of_less_than_two_points(points):
    assert sparkline(points) is None


def test_a_long_curve_is_thinned_and_keeps_its_extremes():
    equity = [100.0 + (n % 7) for n in range(2000)]
    equity[777], equity[1234] = 500.0, -20.0
    points = [
        {"timestamp": f"2025-01-{1 + n // 1440:02}T{n // 60 % 24:02}:{n % 60:02}:00Z", "equity": v}
        for n, v in enumerate(equity)
    ]
    drawn = sparkline(points)
    assert len(drawn.points.split()) <= 600
    heights = [point.split(",")[1] for point in drawn.points.split()]
    assert "0.0" in heights
    assert "120.0" in heights
    assert (drawn.lowest, drawn.highest) == ("-20.00", "500.00")
