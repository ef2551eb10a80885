"""Bars of a timeframe made of M1 candles."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.candles import Candles

M1_MS = 60_000
TIMEFRAME_MS: Mapping[str, int] = {
    "M1": M1_MS,
    "M5": 5 * M1_MS,
    "M15": 15 * M1_MS,
    "M30": 30 * M1_MS,
    "H1": 60 * M1_MS,
    "H4": 240 * M1_MS,
    "D1": 1440 * M1_MS,
}


@dataclass(frozen=True)
class Bars:
    """Closed bars and, for each, the rows [first, stop) of the M1 candles it is made of."""

    candles: Candles
    first: NDArray[np.integer]
    stop: NDArray[np.integer]
    length: int  # milliseconds

    def __len__(self) -> int:
        return len(self.first)

    def closes(self, bars: NDArray[np.int64] | slice = slice(None)) -> NDArray[np.int64]:
        """When bars are complete, in epoch milliseconds UTC."""
        return self.candles.time[bars] + self.length

    def close(self, bar: int) -> int:
        """When one bar is complete."""
        return int(self.candles.time[bar]) + self.length


def closed_bars(m1: Candles, timeframe: str) -> Bars:
    """The bars of `timeframe`, cut at multiples of it since midnight UTC and labelled by their open time.

    Minutes without a candle are simply not in their bar. A last bar whose end the candles do not reach is
    still open and left out. `tick_volume` is summed, `spread` is that of the bar's last candle. Raises
    KeyError for a timeframe that is not in TIMEFRAME_MS.
    """
    length = TIMEFRAME_MS[timeframe]
    if timeframe == "M1":
        rows = np.arange(len(m1) + 1, dtype=np.int32)
        return Bars(m1, rows[:-1], rows[1:], length)
    label = m1.time // length * length
    first = np.flatnonzero(np.diff(label, prepend=label[:1] - 1)).astype(np.int64)
    stop = np.append(first[1:], len(label)).astype(np.int64)
    if len(first) and m1.time[-1] + M1_MS < label[-1] + length:
        first, stop = first[:-1], stop[:-1]
    candles = _aggregate(m1, label, first, stop)
    return Bars(candles, first, stop, length)


def _aggregate(m1: Candles, label: NDArray[np.int64], first: NDArray[np.int64], stop: NDArray[np.int64]) -> Candles:
    end = int(stop[-1]) if len(stop) else 0

    def reduced(ufunc: np.ufunc, column: NDArray[Any]) -> NDArray[Any]:
        return np.asarray(ufunc.reduceat(column[:end], first) if len(first) else column[:0])

    return Candles(
        symbol=m1.symbol,
        time=label[first],
        open=m1.open[first],
        high=reduced(np.maximum, m1.high),
        low=reduced(np.minimum, m1.low),
        close=m1.close[stop - 1],
        tick_volume=reduced(np.add, m1.tick_volume),
        spread=m1.spread[stop - 1],
    )
