"""Compiled scans over an equity curve."""

from typing import Any

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from analysis.compiled import FLOAT_PAIR, INT, READ_FLOATS, compiled_for

_INT_TABLE = types.Array(types.int64, 2, "C")


@compiled_for(INT(READ_FLOATS))
def count_falls(values: Any) -> int:
    """How many times a series falls below its highest value so far, counted once until it is back there."""
    count = 0
    under = False
    peak = values[0]
    for value in values:
        if value >= peak:
            peak = value
            under = False
        elif not under:
            under = True
            count += 1
    return count


@compiled_for(types.void(READ_FLOATS, _INT_TABLE))
def find_falls(values: Any, falls: Any) -> None:
    """Fill a row of `falls` for each of them: the place of the peak (the last one at that height), of the trough (the
    first), and of the first value back at the peak, -1 where there is none."""
    at = -1
    under = False
    peak = low = values[0]
    peak_place = 0
    for place in range(len(values)):
        value = values[place]
        if value >= peak:
            if under:
                falls[at, 2] = place
                under = False
            peak = value
            peak_place = place
        elif not under:
            under = True
            at += 1
            low = value
            falls[at, 0], falls[at, 1], falls[at, 2] = peak_place, place, -1
        elif value < low:
            low = value
            falls[at, 1] = place


@compiled_for(FLOAT_PAIR(READ_FLOATS))
def deepest_fall(values: Any) -> tuple[float, float]:
    """The deepest fall from the highest value so far, and the deepest as a share of that value."""
    peak, depth, share = -np.inf, 0.0, 0.0
    for value in values:
        if value > peak:
            peak = value
        elif peak - value > 0.0:
            depth = max(depth, peak - value)
            share = max(share, (peak - value) / peak)
    return depth, share


def falls_of(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """One row a fall from a peak: places of peak, trough and recovery (-1 without)."""
    values = np.ascontiguousarray(values, np.float64)
    if not len(values):
        return np.empty((0, 3), np.int64)
    falls = np.empty((count_falls(values), 3), np.int64)
    find_falls(values, falls)
    return falls
