"""Where the axes of a chart have their marks."""

import math
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from analysis.report.wording import number

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
_HOURS = (1, 2, 3, 6, 12)
_DAYS = (1, 2, 3, 5, 7, 14)
_MONTH_STEPS = (1, 2, 3, 6)
_DAY_MS = 86_400_000


@dataclass(frozen=True)
class Mark:
    """A place on an axis, 0 to 1 from its start, and what is written there."""

    place: float
    label: str


@dataclass(frozen=True)
class Scale:
    """Values from `low` to `high`, which are never equal."""

    low: float
    high: float

    @classmethod
    def around(cls, low: float, high: float, margin: float = 0.06) -> "Scale":
        """With some room beyond both ends; a constant is put in the middle."""
        room = (high - low) * margin or max(abs(high) * 0.01, 1.0)
        return cls(low - room, high + room)

    def place(self, value: float) -> float:
        """0 at `low`, 1 at `high`."""
        return (value - self.low) / (self.high - self.low)

    def marks(self, about: int) -> list[Mark]:
        """About so many round values."""
        step = _round_step((self.high - self.low) / about)
        decimals = max(-math.floor(math.log10(step)), 0)
        first, last = math.ceil(self.low / step - 1e-9), math.floor(self.high / step + 1e-9)
        values = (index * step for index in range(first, last + 1))
        return [Mark(self.place(value), number(float(value), decimals)) for value in values]


def time_marks(start_ms: int, end_ms: int, about: int) -> list[Mark]:
    """About so many round moments (UTC) from start to end, named as exactly as their distance asks for."""
    span = max(end_ms - start_ms, 1)
    start, end = (datetime.fromtimestamp(at / 1000, UTC) for at in (start_ms, end_ms))
    days = span / _DAY_MS / about
    if days > 200:
        moments = _years(start, end, max(round(days / 365), 1))
    elif days > 20:
        moments = _months(start, end, next((step for step in _MONTH_STEPS if step * 31 >= days), 6))
    elif days > 0.6:
        moments = _steps(start, end, timedelta(days=next((step for step in _DAYS if step >= days), 14)), "day")
    else:
        moments = _steps(start, end, timedelta(hours=next((step for step in _HOURS if step >= days * 24), 12)), "hour")
    return [Mark((at.timestamp() * 1000 - start_ms) / span, label) for at, label in moments if start <= at <= end]


def _years(start: datetime, end: datetime, step: int) -> Iterator[tuple[datetime, str]]:
    for year in range(start.year + 1, end.year + 1):
        if year % step == 0:
            yield datetime(year, 1, 1, tzinfo=UTC), str(year)


def _months(start: datetime, end: datetime, step: int) -> Iterator[tuple[datetime, str]]:
    for month in range(start.year * 12 + start.month - 1, end.year * 12 + end.month):
        if month % step == 0:
            year, index = divmod(month, 12)
            yield datetime(year, index + 1, 1, tzinfo=UTC), f"{_MONTHS[index]} {year}"


def _steps(start: datetime, end: datetime, step: timedelta, unit: str) -> Iterator[tuple[datetime, str]]:
    at = datetime(start.year, start.month, start.day, tzinfo=UTC)
    while at <= end:
        day = f"{at.day} {_MONTHS[at.month - 1]}"
        yield at, day if unit == "day" or at.hour == 0 else f"{at:%H:%M}"
        at += step


def _round_step(wanted: float) -> float:
    """The next of 1, 2 and 5 times a power of ten."""
    power = 10.0 ** math.floor(math.log10(wanted))
    return next(factor * power for factor in (1, 2, 5, 10) if factor * power >= wanted * 0.999)
