"""Bounds from simulated orders of the same trades."""

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given, settings

from analysis.metrics.monte_carlo import FEWEST_PATHS, MOST_PATHS, bootstrap_paths, monte_carlo, reshuffled_paths


def balance(pnl, initial=1_000.0):
    return np.concatenate([[initial], initial + np.cumsum(np.asarray(pnl, np.float64))])


def test_the_same_trades_give_the_same_answer_and_another_seed_another():
    curve = balance(np.random.default_rng(1).normal(1, 20, 300))
    assert monte_carlo(curve) == monte_carlo(curve)
    assert monte_carlo(curve) != monte_carlo(curve, seed=2)


@pytest.mark.parametrize("pnl", [[], [5.0]])
def test_fewer_than_two_trades_are_not_simulated(pnl):
    assert monte_carlo(balance(pnl)) is None


def test_wins_only_never_fall():
    found = monte_carlo(balance([1.0, 2.0, 3.0]))
    assert found["bootstrap"]["loss_probability_pct"] == 0.0
    assert found["bootstrap"]["drawdown"] == {"p5": 0.0, "p50": 0.0, "p95": 0.0}
    assert found["paths"] == MOST_PATHS


def test_losses_only_fall_by_their_sum_in_any_order():
    found = monte_carlo(balance([-100.0, -50.0, -50.0]))
    assert found["reshuffle"]["drawdown"] == {"p5": 200.0, "p50": 200.0, "p95": 200.0}
    assert found["reshuffle"]["drawdown_pct"]["p50"] == pytest.approx(20.0)
    assert found["bootstrap"]["loss_probability_pct"] == 100.0
    assert (found["seen_drawdown"], found["seen_drawdown_pct"]) == (200.0, pytest.approx(20.0))


def test_two_trades_have_two_orders_each_about_as_often():
    falls, shares = np.empty(20_000), np.empty(20_000)
    reshuffled_paths(np.array([10.0, -10.0]), 100.0, np.uint64(1), falls, shares)
    assert set(falls.tolist()) == {10.0}
    assert np.mean(shares == 10 / 110) == pytest.approx(0.5, abs=0.02)


def test_every_order_of_four_trades_comes_about_as_often():
    falls, shares = np.empty(48_000), np.empty(48_000)
    reshuffled_paths(np.array([8.0, -1.0, -2.0, -4.0]), 100.0, np.uint64(1), falls, shares)
    values, counts = np.unique(falls, return_counts=True)  # 8 first or last: 12 of 24 orders fall by 7
    assert dict(zip(values.tolist(), counts / 48_000, strict=True))[7.0] == pytest.approx(0.5, abs=0.01)


def test_a_bootstrap_has_the_mean_and_the_spread_of_drawing_with_replacement():
    pnl = np.array([30.0, -10.0, -10.0, 5.0, 0.0])
    falls, shares, gains = (np.empty(40_000) for _ in range(3))
    bootstrap_paths(pnl, 100.0, np.uint64(1), falls, shares, gains)
    assert gains.mean() == pytest.approx(pnl.sum(), abs=0.5)
    assert gains.std() == pytest.approx(pnl.std() * np.sqrt(5), rel=0.02)


def splitmix(seed):
    """Halves of SplitMix64's numbers, the low one first, as its authors publish it."""
    mask = 2**64 - 1
    while True:
        seed = (seed + 0x9E3779B97F4A7C15) & mask
        bits = ((seed ^ (seed >> 30)) * 0xBF58476D1CE4E5B9) & mask
        bits = ((bits ^ (bits >> 27)) * 0x94D049BB133111EB) & mask
        bits ^= bits >> 31
        yield bits & 0xFFFFFFFF
        yield bits >> 32


def falls_of(path):
    peaks = np.maximum.accumulate(path)
    return (peaks - path).max(), ((peaks - path) / peaks).max()


@pytest.mark.parametrize("size", [60, 61])
def test_a_bootstrap_is_the_one_written_plainly(size):
    pnl = np.random.default_rng(5).normal(0, 20, size)
    falls, shares, gains = (np.empty(5) for _ in range(3))
    bootstrap_paths(pnl, 200.0, np.uint64(11), falls, shares, gains)
    drawn = splitmix(11)
    for path in range(5):
        numbers = [next(drawn) for _ in range(size + size % 2)][:size]  # a path begins with a number of its own
        level = balance([pnl[number * size >> 32] for number in numbers], 200.0)
        assert (falls[path], shares[path]) == pytest.approx(falls_of(level))
        assert gains[path] == pytest.approx(level[-1] - 200.0)


@pytest.mark.parametrize("size", [60, 61])
def test_a_reshuffle_is_the_one_written_plainly(size):
    pnl = np.random.default_rng(5).normal(0, 20, size)
    falls, shares = np.empty(5), np.empty(5)
    reshuffled_paths(pnl.copy(), 200.0, np.uint64(11), falls, shares)
    drawn, order = splitmix(11), pnl.tolist()
    for path in range(5):
        numbers, taken = [next(drawn) for _ in range(size + size % 2)], []
        for number, left in zip(numbers, range(size, 0, -1), strict=False):
            place = number * left >> 32
            order[place], order[left - 1] = order[left - 1], order[place]
            taken.append(order[left - 1])
        assert (falls[path], shares[path]) == pytest.approx(falls_of(balance(taken, 200.0)))


def test_every_order_of_three_trades_comes_about_as_often():
    falls, shares = np.empty(30_000), np.empty(30_000)
    reshuffled_paths(np.array([7.0, -1.0, -3.0]), 100.0, np.uint64(1), falls, shares)
    values, counts = np.unique(falls, return_counts=True)  # the win first or last: 4; between: the loss that is larger
    assert dict(zip(values.tolist(), (counts / 30_000).tolist(), strict=True)) == {
        3.0: pytest.approx(1 / 3, abs=0.015),
        4.0: pytest.approx(2 / 3, abs=0.015),
    }


def test_many_trades_are_simulated_on_fewer_paths():
    assert monte_carlo(balance(np.ones(20_000)))["paths"] == FEWEST_PATHS


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(-300, 300), min_size=2, max_size=40))
def test_bounds_are_in_order_and_within_what_the_trades_allow(pnl):
    found = monte_carlo(balance(pnl))
    losses = -sum(min(p, 0) for p in pnl)
    for method in ("bootstrap", "reshuffle"):
        for name in ("drawdown", "drawdown_pct"):
            bounds = list(found[method][name].values())
            assert bounds == sorted(bounds)
            assert bounds[0] >= 0
    assert found["reshuffle"]["drawdown"]["p95"] <= losses + 1e-6
    assert found["reshuffle"]["drawdown"]["p5"] >= max(-sum(pnl), 0) - 1e-6
    assert 0 <= found["bootstrap"]["loss_probability_pct"] <= 100
