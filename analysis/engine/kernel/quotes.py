"""A look at every candle before anything trades on it."""

from typing import Final

import numpy as np
from numpy.typing import NDArray

from analysis.compiled import FLOAT, INT, INTS, READ_FLOATS, compiled_for
from analysis.engine.kernel.paths import CANDLE_MS

SOUND: Final = 0
OUT_OF_ORDER: Final = 1
OUT_OF_RANGE: Final = 2


@compiled_for(INT(READ_FLOATS, FLOAT, INTS))
def to_whole_ticks(prices: NDArray[np.float64], tick_size: float, out: NDArray[np.int64]) -> int:
    """Prices in whole ticks. Returns the first row whose price cannot be traded, -1 when all can."""
    for row in range(len(prices)):
        ticks = np.floor(prices[row] / tick_size + 0.5)
        if not (0 < ticks < 2**40):  # leaves room to multiply by volume steps; false for NaN
            return row
        out[row] = int(ticks)
    return -1


@compiled_for(INT(INTS, INTS, INTS, INTS, INTS))
def first_fault(
    time: NDArray[np.int64],
    open_: NDArray[np.int64],
    high: NDArray[np.int64],
    low: NDArray[np.int64],
    close: NDArray[np.int64],
) -> int:
    """What is wrong with the first candle that is not a minute or more after the one before (OUT_OF_ORDER), or whose
    open or close is beyond its high or low (OUT_OF_RANGE); SOUND when none is. Epoch milliseconds and ticks."""
    for row in range(len(time)):
        if row > 0 and time[row] - time[row - 1] < CANDLE_MS:
            return OUT_OF_ORDER
        if high[row] < max(open_[row], close[row]) or low[row] > min(open_[row], close[row]):
            return OUT_OF_RANGE
    return SOUND


@compiled_for(INT(READ_FLOATS, FLOAT, FLOAT))
def count_off_grid(prices: NDArray[np.float64], step: float, tolerance: float) -> int:
    """How many prices are further than `tolerance` steps from a whole number of steps."""
    count = 0
    for price in prices:
        steps = price / step
        if abs(steps - np.floor(steps + 0.5)) > tolerance:
            count += 1
    return count
