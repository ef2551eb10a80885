"""What strategies for backtrader share: times in UTC, whole lines as arrays, sizes, and the RSI of completed days."""

import math
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import backtrader as bt
import numpy as np
from numpy.typing import NDArray

from analysis.instrument import Instrument

DAY_MS = 86_400_000
RSI_LENGTH = 14

_EPOCH_DAY = 719_163  # 1970-01-01 as backtrader counts: days since 0001-01-01, that day being 1


def bar_ms(data: Any, ago: int = 0) -> int:
    """Epoch milliseconds UTC of the bar `ago` (0: the current, -1: the one before) of a backtrader feed.

    Read from the line itself, which is UTC whatever zone the feed displays its times in.
    """
    return days_to_ms(data.datetime[ago])


def bar_time(data: Any, ago: int = 0) -> datetime:
    """The aware UTC time of the bar `ago` (0: the current, -1: the one before) of a backtrader feed."""
    return moment(bar_ms(data, ago))


def days_to_ms(days: float) -> int:
    """Epoch milliseconds UTC of a time as backtrader stores it: days since 0001-01-01 with a fraction, UTC."""
    return round((days - _EPOCH_DAY) * DAY_MS)


def moment(ms: int) -> datetime:
    """The aware UTC time of epoch milliseconds."""
    return datetime.fromtimestamp(ms / 1000, UTC)


def line_values(line: Any) -> NDArray[np.float64]:
    """The values of a line from its first bar to the current one, shape (bars,)."""
    return np.array(line.get(size=len(line)), dtype=np.float64)


def line_times(data: Any) -> NDArray[np.int64]:
    """Epoch milliseconds UTC of a feed's bars from the first to the current one, shape (bars,)."""
    return np.rint((line_values(data.datetime) - _EPOCH_DAY) * DAY_MS).astype(np.int64)


def held_levels(values: NDArray[np.float64]) -> Iterator[tuple[int, int, float]]:
    """Stretches of one and the same value as (first row, row that ended it, value); NaN is no level.

    The row that ended it is the first one with another value or NaN, or the last row there is.
    """
    changes = np.flatnonzero(values[1:] != values[:-1]) + 1 if len(values) else np.empty(0, np.int64)
    starts = [0, *changes.tolist()]
    for start, end in zip(starts, [*starts[1:], len(values) - 1], strict=True):
        if len(values) and not math.isnan(values[start]):
            yield start, end, float(values[start])


def lots_at_risk(instrument: Instrument, money: float, distance: float) -> float:
    """Lots that lose `money` (account currency) over `distance` (price), in whole volume steps, rounded down.

    Cut to the largest volume; may be below the smallest, which is no order. Zero without money or distance.
    """
    if not (money > 0 and distance > 0):
        return 0.0
    lots = money / (distance / instrument.tick_size * instrument.tick_value)
    return instrument.round_volume(min(lots, instrument.volume_max))


class DailyRSI(bt.Indicator):
    """RSI(14) of the last closes of the UTC days that are over; the day of the bar itself has no part in it.

    A day's close is its last bar's. Averages are Wilder's, begun with the mean of the first 14 changes (J. Welles
    Wilder, New Concepts in Technical Trading Systems, 1978). One value for all bars of a day; NaN until 15 days are
    over. 50 where no day ever moved.
    """

    lines: Any = ("rsi",)

    def __init__(self, *feeds: Any) -> None:
        self._bars = self._changes = 0
        self._close = self._value = math.nan
        self._rise = self._fall = 0.0

    def next(self) -> None:
        if len(self) > self._bars:  # backtrader calls again for the same bar when another feed moves
            self._bars = len(self)
            if self._bars > 1 and bar_ms(self.data, -1) // DAY_MS != bar_ms(self.data) // DAY_MS:
                self._end_day(self.data.close[-1])
        self.lines.rsi[0] = self._value

    def _end_day(self, close: float) -> None:
        change, self._close = close - self._close, close
        if math.isnan(change):  # the first day
            return
        self._changes += 1
        share = 1 / min(self._changes, RSI_LENGTH)  # a plain mean at first, then Wilder's
        self._rise += (max(change, 0.0) - self._rise) * share
        self._fall += (max(-change, 0.0) - self._fall) * share
        if self._changes >= RSI_LENGTH:
            moved = self._rise + self._fall
            self._value = 100.0 * self._rise / moved if moved else 50.0
