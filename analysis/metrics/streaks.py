"""Trades in a row: streaks of wins and losses, and whether they come more often than chance.

In order of entry. A trade at zero ends a streak and belongs to none.
"""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.plain import mean, money

Floats = NDArray[np.float64]


def streak_figures(pnl: Floats) -> dict[str, Any]:
    """The MetaTrader 5 report's "Maximum consecutive wins ($)" (the longest streak, the first of equals, and its
    money), "Maximal consecutive profit (count)" (the streak with most money and its trades), "Average consecutive wins"
    and the same of losses."""
    signs = np.sign(pnl)
    starts = np.flatnonzero(np.diff(signs, prepend=np.nan) != 0)
    lengths = np.diff(starts, append=len(pnl))
    sums = np.add.reduceat(pnl, starts) if len(starts) else np.empty(0)
    won, lost = signs[starts] > 0, signs[starts] < 0
    return {
        **_longest("wins", lengths[won], sums[won]),
        **_longest("losses", lengths[lost], sums[lost]),
        **_richest("profit", lengths[won], sums[won]),
        **_richest("loss", lengths[lost], -sums[lost]),
    }


def z_score_figures(pnl: Floats) -> dict[str, float | None]:
    """Runs test on wins and losses (Vince 1990; MetaTrader 5 report): Z = (N (R - 0.5) - P) / sqrt(P (P - N) / (N - 1))
    with P = 2 W L and R streaks. Below zero wins follow wins, above zero they alternate.

    `z_score_probability_pct` is how sure that is, two-sided. Trades at zero are left out.
    """
    won = pnl[pnl != 0] > 0
    n, wins = len(won), int(won.sum())
    p = 2.0 * wins * (n - wins)
    runs = 1 + int(np.count_nonzero(won[1:] != won[:-1]))
    if n < 2 or p <= n:
        return {"z_score": None, "z_score_probability_pct": None}
    z = (n * (runs - 0.5) - p) / math.sqrt(p * (p - n) / (n - 1))
    return {"z_score": z, "z_score_probability_pct": math.erf(abs(z) / math.sqrt(2)) * 100}


def _longest(name: str, lengths: NDArray[np.int64], sums: Floats) -> dict[str, Any]:
    best = int(lengths.argmax()) if len(lengths) else None
    return {
        f"max_consecutive_{name}": 0 if best is None else int(lengths[best]),
        f"max_consecutive_{name}_pnl": 0.0 if best is None else money(sums[best]),
        f"average_consecutive_{name}": mean(lengths),
    }


def _richest(name: str, lengths: NDArray[np.int64], sums: Floats) -> dict[str, Any]:
    best = int(sums.argmax()) if len(sums) else None
    sign = 1 if name == "profit" else -1
    return {
        f"max_consecutive_{name}": 0.0 if best is None else money(sign * sums[best]),
        f"max_consecutive_{name}_trades": 0 if best is None else int(lengths[best]),
    }
