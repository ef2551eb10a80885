"""How many candles before a backtest's window are read, so that its first bar finds indicators warm.

The strategy's own need (`get_min_bars_needed`) is known only once its code runs, so the config says how many bars:
500 unless it says otherwise. They are counted as bars that have candles, over weekends and holes, and what the store
has of them is used.
"""

from datetime import datetime, timedelta

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from analysis.candle_store.reading import to_moment, to_ms
from analysis.errors import NoCandles
from analysis.timeframes import TIMEFRAME_MS
from analysis.utils.data_processor import load_m1_data_from_parquet

_WEEKEND = timedelta(days=4)


def warm_start(symbol: str, start: datetime, timeframe: str, bars: int) -> tuple[datetime, int]:
    """When the last `bars` bars of `timeframe` before `start` begin, and how many of them the store has.

    Raises CorruptCandles.
    """
    length = TIMEFRAME_MS[timeframe]
    found: NDArray[np.int64] = np.empty(0, np.int64)
    reach = 2 * bars * timedelta(milliseconds=length) + _WEEKEND
    for earliest in (_before(start, reach), _before(start, 8 * reach), None):
        found = np.unique(_open_times(symbol, earliest, start) // length)
        if len(found) >= bars:
            break
    found = found[len(found) - min(bars, len(found)) :]
    return (to_moment(found[0] * length) if len(found) else start), len(found)


def _before(start: datetime, reach: timedelta) -> datetime | None:
    """None where the calendar ends."""
    try:
        return start - reach
    except OverflowError:
        return None


def _open_times(symbol: str, earliest: datetime | None, start: datetime) -> NDArray[np.int64]:
    if earliest is not None and to_ms(earliest) < 0:
        earliest = None
    try:
        frame = load_m1_data_from_parquet(symbol, earliest, start, columns=(), data_root=settings.MARKET_DATA_ROOT)
    except NoCandles:
        return np.empty(0, np.int64)
    return np.asarray(frame.index.asi8)  # type: ignore[attr-defined] # a DatetimeIndex
