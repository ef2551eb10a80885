"""What the same trades could have done: their P&L drawn again, and in other orders.

Trades are taken as independent of each other and of the size of the account. Random numbers are SplitMix64 (Steele,
Lea & Flood 2014) from a fixed seed: the same trades, the same answer.
"""

from typing import Any

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from analysis.compiled import FLOAT, FLOATS, READ_FLOATS, compiled_for
from analysis.metrics.distributions import quantiles
from analysis.metrics.drawdowns import drawdown
from analysis.metrics.plain import money

SEED_USED = 20_261_121
MOST_PATHS, FEWEST_PATHS = 1_000, 200
STEPS = 2_000_000  # trades simulated a method: what a summary has time for
BOUNDS = (5, 50, 95)

Floats = NDArray[np.float64]

_GOLDEN = np.uint64(0x9E3779B97F4A7C15)
_MIX_1, _MIX_2 = np.uint64(0xBF58476D1CE4E5B9), np.uint64(0x94D049BB133111EB)
_30, _27, _31, _32 = np.uint64(30), np.uint64(27), np.uint64(31), np.uint64(32)
_LOW = np.uint64(0xFFFFFFFF)


def monte_carlo(balance: Floats, seed: int = SEED_USED) -> dict[str, Any] | None:
    """Bounds on drawdown and end of the trades behind a balance curve (initial balance, then one value a trade); None
    for fewer than two trades.

    `bootstrap` draws as many trades with replacement (Efron 1979), `reshuffle` puts the same trades in random order.
    "p5", "p50", "p95" are quantiles over the paths of the deepest drawdown, in account currency and in per cent of the
    peak. `loss_probability_pct` is the share of bootstrap paths that end below the start. `seen_` is what happened.
    """
    pnl = np.ascontiguousarray(np.diff(balance))
    if len(pnl) < 2:
        return None
    initial = float(balance[0])
    paths = min(max(STEPS // len(pnl), FEWEST_PATHS), MOST_PATHS)
    falls, shares, gains = np.empty(paths), np.empty(paths), np.empty(paths)
    bootstrap_paths(pnl, initial, np.uint64(seed), falls, shares, gains)
    bootstrap = {
        **_bounds(falls, shares),
        "final_pnl": quantiles(gains, BOUNDS),
        "loss_probability_pct": float(np.mean(gains < 0)) * 100,
    }
    reshuffled_paths(pnl.copy(), initial, np.uint64(seed), falls, shares)
    seen, seen_pct = drawdown(balance)
    return {
        "paths": paths,
        "seed": seed,
        "seen_drawdown": money(seen),
        "seen_drawdown_pct": seen_pct,
        "bootstrap": bootstrap,
        "reshuffle": _bounds(falls, shares),
    }


@compiled_for(types.void(READ_FLOATS, FLOAT, types.uint64, FLOATS, FLOATS, FLOATS))
def bootstrap_paths(pnl: Any, initial: float, seed: Any, falls: Any, shares: Any, gains: Any) -> None:
    """One path an element of `falls`: its deepest drawdown in money, as a share of the peak, and its whole P&L."""
    n = np.uint64(len(pnl))
    state = seed
    bits = np.uint64(0)
    for path in range(len(falls)):
        level = peak = initial
        fall = share = 0.0
        for step in range(len(pnl)):
            if step & 1:
                bits = bits >> _32
            else:
                state = state + _GOLDEN
                bits = (state ^ (state >> _30)) * _MIX_1
                bits = (bits ^ (bits >> _27)) * _MIX_2
                bits = bits ^ (bits >> _31)
            level += pnl[((bits & _LOW) * n) >> _32]
            peak = max(peak, level)
            fall = max(fall, peak - level)
            if peak - level > share * peak:
                share = (peak - level) / peak
        falls[path], shares[path], gains[path] = fall, share, level - initial


@compiled_for(types.void(FLOATS, FLOAT, types.uint64, FLOATS, FLOATS))
def reshuffled_paths(pnl: Any, initial: float, seed: Any, falls: Any, shares: Any) -> None:
    """The same of random orders, each by Fisher and Yates from the one before; leaves `pnl` in the last of them."""
    state = seed
    bits = np.uint64(0)
    for path in range(len(falls)):
        level = peak = initial
        fall = share = 0.0
        for left in range(len(pnl), 0, -1):
            if (len(pnl) - left) & 1:
                bits = bits >> _32
            else:
                state = state + _GOLDEN
                bits = (state ^ (state >> _30)) * _MIX_1
                bits = (bits ^ (bits >> _27)) * _MIX_2
                bits = bits ^ (bits >> _31)
            place = ((bits & _LOW) * np.uint64(left)) >> _32
            drawn = pnl[place]
            pnl[place] = pnl[left - 1]
            pnl[left - 1] = drawn
            level += drawn
            peak = max(peak, level)
            fall = max(fall, peak - level)
            if peak - level > share * peak:
                share = (peak - level) / peak
        falls[path], shares[path] = fall, share


def _bounds(falls: Floats, shares: Floats) -> dict[str, Any]:
    return {"drawdown": quantiles(falls, BOUNDS), "drawdown_pct": quantiles(shares * 100, BOUNDS)}
