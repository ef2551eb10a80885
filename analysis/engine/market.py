"""Candles as the simulation reads them: whole ticks, and the candles of all symbols in one order of time."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.candles import Candles
from analysis.engine.kernel.quotes import OUT_OF_ORDER, OUT_OF_RANGE, first_fault, to_whole_ticks
from analysis.engine.kernel.records import SPREAD, TIME
from analysis.engine.spread import spread_ticks
from analysis.errors import CorruptCandles, NoCandles
from analysis.instrument import Instrument


@dataclass(frozen=True)
class Market:
    """Candles of one or more symbols, merged by time: `columns` are time, open, high, low, close (ticks) and spread
    (ticks), `symbol` says whose candle a row is, `rows` where each symbol's candles went."""

    columns: NDArray[np.int64]
    symbol: NDArray[np.int16]
    rows: tuple[NDArray[np.int64] | None, ...]

    def __len__(self) -> int:
        return int(self.columns.shape[1])

    def last_row(self, symbol: int, before: int) -> int:
        """The last candle of a symbol before a row, -1 when there is none."""
        rows = self.rows[symbol]
        return before - 1 if rows is None else int(rows[index - 1]) if (index := np.searchsorted(rows, before)) else -1


def quote_market(series: Sequence[Candles], instruments: Sequence[Instrument], spread_points: int | None) -> Market:
    """The engine's view of candles. Raises NoCandles, CorruptCandles."""
    parts = [_ticks(c, i, spread_points) for c, i in zip(series, instruments, strict=True)]
    if len(parts) == 1:
        return Market(parts[0], np.zeros(parts[0].shape[1], np.int16), (None,))
    merged = np.concatenate(parts, axis=1)
    symbols = np.repeat(np.arange(len(parts), dtype=np.int16), [part.shape[1] for part in parts])
    order = np.argsort(merged[TIME], kind="stable")
    symbols = symbols[order]
    rows = tuple(np.flatnonzero(symbols == symbol) for symbol in range(len(parts)))
    return Market(np.ascontiguousarray(merged[:, order]), symbols, rows)


def _ticks(candles: Candles, instrument: Instrument, spread_points: int | None) -> NDArray[np.int64]:
    if len(candles) == 0:
        raise NoCandles(f"There are no candles of {candles.symbol} in the window")
    columns = np.empty((6, len(candles)), np.int64)
    columns[TIME] = candles.time
    for place, name in enumerate(("open", "high", "low", "close"), start=1):
        bad = to_whole_ticks(
            np.array(getattr(candles, name), copy=None, dtype=np.float64), instrument.tick_size, columns[place]
        )
        if bad >= 0:
            raise CorruptCandles(f"{candles.symbol}: a {name} is not a price one can trade")
    columns[SPREAD] = spread_ticks(candles, instrument, spread_points)
    _check(candles.symbol, columns)
    return columns


def _check(symbol: str, columns: NDArray[np.int64]) -> None:
    fault = first_fault(*columns[:5])
    if fault == OUT_OF_ORDER:
        raise CorruptCandles(f"{symbol}: candles are not in order of time, a minute or more apart")
    if fault == OUT_OF_RANGE:
        raise CorruptCandles(f"{symbol}: a candle's open or close lies outside its high and low")
