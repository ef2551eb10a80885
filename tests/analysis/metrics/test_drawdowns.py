"""Falls from a peak, against hand-worked numbers and a slow second way to find them."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from analysis.metrics import drawdown
from analysis.metrics.drawdowns import drawdown_figures, drawdown_table, drawdowns_of, level_figures
from tests.analysis.metrics.made import curve

DAY_S = 86_400.0


def test_the_deepest_fall_in_money_and_in_per_cent_may_be_different_falls():
    money, per_cent = drawdown(np.array([100.0, 80.0, 200.0, 165.0, 300.0]))
    assert (money, per_cent) == (35.0, 20.0)


@pytest.mark.parametrize("values", [[100.0], [100.0, 100.0], [100.0, 101.0, 300.0], []])
def test_what_never_falls_has_no_drawdown(values):
    assert drawdown(np.array(values)) == (0.0, 0.0)


def test_the_three_drawdowns_of_metatrader():
    found = drawdowns_of(*curve(100.0, 80.0, 200.0, 165.0, 300.0))
    assert level_figures("equity", found) == {
        "min_equity": 80.0, "max_equity": 300.0,
        "equity_drawdown_absolute": 20.0, "equity_drawdown_absolute_pct": pytest.approx(20.0),
        "equity_drawdown_maximal": 35.0, "equity_drawdown_maximal_pct": pytest.approx(17.5),
        "equity_drawdown_relative": 20.0, "equity_drawdown_relative_pct": pytest.approx(20.0),
    }  # fmt: skip


def test_there_is_no_absolute_drawdown_above_the_start():
    figures = level_figures("balance", drawdowns_of(*curve(100.0, 150.0, 110.0)))
    assert (figures["balance_drawdown_absolute"], figures["balance_drawdown_maximal"]) == (0.0, 40.0)


def test_an_equity_below_zero_is_a_drawdown_of_more_than_everything():
    assert drawdown(np.array([100.0, 200.0, -100.0])) == (300.0, 150.0)


def test_durations_and_depths_worked_by_hand():
    # Two falls: 10 % over two days; 20 % from the second 100 (the last point at the peak) that is not over.
    found = drawdowns_of(*curve(100.0, 90.0, 100.0, 100.0, 85.0, 80.0, 88.0))
    figures = drawdown_figures(found)
    assert figures == {
        "max_drawdown": 20.0, "max_drawdown_pct": pytest.approx(20.0), "drawdown_count": 2,
        "average_drawdown": 15.0, "average_drawdown_pct": pytest.approx(15.0),
        "longest_drawdown_s": 3 * DAY_S, "average_drawdown_s": 2.5 * DAY_S, "longest_recovery_s": DAY_S,
        "underwater_pct": pytest.approx(4 / 6 * 100), "current_drawdown": 12.0,
        "current_drawdown_pct": pytest.approx(12.0),
        "max_drawdown_start_time": "2026-01-08T00:00:00Z", "max_drawdown_trough_time": "2026-01-10T00:00:00Z",
        "max_drawdown_recovery_time": None, "max_drawdown_high": 100.0, "max_drawdown_low": 80.0,
        "max_drawdown_duration_s": 3 * DAY_S,
    }  # fmt: skip


def test_the_table_has_the_deepest_first_and_what_is_not_over_without_a_recovery():
    found = drawdowns_of(*curve(100.0, 90.0, 100.0, 100.0, 85.0, 80.0, 88.0))
    deepest, other = drawdown_table(found)
    assert deepest["recovery_time"] is deepest["recovery_s"] is None
    assert other == {
        "start_time": "2026-01-05T00:00:00Z", "trough_time": "2026-01-06T00:00:00Z",
        "recovery_time": "2026-01-07T00:00:00Z", "high": 100.0, "low": 90.0, "depth": 10.0,
        "depth_pct": pytest.approx(10.0), "duration_s": 2 * DAY_S, "fall_s": DAY_S, "recovery_s": DAY_S,
    }  # fmt: skip


def test_the_table_keeps_ten_and_of_equal_ones_the_earliest():
    values = [100.0] + [value for _ in range(15) for value in (99.0, 100.0)]
    rows = drawdown_table(drawdowns_of(*curve(*values)))
    assert [row["start_time"][:10] for row in rows] == [f"2026-01-{5 + 2 * i:02}" for i in range(10)]


def test_a_curve_that_never_falls_has_an_empty_table_and_no_means():
    found = drawdowns_of(*curve(100.0, 101.0))
    figures = drawdown_figures(found)
    assert drawdown_table(found) == []
    assert (figures["max_drawdown"], figures["longest_drawdown_s"], figures["underwater_pct"]) == (0.0, 0.0, 0.0)
    assert figures["average_drawdown"] is figures["max_drawdown_start_time"] is figures["longest_recovery_s"] is None


@given(st.lists(st.integers(-20, 40), min_size=1, max_size=60))
def test_the_scan_finds_what_a_running_maximum_finds(steps):
    values = np.array([100.0, *(100.0 + np.cumsum(steps))])
    found = drawdowns_of(np.arange(len(values), dtype=np.int64), values)
    peaks = np.maximum.accumulate(values)
    under = values < peaks
    assert len(found) == int((under & ~np.concatenate([[False], under[:-1]])).sum())
    assert drawdown(values) == (
        float((peaks - values).max()),
        pytest.approx(float(((peaks - values) / peaks).max()) * 100),
    )
    inside = int((found.ends - found.start - (found.recovery >= 0)).sum())
    assert inside == int(under.sum())
    for start, trough, end in zip(found.start, found.trough, found.ends, strict=True):
        assert start < trough <= end
        assert values[trough] == values[start : end + 1].min()
        assert values[start] == peaks[trough]
