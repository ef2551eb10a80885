"""An instrument's trading hours, learned from the minutes in which it usually has a candle."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from analysis.candles import MINUTE_MS
from analysis.importing.clocks import Clock, from_utc, parse_clock

WEEK_MINUTES = 7 * 1440
_THURSDAY = 3 * 1440  # 1970 began on one; weeks here begin on Monday
_LEAST_SPAN_MS = 2 * WEEK_MINUTES * MINUTE_MS
_USUAL = 0.5
_DAYS = ("Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun")
# Hours follow the exchange's clock: currencies and metals New York's, European indices theirs, crypto none.
_CLOCKS = ("UTC", "America/New_York", "Europe/Berlin")


@dataclass(frozen=True)
class Sessions:
    """The minutes of the week (from Monday 00:00 by the clock) in which at least half of the weeks have a
    candle."""

    clock: Clock
    weeks: int
    is_open: NDArray[np.bool_]

    def open_minutes_between(self, start_ms: NDArray[np.int64], end_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        """How many trading minutes begin in [start, end), both epoch milliseconds UTC."""
        return np.asarray(np.maximum(self._open_before(end_ms) - self._open_before(start_ms), 0), np.int64)

    def contains(self, time_ms: NDArray[np.int64]) -> NDArray[np.bool_]:
        """Whether each minute is a trading minute."""
        return self.is_open[_minutes(time_ms, self.clock) % WEEK_MINUTES]

    def weekend(self) -> tuple[int, int] | None:
        """The closed days as [start, end) in minutes of the week; None when no stretch of a day is closed."""
        opened = np.flatnonzero(np.tile(self.is_open, 2))  # twice: the stretch may run past Sunday
        before = np.flatnonzero(np.diff(opened) > 1440)
        if not len(before):
            return None
        return int(opened[before[0]] + 1) % WEEK_MINUTES, int(opened[before[0] + 1]) % WEEK_MINUTES

    def _open_before(self, time_ms: NDArray[np.int64]) -> NDArray[np.int64]:
        before = np.concatenate([[0], np.cumsum(self.is_open)])
        week, minute = np.divmod(_minutes(time_ms, self.clock), WEEK_MINUTES)
        return np.asarray(week * before[-1] + before[minute], np.int64)


def week_text(minute: int) -> str:
    """A minute of the week as people say it: `Mon 01:00`."""
    day, rest = divmod(minute, 1440)
    return f"{_DAYS[day]} {rest // 60:02d}:{rest % 60:02d}"


def learn_sessions(time_ms: NDArray[np.int64]) -> Sessions | None:
    """The hours, on the clock that explains the candles best; None for less than two weeks of candles."""
    if not len(time_ms) or time_ms[-1] - time_ms[0] < _LEAST_SPAN_MS:
        return None
    learned = [_learn(time_ms, parse_clock(name)) for name in _CLOCKS]
    return min(learned, key=lambda candidate: candidate[0])[1]


def _learn(time_ms: NDArray[np.int64], clock: Clock) -> tuple[int, Sessions]:
    """How many minutes contradict the hours (missing inside, present outside), and the hours."""
    week, minute = np.divmod(_minutes(time_ms, clock), WEEK_MINUTES)
    weeks = int(np.count_nonzero(np.diff(week))) + 1
    candles = np.bincount(minute, minlength=WEEK_MINUTES)
    possible = np.full(WEEK_MINUTES, weeks)
    possible[: minute[0]] -= 1
    possible[minute[-1] + 1 :] -= 1
    is_open = (candles >= _USUAL * possible) & (candles > 0)
    missing = int(np.maximum(possible - candles, 0)[is_open].sum())
    return missing + int(candles[~is_open].sum()), Sessions(clock, weeks, is_open)


def _minutes(time_ms: NDArray[np.int64], clock: Clock) -> NDArray[np.int64]:
    return from_utc(time_ms, clock) // MINUTE_MS + _THURSDAY
