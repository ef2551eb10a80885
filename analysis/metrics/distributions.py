"""How the results of trades are spread."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.plain import deviation

QUANTILES = (1, 5, 25, 50, 75, 95, 99)
BIN_R = 0.5
LOWEST_R, HIGHEST_R = -5.0, 10.0


def r_distribution(pnl_r: NDArray[np.float64]) -> dict[str, Any] | None:
    """R-multiples (P&L over initial risk, Tharp 2008) of the trades with a stop; None without any.

    `bins` are half an R wide, `from` included and `to` not; below -5 R and from 10 R on there is one open bin each
    (`from` or `to` is None). Empty bins outside the range of the trades are left out. `quantiles` are "p1" to "p99".
    """
    known = pnl_r[np.isfinite(pnl_r)]
    if not len(known):
        return None
    return {
        "trades": len(known),
        "mean": float(known.mean()),
        "std": deviation(known) if len(known) > 1 else None,
        "min": float(known.min()),
        "max": float(known.max()),
        "quantiles": quantiles(known, QUANTILES),
        "bins": _bins(known),
    }


def quantiles(values: NDArray[np.float64], per_cents: tuple[int, ...]) -> dict[str, float]:
    """Quantiles by linear interpolation, under "p5" for 5 per cent."""
    found = np.quantile(values, np.array(per_cents) / 100)
    return {f"p{per_cent}": float(value) for per_cent, value in zip(per_cents, found, strict=True)}


def _bins(values: NDArray[np.float64]) -> list[dict[str, Any]]:
    edges = np.arange(LOWEST_R, HIGHEST_R + BIN_R / 2, BIN_R)
    bounds = [None, *edges.tolist(), None]
    counts = np.bincount(np.searchsorted(edges, values, side="right"), minlength=len(edges) + 1)
    filled = np.flatnonzero(counts)
    return [
        {"from": bounds[place], "to": bounds[place + 1], "trades": int(counts[place])}
        for place in range(filled[0], filled[-1] + 1)
    ]
