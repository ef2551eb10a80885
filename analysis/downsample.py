"""Fewer points of a series without losing what the eye looks for."""

import numpy as np
from numpy.typing import NDArray

from analysis.candles import MINUTE_MS, Candles

# Lengths a chart's axis can name; beyond a day they double.
_MINUTES = (1, 2, 3, 5, 10, 15, 20, 30, 60, 120, 180, 240, 360, 480, 720, 1440)


def keep_extremes(values: NDArray[np.float64], max_points: int) -> NDArray[np.int64]:
    """Positions (ascending) of at most `max_points` values that keep the first, the last and every bucket's extremes.

    The series is cut into equal buckets; of each the lowest and the highest value are kept, so the global minimum and
    maximum always are. `max_points` must be at least 4.
    """
    count = len(values)
    if max_points < 4:
        raise ValueError("max_points must be at least 4")
    if count <= max_points:
        return np.arange(count, dtype=np.int64)
    edges = np.linspace(0, count, (max_points - 2) // 2 + 1).astype(np.int64)
    kept = {0, count - 1}
    for start, stop in zip(edges[:-1], edges[1:], strict=True):
        bucket = values[start:stop]
        kept.add(int(start + bucket.argmin()))
        kept.add(int(start + bucket.argmax()))
    return np.array(sorted(kept), dtype=np.int64)


def aggregate_ohlc(candles: Candles, minutes: int) -> Candles:
    """Candles of `minutes` each, cut at multiples of it since the epoch (UTC) and labelled by their open time.

    Exact: first open, highest high, lowest low, last close and spread, summed tick volume. Where `candles` begins
    or ends inside a candle of the answer, that one is made of the part that is there.
    """
    if not len(candles):
        return candles
    label = candles.time // (minutes * MINUTE_MS) * (minutes * MINUTE_MS)
    first = np.flatnonzero(np.diff(label, prepend=label[0] - 1))
    last = np.append(first[1:], len(label)) - 1
    return Candles(
        symbol=candles.symbol,
        time=label[first],
        open=candles.open[first],
        high=np.maximum.reduceat(candles.high, first),
        low=np.minimum.reduceat(candles.low, first),
        close=candles.close[last],
        tick_volume=np.add.reduceat(candles.tick_volume, first),
        spread=candles.spread[last],
    )


def fitting_minutes(time: NDArray[np.int64], max_points: int) -> int:
    """The shortest length (minutes) at which `aggregate_ohlc` of candles at `time` gives at most `max_points`.

    `time` is ascending epoch milliseconds, `max_points` at least 1.
    """
    if max_points < 1:
        raise ValueError("max_points must be at least 1")
    for minutes in _MINUTES:
        if _buckets(time, minutes) <= max_points:
            return minutes
    while _buckets(time, minutes) > max_points:
        minutes *= 2
    return minutes


def _buckets(time: NDArray[np.int64], minutes: int) -> int:
    return int(np.count_nonzero(np.diff(time // (minutes * MINUTE_MS)))) + 1 if len(time) else 0
