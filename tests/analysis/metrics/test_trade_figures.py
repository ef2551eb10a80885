"""Counts, profit and costs, against hand-worked numbers."""

import math

import pytest

from analysis.metrics.holding import holding_figures, max_open_trades
from analysis.metrics.trade_figures import best_trades_left_out, cost_figures, system_quality, trade_figures
from analysis.metrics.whole_trades import whole_trades
from tests.analysis.metrics.made import HOUR, MINUTE, of_pnl, trade, trades, whole, whole_of_pnl


def test_profit_worked_by_hand():
    figures = trade_figures(whole_of_pnl(100, 50, -60, 0, -15), 1_000.0)
    expected = {
        "total_trades": 5, "winning_trades": 2, "losing_trades": 2, "draw_trades": 1, "win_rate": 40.0,
        "loss_rate_pct": 40.0, "gross_profit": 150.0, "gross_loss": -75.0, "profit_factor": 2.0, "expectancy": 15.0,
        "average_win": 75.0, "average_loss": -37.5, "payoff_ratio": 2.0, "expectancy_ratio": pytest.approx(0.4),
        "kelly_pct": pytest.approx((0.4 - 0.6 / 2) * 100), "biggest_win": 100.0, "biggest_loss": -60.0,
    }  # fmt: skip
    assert {name: figures[name] for name in expected} == expected


def test_the_expectancy_ratio_is_freqtrades_where_no_trade_ends_at_zero():
    figures = trade_figures(whole_of_pnl(30, -10, -10, 40, -15), 1_000.0)
    payoff, win_rate = figures["payoff_ratio"], figures["win_rate"] / 100
    assert figures["expectancy_ratio"] == pytest.approx((1 + payoff) * win_rate - 1)


def test_longs_and_shorts_have_their_own_win_rate_and_profit():
    figures = trade_figures(whole(trade(10), trade(-4), trade(6, side="SELL")), 200.0)
    assert (figures["long_trades"], figures["short_trades"]) == (2, 1)
    assert (figures["long_won_pct"], figures["short_won_pct"]) == (50.0, 100.0)
    assert (figures["long_pnl"], figures["long_pnl_pct"]) == (6.0, 3.0)
    assert (figures["short_pnl"], figures["short_pnl_pct"]) == (6.0, 3.0)


def test_the_system_quality_number_is_the_t_value_of_the_mean():
    figures = trade_figures(whole_of_pnl(1, 3, 2, 2), 100.0)  # mean 2, deviation sqrt(2 / 3)
    assert figures["sqn"] == pytest.approx(2 * 2 / math.sqrt(2 / 3))


@pytest.mark.parametrize("pnl", [[], [5], [0.1] * 10])
def test_trades_without_spread_have_no_quality_number(pnl):
    assert system_quality(whole_of_pnl(*pnl).pnl) is None


def test_all_wins_have_no_profit_factor_and_no_payoff():
    figures = trade_figures(whole_of_pnl(1, 2, 3), 100.0)
    assert figures["win_rate"] == 100.0
    assert [figures[n] for n in ("profit_factor", "payoff_ratio", "kelly_pct", "biggest_loss", "expectancy_ratio")] == [
        None
    ] * 5


def test_r_figures_leave_out_trades_without_a_stop():
    figures = trade_figures(whole(trade(5, pnl_r=1.0), trade(5), trade(-5, pnl_r=-0.5)), 100.0)
    assert (figures["expectancy_r"], figures["total_r"]) == (0.25, 0.5)


def test_costs_are_commission_less_swap_over_what_trades_made_before_them():
    figures = cost_figures(
        whole(trade(8, commission=2.0), trade(-4.5, commission=2.0, swap=-3.0), trade(-7, commission=2.0))
    )
    assert figures == {  # before costs: 10, 0.5, -5
        "total_commission": 6.0, "total_swap": -3.0, "total_costs": 9.0, "gross_profit_before_costs": 10.5,
        "pnl_before_costs": 5.5, "costs_of_gross_profit_pct": pytest.approx(9 / 10.5 * 100),
    }  # fmt: skip


def test_the_sum_without_the_best_trades():
    assert best_trades_left_out(whole_of_pnl(*[1] * 30, 100, 50, -60).pnl) == {
        "pnl_without_best_trade": 20.0,
        "pnl_without_best_5_pct": -30.0,  # two of 33
    }


def test_holding_times_of_all_of_winners_and_of_losers():
    figures = holding_figures(whole(trade(1, 0, MINUTE), trade(1, 0, 3 * MINUTE), trade(-1, 0, HOUR), trade(0, 0, 0)))
    expected = {
        "min_holding_s": 0.0, "average_holding_s": 960.0, "median_holding_s": 120.0, "max_holding_s": 3_600.0,
        "min_winner_holding_s": 60.0, "average_winner_holding_s": 120.0, "max_winner_holding_s": 180.0,
        "min_loser_holding_s": 3_600.0, "median_loser_holding_s": 3_600.0,
    }  # fmt: skip
    assert {name: figures[name] for name in expected} == expected


@pytest.mark.parametrize(
    ("spans", "most"),
    [([], 0), ([(0, 0)], 1), ([(0, 2), (2, 4)], 1), ([(0, 5), (1, 3), (2, 3), (4, 6)], 3)],
)
def test_the_most_trades_open_at_once(spans, most):
    assert max_open_trades(whole(*(trade(1, *span) for span in spans))) == most


def test_the_parts_of_an_entry_are_one_trade():
    made = whole_trades(
        trades(
            trade(30, 0, 10, id=1, part=1, lots=1.0, initial_risk=10.0, pnl_r=3.0, commission=1.0, mae_r=-0.1,
                  mfe_r=3.0, bars_held=2, exit_reason="signal", exit_price=1.3, tag="a", pnl_pessimistic=20.0),
            trade(-20, 0, 40, id=1, part=2, lots=3.0, initial_risk=30.0, pnl_r=-2 / 3, commission=2.0, mae_r=-0.9,
                  mfe_r=3.0, bars_held=5, exit_reason="sl", exit_price=0.9, tag="a", intrabar_decided=True),
            trade(-7, 20, 30, id=2, pnl_r=-1.0),
        )
    )  # fmt: skip
    assert made.pnl.tolist() == [10.0, -7.0]
    assert made.pnl_r.tolist() == [0.25, -1.0]  # 10 of a risk of 40; as given
    assert made.pnl_pessimistic.tolist() == [0.0, -7.0]
    assert (made.commission[0], made.lots[0], made.initial_risk[0]) == (3.0, 4.0, 40.0)
    assert (made.mae_r[0], made.mfe_r[0], made.bars_held[0]) == (-0.9, 3.0, 5)
    assert (made.exit_reason[0], made.intrabar_decided.tolist()) == ("sl", [True, False])
    assert made.exit_time[0] - made.entry_time[0] == 40
    assert made.move_pct[0] == pytest.approx((30 * 1 - 10 * 3) / 4)


def test_parts_count_as_one_win():
    made = whole_trades(trades(trade(5, id=3, part=1), trade(-2, id=3, part=2), trade(-1, id=4)))
    figures = trade_figures(made, 100.0)
    assert (figures["total_trades"], figures["winning_trades"], figures["losing_trades"]) == (2, 1, 1)


def test_parts_without_a_stop_have_no_r():
    made = whole_trades(trades(trade(5, id=1, part=1), trade(-2, id=1, part=2)))
    assert trade_figures(made, 100.0)["total_r"] is None


def test_trades_closed_at_once_are_taken_as_they_are():
    assert whole_trades(of_pnl(1, -2, 3)).pnl.tolist() == [1.0, -2.0, 3.0]
