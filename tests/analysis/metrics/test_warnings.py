"""Each warning comes when it must, and not otherwise."""

import pytest

from analysis.metrics import plain_warnings, summarize
from tests.analysis.metrics.made import DAY, curve, trade, trades


def bounds(p95):
    return {"drawdown": {"p5": 1.0, "p50": 2.0, "p95": p95}}


def sound(**others):
    """Statistics that give no reason to warn."""
    months = [{"month": f"2026-{i:02}", "pnl": 50.0} for i in range(1, 11)]
    return {
        "net_pnl": 500.0, "total_trades": 200, "pnl_pessimistic": 400.0, "total_costs": 100.0,
        "costs_of_gross_profit_pct": 10.0, "probabilistic_sharpe_ratio": 0.99, "pnl_without_best_trade": 450.0,
        "pnl_without_best_5_pct": 100.0, "by_month": months,
        "monte_carlo": {"seen_drawdown": 100.0, "bootstrap": bounds(150.0), "reshuffle": bounds(190.0)},
    } | others  # fmt: skip


@pytest.mark.parametrize("stats", [sound(), {}, sound(monte_carlo=None, by_month=[], probabilistic_sharpe_ratio=None)])
def test_sound_and_missing_figures_warn_of_nothing(stats):
    assert plain_warnings(stats) == []


@pytest.mark.parametrize(
    ("changed", "words"),
    [
        ({"pnl_pessimistic": 0.0}, "depends on an assumption"),
        ({"costs_of_gross_profit_pct": 31.0}, "take 31 % of the gross profit"),
        ({"total_costs": 501.0}, "more than the net result"),
        ({"net_pnl": -99.0, "by_month": []}, "more than the net result"),
        ({"probabilistic_sharpe_ratio": 0.94}, "cannot be told from zero"),
        ({"pnl_without_best_trade": 0.0, "pnl_without_best_5_pct": -5.0}, "One trade makes the profit"),
        ({"pnl_without_best_5_pct": -5.0}, "without the best 5 %"),
        ({"by_month": [{"month": "2026-01", "pnl": 600.0}, {"month": "2026-02", "pnl": -9.0}]}, "without 2026-01"),
        (
            {"monte_carlo": {"seen_drawdown": 100.0, "bootstrap": bounds(150.0), "reshuffle": bounds(201.0)}},
            "Expect deeper drawdowns: in 5 of 100 simulations with the same trades it is 201.00",
        ),
    ],
)
def test_one_reason_gives_one_warning(changed, words):
    (warning,) = plain_warnings(sound(**changed))
    assert words in warning


@pytest.mark.parametrize(
    "changed",
    [
        {"net_pnl": -500.0, "pnl_pessimistic": -600.0, "by_month": []},
        {"net_pnl": -500.0, "probabilistic_sharpe_ratio": 0.1},
        {"net_pnl": -500.0, "pnl_without_best_trade": -600.0},
        {"total_costs": -700.0},
        {"by_month": [{"month": "2026-01", "pnl": 600.0}]},
    ],
)
def test_what_a_loss_a_rebate_or_one_month_says_is_plain_enough(changed):
    assert plain_warnings(sound(**changed)) == []


def test_a_summary_can_be_warned_about():
    made = trades(*(trade(-10, i * DAY, i * DAY + 1) for i in range(40)), trade(500, 40 * DAY, 40 * DAY + 1))
    found = plain_warnings(summarize(made, *curve(*range(1_000, 590, -10), 1_100)))
    assert any("One trade makes the profit" in warning for warning in found)
    assert any("cannot be told from zero" in warning for warning in found)
