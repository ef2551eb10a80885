"""Daily returns and what is made of them, against hand-worked numbers."""

import math

import numpy as np
import pytest

from analysis.metrics import daily_returns, sharpe_ratio, sortino_ratio
from analysis.metrics.periods import daily_closes, day_figures, monthly_returns
from analysis.metrics.returns import (
    annual_growth_pct,
    annual_return_pct,
    conditional_value_at_risk_pct,
    excess_kurtosis,
    growth_figures,
    omega_ratio,
    return_figures,
    serenity_index,
    skew,
    tail_ratio,
    ulcer_index_pct,
    value_at_risk_pct,
    volatility_pct,
)
from tests.analysis.metrics.made import DAY, MONDAY, curve


def test_daily_returns_are_from_one_days_end_to_the_next():
    times = np.array([MONDAY, MONDAY + 60_000, MONDAY + DAY, MONDAY + DAY + 60_000, MONDAY + 4 * DAY - 1], np.int64)
    equity = np.array([100.0, 90.0, 110.0, 50.0, 121.0])
    assert daily_returns(times, equity).tolist() == pytest.approx([0.1, 50 / 110 - 1, 121 / 50 - 1])


def test_a_close_at_midnight_belongs_to_the_day_that_ends():
    assert daily_returns(*curve(100.0, 110.0, 99.0)).tolist() == pytest.approx([0.1, -0.1])


@pytest.mark.parametrize("days", [(100.0, -5.0, 20.0), (100.0, 0.0, 20.0), (100.0, 120.0, 0.0)])
def test_daily_returns_have_no_meaning_after_ruin(days):
    assert len(daily_returns(*curve(*days))) == 0


def test_a_curve_of_one_point_has_no_days():
    assert len(daily_returns(*curve(100.0))) == 0
    assert day_figures(daily_closes(*curve(100.0)))["best_day"] is None


def test_sharpe_is_mean_over_deviation_times_the_root_of_252():
    returns = np.array([0.01, 0.03, -0.01])  # mean 0.01, deviation 0.02
    assert sharpe_ratio(returns) == pytest.approx(0.5 * math.sqrt(252))
    assert volatility_pct(returns) == pytest.approx(2 * math.sqrt(252))


def test_two_days_are_enough_for_a_ratio():
    returns = np.array([0.03, -0.01])  # mean 0.01, deviation 0.02 x root 2, downside 0.01 / root 2
    assert sharpe_ratio(returns) == pytest.approx(0.5 / math.sqrt(2) * math.sqrt(252))
    assert sortino_ratio(returns) == pytest.approx(math.sqrt(2) * math.sqrt(252))


def test_sortino_counts_losses_only_but_over_all_days():
    returns = np.array([0.02, -0.01, 0.02, -0.01])  # mean 0.005, downside sqrt(2e-4 / 4)
    assert sortino_ratio(returns) == pytest.approx(0.005 / math.sqrt(5e-5) * math.sqrt(252))


@pytest.mark.parametrize("returns", [[], [0.1], [0.1, 0.1], [0.1] * 7])
def test_ratios_without_a_denominator_have_no_value(returns):
    values = np.array(returns)
    assert [f(values) for f in (sharpe_ratio, sortino_ratio, omega_ratio, skew, excess_kurtosis)] == [None] * 5


def test_omega_is_gains_over_losses():
    assert omega_ratio(np.array([0.03, -0.01, 0.01, -0.01])) == pytest.approx(2.0)


def test_skew_and_kurtosis_of_four_values():
    values = np.array([0.0, 0.0, 0.0, 4.0])  # mean 1, moments 3, 6, 21
    assert skew(values) == pytest.approx(6 / 3**1.5)
    assert excess_kurtosis(values) == pytest.approx(21 / 9 - 3)


def test_tails_of_the_numbers_from_minus_50_to_50():
    values = np.arange(-50.0, 51.0) / 100
    assert value_at_risk_pct(values) == pytest.approx(-45.0)
    assert conditional_value_at_risk_pct(values) == pytest.approx(-47.5)  # the mean of -50 to -45
    assert tail_ratio(values) == pytest.approx(1.0)


def test_the_annual_return_compounds_252_days():
    assert annual_return_pct(np.array([0.21, 0.0])) == pytest.approx((1.1**252 - 1) * 100)


def test_growth_is_over_calendar_years():
    assert annual_growth_pct(100.0, 121.0, round(2 * 365.25 * DAY)) == pytest.approx(10.0)


@pytest.mark.parametrize(("final", "duration"), [(110.0, DAY - 1), (0.0, DAY), (-3.0, DAY), (1e9, DAY)])
def test_growth_without_a_day_after_ruin_or_beyond_all_numbers_has_no_value(final, duration):
    assert annual_growth_pct(1e-3 if final == 1e9 else 100.0, final, duration) is None


def test_the_ulcer_index_is_the_root_of_the_mean_squared_drawdown():
    assert ulcer_index_pct(np.array([100.0, 90.0, 100.0, 80.0, 100.0])) == pytest.approx(math.sqrt((100 + 400) / 4))


def test_the_serenity_index_worked_by_hand():
    daily = daily_closes(*curve(100.0, 110.0, 99.0, 108.9))  # returns 0.1, -0.1, 0.1; drawdowns 0, 10 %, 1 %
    ulcer, spread = math.sqrt((0.1**2 + 0.01**2) / 3), math.sqrt(0.04 / 3)
    assert serenity_index(daily) == pytest.approx(0.1 / (ulcer * 0.1 / spread))


def test_days_are_counted_by_the_change_of_equity():
    figures = day_figures(daily_closes(*curve(100.0, 110.0, 110.0, 99.0)))
    assert figures == {
        "trading_days": 3, "winning_days": 1, "draw_days": 1, "losing_days": 1,
        "average_day": pytest.approx(-1 / 3), "best_day": 10.0, "best_day_pct": pytest.approx(10.0),
        "best_day_date": "2026-01-05", "worst_day": -11.0, "worst_day_pct": pytest.approx(-10.0),
        "worst_day_date": "2026-01-07",
    }  # fmt: skip


def test_months_are_from_the_end_of_the_month_before():
    days = [-6, -5, 26, 27, 57]  # from Monday, 5 January 2026: two ends in December, two in January, one in March
    times = np.array([MONDAY + day * DAY for day in days], np.int64)
    rows = monthly_returns(daily_closes(times, np.array([100.0, 110.0, 99.0, 121.0, 60.5])))
    nothing = [None] * 12
    assert rows == [
        {"year": 2025, "months": [*nothing[:11], pytest.approx(10.0)], "total": pytest.approx(10.0)},
        {
            "year": 2026,
            "months": [pytest.approx(10.0), None, pytest.approx(-50.0), *nothing[3:]],
            "total": pytest.approx(-45.0),
        },
    ]


def test_a_month_after_ruin_has_no_return():
    times = np.array([MONDAY, MONDAY + 20 * DAY, MONDAY + 50 * DAY], np.int64)
    rows = monthly_returns(daily_closes(times, np.array([100.0, -20.0, 50.0])))
    assert rows[0]["months"][:2] == [pytest.approx(-120.0), None]
    assert rows[0]["total"] == pytest.approx(-50.0)


def test_growth_in_money_and_per_cent():
    figures = growth_figures(*curve(1_000.0, 900.0, 1_100.004))
    assert (figures["net_pnl"], figures["total_return_pct"]) == (100.0, pytest.approx(10.0004))
    assert (figures["start_time"], figures["duration_s"]) == ("2026-01-05T00:00:00Z", 172_800.0)


def test_ruin_leaves_every_ratio_of_returns_without_a_value():
    figures = return_figures(daily_closes(*curve(100.0, -5.0, 20.0)))
    assert {name for name, value in figures.items() if value is not None} == {"ulcer_index_pct"}
