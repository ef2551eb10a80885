"""Figures checked against hand-worked numbers."""

import json
import math

import numpy as np
import pytest

from analysis.engine import Trade
from analysis.metrics import daily_returns, drawdown, exposure_pct, sharpe_ratio, sortino_ratio, summarize

DAY = 86_400_000
MONDAY = 1_767_571_200_000


def trade(pnl, entry=0, exit_=1, *, side="BUY", pnl_r=None, commission=0.0, bars=1, decided=False):
    return Trade(
        id=1, symbol="X", side=side, lots=1.0, entry_time=MONDAY + entry, entry_price=1.0, exit_time=MONDAY + exit_,
        exit_price=1.0, sl=None, tp=None, initial_risk=None, pnl=pnl, pnl_r=pnl_r, commission=commission, swap=0.0,
        mae_r=None, mfe_r=None, bars_held=bars, exit_reason="tp", intrabar_decided=decided, tag="",
    )  # fmt: skip


def curve(*days):
    """Initial equity at Monday's open, then one close at the end of each day."""
    times = np.array([MONDAY + i * DAY for i in range(len(days))], dtype=np.int64)
    return times, np.array(days, dtype=np.float64)


def test_daily_returns_are_from_one_days_end_to_the_next():
    times = np.array([MONDAY, MONDAY + 60_000, MONDAY + DAY, MONDAY + DAY + 60_000, MONDAY + 4 * DAY - 1], np.int64)
    equity = np.array([100.0, 90.0, 110.0, 50.0, 121.0])
    assert daily_returns(times, equity).tolist() == pytest.approx([0.1, 50 / 110 - 1, 121 / 50 - 1])


def test_a_close_at_midnight_belongs_to_the_day_that_ends():
    times, equity = curve(100.0, 110.0, 99.0)
    assert daily_returns(times, equity).tolist() == pytest.approx([0.1, -0.1])


def test_daily_returns_have_no_meaning_after_ruin():
    assert len(daily_returns(*curve(100.0, -5.0, 20.0))) == 0


def test_sharpe_is_mean_over_deviation_times_the_root_of_252():
    returns = np.array([0.01, 0.03, -0.01])  # mean 0.01, deviation 0.02
    assert sharpe_ratio(returns) == pytest.approx(0.5 * math.sqrt(252))


def test_sortino_counts_losses_only_but_over_all_days():
    returns = np.array([0.02, -0.01, 0.02, -0.01])  # mean 0.005, downside sqrt(2e-4 / 4)
    assert sortino_ratio(returns) == pytest.approx(0.005 / math.sqrt(5e-5) * math.sqrt(252))


@pytest.mark.parametrize("returns", [[], [0.1], [0.1, 0.1]])
def test_ratios_without_a_denominator_have_no_value(returns):
    assert sharpe_ratio(np.array(returns)) is None
    assert sortino_ratio(np.array(returns)) is None


def test_the_deepest_fall_in_money_and_in_per_cent_may_be_different_falls():
    money, per_cent = drawdown(np.array([100.0, 80.0, 200.0, 165.0, 300.0]))
    assert (money, per_cent) == (35.0, 20.0)


def test_overlapping_trades_are_exposed_once():
    trades = [trade(1, 0, 10), trade(1, 5, 20), trade(1, 6, 8), trade(1, 50, 60)]
    assert exposure_pct(trades, MONDAY, MONDAY + 100) == 30.0


def test_a_summary_worked_by_hand():
    trades = [
        trade(100.0, 0, 10, pnl_r=1.0, commission=1.0, bars=2),
        trade(50.0, 10, 20, side="SELL", pnl_r=0.5, commission=1.0, bars=4),
        trade(-60.0, 20, 30, pnl_r=-1.0, commission=1.5, bars=6, decided=True),
        trade(0.0, 30, DAY, bars=8),
    ]
    stats = summarize(trades, *curve(1_000.0, 1_090.0))
    assert stats == {
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


def test_calmar_is_annual_growth_over_the_deepest_fall():
    stats = summarize([], *curve(100.0, 120.0, 90.0, 110.0))
    growth = (1.1 ** (365.25 / 3) - 1) * 100
    assert stats["calmar_ratio"] == pytest.approx(growth / 25.0)


def test_a_run_without_trades_has_a_summary_that_json_can_hold():
    times = np.array([MONDAY, MONDAY + 60_000], np.int64)
    stats = summarize([], times, np.array([100.0, 100.0]))
    assert json.loads(json.dumps(stats, allow_nan=False)) == stats
    assert (stats["total_trades"], stats["win_rate"], stats["profit_factor"], stats["cagr_pct"]) == (
        0,
        None,
        None,
        None,
    )


@pytest.mark.parametrize(
    ("pnl", "wins", "losses"),
    [([], 0, 0), ([1, 1, -1, 1, 1, 1], 3, 1), ([-1, -1, 0, -1], 0, 2), ([1, 0, 1], 1, 0)],
)
def test_streaks_end_with_the_other_sign_and_with_zero(pnl, wins, losses):
    stats = summarize([trade(float(p)) for p in pnl], *curve(100.0, 100.0))
    assert (stats["max_consecutive_wins"], stats["max_consecutive_losses"]) == (wins, losses)
