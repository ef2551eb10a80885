"""Closed bars as backtrader's data: they are handed over one at a time, so that nothing newer exists."""

from collections.abc import Iterator, Sequence
from typing import Any

import backtrader as bt
import numpy as np
from numpy.typing import NDArray

from analysis.instrument import Instrument
from analysis.timeframes import TIMEFRAME_MS, Bars

DAY_MS = 86_400_000
EPOCH_DAY = 719_163  # 1970-01-01 in backtrader's count of days
_NO_MORE = 2**62

Values = tuple[float, ...]


class SymbolData(bt.feed.DataBase):
    """The bars of one symbol. `datetime` is the bar's open in UTC, `volume` its ticks, `spread` points at its end."""

    lines: Any = ("spread",)
    params: Any = (("instrument", None),)

    @classmethod
    def of(cls, instrument: Instrument, timeframe: str) -> "SymbolData":
        """Data without a bar yet."""
        minutes = TIMEFRAME_MS[timeframe] // 60_000
        daily = timeframe == "D1"
        return cls(
            instrument=instrument,
            timeframe=bt.TimeFrame.Days if daily else bt.TimeFrame.Minutes,
            compression=1 if daily else minutes,
        )

    @property
    def instrument(self) -> Instrument:
        """The contract of the symbol."""
        found: Instrument = self.p.instrument
        return found

    def take(self, values: Values) -> None:
        """The next bar, one value a line."""
        for line, value in zip(self.lines.lines, values, strict=True):
            line.array.append(value)  # as `forward` does, which takes most of a run's time
            line._idx += 1
            line.lencount += 1


def bars_by_time(bars: Sequence[Bars]) -> Iterator[tuple[int, list[tuple[int, Values]]]]:
    """The bars of several symbols in order of time: an open (epoch milliseconds UTC), and whose bars open then."""
    rows = [_values(each) for each in bars]
    times = [iter(each.candles.time.tolist()) for each in bars]
    upcoming = [next(each, _NO_MORE) for each in times]
    while (opened := min(upcoming)) != _NO_MORE:
        there = [symbol for symbol, time in enumerate(upcoming) if time == opened]
        for symbol in there:
            upcoming[symbol] = next(times[symbol], _NO_MORE)
        yield opened, [(symbol, next(rows[symbol])) for symbol in there]


def date_number(ms: int | NDArray[np.int64]) -> Any:
    """Epoch milliseconds UTC in backtrader's count of days."""
    return EPOCH_DAY + ms / DAY_MS


def _values(bars: Bars) -> Iterator[Values]:
    """One value a line for each bar, in the order of backtrader's lines."""
    c = bars.candles
    columns = (c.close, c.low, c.high, c.open, c.tick_volume, np.zeros(len(c)), date_number(c.time), c.spread)
    return zip(*(np.ascontiguousarray(column, dtype=np.float64).data for column in columns), strict=True)
