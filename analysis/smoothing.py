"""Running averages over whole series, compiled: what pandas does in a dozen passes, in one."""

import numpy as np
from numba.core import types
from numpy.typing import NDArray

from analysis.compiled import FLOAT, FLOATS, INT, READ_FLOATS, compiled_for

Values = NDArray[np.float64]


@compiled_for(types.void(READ_FLOATS, INT, FLOAT, FLOATS))
def smooth(values: Values, length: int, alpha: float, out: Values) -> None:
    """`previous + alpha * (value - previous)`, begun with the mean of the first `length` values, into `out`, which may
    be `values`.

    Leading NaN are passed over; before the first value the result is NaN, a NaN later on leaves the average as it is.
    """
    first = 0
    while first < len(values) and np.isnan(values[first]):
        first += 1
    start = first + length - 1
    if start >= len(values):
        out[:] = np.nan
        return
    average = 0.0
    for i in range(first, start + 1):
        average += values[i]
    average /= length
    out[:start] = np.nan
    out[start] = average
    for i in range(start + 1, len(values)):
        if not np.isnan(values[i]):
            average += alpha * (values[i] - average)
        out[i] = average


@compiled_for(FLOATS(READ_FLOATS, READ_FLOATS, READ_FLOATS))
def true_range(high: Values, low: Values, close: Values) -> Values:
    """The range of a bar and the gap before it; NaN on the first, which has no bar before it."""
    out = np.empty(len(close))
    if len(close) > 0:
        out[0] = np.nan
    for i in range(1, len(close)):
        before = close[i - 1]
        top = before if before > high[i] else high[i]
        bottom = before if before < low[i] else low[i]
        out[i] = top - bottom
    return out
