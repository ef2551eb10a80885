"""The candles as the engine reads them: whole ticks, one value at a time."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.candles import Candles
from analysis.engine.costs import spread_ticks
from analysis.engine.fills import CANDLE_MS
from analysis.errors import CorruptCandles, NoCandles
from analysis.instrument import Instrument

_MAX_TICKS = 2**40  # leaves room to multiply by volume steps and count in int64


@dataclass(frozen=True)
class Market:
    """Bid prices and spreads of M1 candles in ticks, `time` their opens in epoch milliseconds UTC.

    The columns are memory views: reading one value costs a fraction of what a numpy scalar does, and no copy
    is made. `arrays` holds the same memory for whole-column work.
    """

    time: memoryview
    open: memoryview
    high: memoryview
    low: memoryview
    close: memoryview
    spread: memoryview
    arrays: dict[str, NDArray[np.int64]]

    def __len__(self) -> int:
        return len(self.time)

    def locate(self, time_ms: int) -> tuple[int, int]:
        """The candle in which an instant lies and the milliseconds into it; between candles the next one's
        open.

        Past the last candle the index is its length.
        """
        row = int(np.searchsorted(self.arrays["time"], time_ms, side="right")) - 1
        if row >= 0 and time_ms < self.time[row] + CANDLE_MS:
            return row, time_ms - self.time[row]
        return row + 1, 0


def quote_market(candles: Candles, instrument: Instrument, spread_points: int | None) -> Market:
    """The engine's view of `candles`. Raises NoCandles, CorruptCandles."""
    if len(candles) == 0:
        raise NoCandles(f"There are no candles of {candles.symbol} in the window")
    arrays = {"time": np.ascontiguousarray(candles.time, dtype=np.int64)}
    for name in ("open", "high", "low", "close"):
        arrays[name] = _ticks(candles, name, instrument)
    arrays["spread"] = spread_ticks(candles, instrument, spread_points)
    _check(candles.symbol, arrays)
    return Market(**{name: column.data for name, column in arrays.items()}, arrays=arrays)


def off_grid_share(candles: Candles, instrument: Instrument) -> float:
    """Share of closes that are not a whole number of ticks."""
    ticks = candles.close / instrument.tick_size
    return float(np.mean(np.abs(ticks - np.round(ticks)) > 1e-3))


def _ticks(candles: Candles, name: str, instrument: Instrument) -> NDArray[np.int64]:
    prices: NDArray[np.float64] = getattr(candles, name)
    ticks = np.floor(prices / instrument.tick_size + 0.5)
    if not (np.isfinite(ticks).all() and (ticks > 0).all() and (ticks < _MAX_TICKS).all()):
        raise CorruptCandles(f"{candles.symbol}: a {name} is not a price one can trade")
    return ticks.astype(np.int64)


def _check(symbol: str, arrays: dict[str, NDArray[np.int64]]) -> None:
    if (np.diff(arrays["time"]) < CANDLE_MS).any():
        raise CorruptCandles(f"{symbol}: candles are not in order of time, a minute or more apart")
    top = np.maximum(arrays["open"], arrays["close"])
    bottom = np.minimum(arrays["open"], arrays["close"])
    if (arrays["high"] < top).any() or (arrays["low"] > bottom).any():
        raise CorruptCandles(f"{symbol}: a candle's open or close lies outside its high and low")
