"""The MetaTrader 5 report's own figures, against numbers computed by hand from its definitions."""

import math

import numpy as np
import pytest

from analysis.metrics.balance import (
    balance_after_trades,
    balance_curve,
    correlation,
    growth_per_trade,
    price_moves,
    straightness,
)
from analysis.metrics.excursions import excursion_figures
from analysis.metrics.streaks import streak_figures, z_score_figures
from tests.analysis.metrics.made import MONDAY, trade, trades, whole, whole_of_pnl


def test_the_z_score_of_vinces_runs_test():
    # + + - + - - + + : N 8, W 5, L 3, P 30, five runs: (8 * 4.5 - 30) / sqrt(30 * 22 / 7)
    figures = z_score_figures(np.array([1.0, 2, -1, 3, -2, -2, 1, 1]))
    assert figures["z_score"] == pytest.approx(6 / math.sqrt(30 * 22 / 7))


@pytest.mark.parametrize(("z", "per_cent"), [(-1.24, 78.50), (0.21, 16.63), (-2.94, 99.67)])
def test_its_probability_is_the_one_real_reports_print(z, per_cent):
    assert math.erf(abs(z) / math.sqrt(2)) * 100 == pytest.approx(per_cent, abs=0.01)
    pnl = np.array([1.0, 2, -1, 3, -2, -2, 1, 1])
    figures = z_score_figures(pnl)
    assert figures["z_score_probability_pct"] == pytest.approx(math.erf(figures["z_score"] / math.sqrt(2)) * 100)


def test_a_trade_at_zero_does_not_enter_the_z_score():
    pnl = np.array([1.0, 2, -1, 3, -2, -2, 1, 1])
    assert z_score_figures(np.insert(pnl, 1, 0.0)) == z_score_figures(pnl)


@pytest.mark.parametrize("pnl", [[], [1], [1, 1, 1], [-1, -1], [1, -1], [0, 0]])
def test_without_wins_and_losses_to_arrange_there_is_no_z_score(pnl):
    assert z_score_figures(np.array(pnl, np.float64)) == {"z_score": None, "z_score_probability_pct": None}


def test_ahpr_and_ghpr_of_a_balance():
    figures = growth_per_trade(np.array([100.0, 110.0, 99.0]))  # 1.1 and 0.9
    assert figures["ahpr"] == pytest.approx(1.0)
    assert figures["ghpr"] == pytest.approx(math.sqrt(0.99))
    assert figures["sharpe_ratio_per_trade"] == pytest.approx(0.0, abs=1e-12)
    assert (figures["best_trade_pct"], figures["worst_trade_pct"]) == (pytest.approx(10.0), pytest.approx(-10.0))
    assert growth_per_trade(np.array([100.0, 110.0]))["average_trade_pct"] == pytest.approx(10.0)


@pytest.mark.parametrize("balance", [[100.0], [100.0, 0.0, 50.0], [100.0, -10.0]])
def test_growth_per_trade_has_no_meaning_without_trades_or_after_ruin(balance):
    assert set(growth_per_trade(np.array(balance)).values()) == {None}


def test_the_regression_of_a_balance_worked_by_hand():
    # 0..3 against 1, 3, 2, 4: slope 0.8, intercept 1.3, residuals -0.3 0.9 -0.9 0.3
    figures = straightness(np.array([1.0, 3.0, 2.0, 4.0]))
    assert figures["lr_correlation"] == pytest.approx(0.8)
    assert figures["lr_standard_error"] == pytest.approx(math.sqrt(1.8 / 2))


def test_a_balance_that_falls_in_a_line_correlates_with_minus_one():
    figures = straightness(np.array([100.0, 90.0, 80.0]))
    assert figures == {"lr_correlation": pytest.approx(-1.0), "lr_standard_error": pytest.approx(0.0, abs=1e-9)}


@pytest.mark.parametrize("balance", [[100.0], [100.0, 100.0], [100.0, 100.0, 100.0]])
def test_a_flat_balance_correlates_with_nothing(balance):
    assert straightness(np.array(balance))["lr_correlation"] is None


def test_consecutive_wins_and_losses_by_count_and_by_money():
    figures = streak_figures(np.array([1.0, 1, 1, -5, -1, 0, -4, 10, -1, -1, -1]))
    assert figures == {
        "max_consecutive_wins": 3, "max_consecutive_wins_pnl": 3.0, "average_consecutive_wins": 2.0,
        "max_consecutive_losses": 3, "max_consecutive_losses_pnl": -3.0, "average_consecutive_losses": 2.0,
        "max_consecutive_profit": 10.0, "max_consecutive_profit_trades": 1,
        "max_consecutive_loss": -6.0, "max_consecutive_loss_trades": 2,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("pnl", "wins", "losses"),
    [([], 0, 0), ([1, 1, -1, 1, 1, 1], 3, 1), ([-1, -1, 0, -1], 0, 2), ([1, 0, 1], 1, 0)],
)
def test_streaks_end_with_the_other_sign_and_with_zero(pnl, wins, losses):
    figures = streak_figures(np.array(pnl, np.float64))
    assert (figures["max_consecutive_wins"], figures["max_consecutive_losses"]) == (wins, losses)


def test_no_streak_has_no_money():
    figures = streak_figures(np.zeros(3))
    assert figures == {
        "max_consecutive_wins": 0, "max_consecutive_wins_pnl": 0.0, "average_consecutive_wins": None,
        "max_consecutive_losses": 0, "max_consecutive_losses_pnl": 0.0, "average_consecutive_losses": None,
        "max_consecutive_profit": 0.0, "max_consecutive_profit_trades": 0,
        "max_consecutive_loss": 0.0, "max_consecutive_loss_trades": 0,
    }  # fmt: skip


def test_correlations_of_profit_and_excursions_are_of_money():
    figures = excursion_figures(
        whole(
            trade(10, initial_risk=10.0, pnl_r=1.0, mae_r=-0.2, mfe_r=1.0),
            trade(-10, initial_risk=5.0, pnl_r=-2.0, mae_r=-2.0, mfe_r=0.0),
            trade(0, initial_risk=20.0, pnl_r=0.0, mae_r=-0.1, mfe_r=0.25),
            trade(99),
        )
    )  # profit 10 -10 0, MFE 10 0 5, MAE -2 -10 -2
    assert figures["correlation_profit_mfe"] == pytest.approx(1.0)
    expected = np.corrcoef([10.0, -10, 0], [-2.0, -10, -2])[0, 1]
    assert figures["correlation_profit_mae"] == figures["correlation_mfe_mae"] == pytest.approx(expected)
    assert (figures["largest_mae_r"], figures["largest_mfe_r"]) == (-2.0, 1.0)
    assert figures["edge_ratio"] == pytest.approx(1.25 / 2.3)
    assert figures["average_giveback_r"] == pytest.approx((0.0 + 2.0 + 0.25) / 3)


def test_trades_without_a_stop_have_no_excursions():
    assert set(excursion_figures(whole_of_pnl(1, 2)).values()) == {None}


def test_a_correlation_needs_two_pairs_and_a_spread():
    nan = math.nan
    assert correlation(np.array([1.0, nan]), np.array([1.0, 2.0])) is None
    assert correlation(np.array([1.0, 2.0]), np.array([3.0, 3.0])) is None
    assert correlation(np.array([1.0, 2.0, nan]), np.array([3.0, 2.0, 1.0])) == pytest.approx(-1.0)


def test_the_balance_moves_at_exits_also_of_parts():
    made = trades(trade(5, 0, 30), trade(-2, 10, 20, id=9, part=1), trade(1, 10, 40, id=9, part=2))
    times, balance = balance_curve(made, MONDAY, 100.0)
    assert (times - MONDAY).tolist() == [0, 20, 30, 40]
    assert balance.tolist() == [100.0, 98.0, 103.0, 104.0]


def test_a_balance_that_comes_back_to_its_peak_is_not_in_drawdown_by_a_rounding():
    assert balance_after_trades(whole_of_pnl(0.1, 0.2, -0.3), 0.3)[-1] == 0.3


def test_price_moves_are_for_the_trade_and_before_costs():
    made = whole(trade(1, entry_price=2.0, exit_price=2.2), trade(1, side="SELL", entry_price=2.0, exit_price=1.9))
    moves = price_moves(made)
    assert list(moves.values()) == pytest.approx([10.0, 5.0, 7.5])
