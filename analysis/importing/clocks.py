"""Clocks that sources keep, and their wall time turned into UTC without guessing."""

import functools
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from datetime import timezone as fixed_zone
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import numpy as np
from numpy.typing import NDArray

from analysis.errors import ImportRejected

_HOUR_MS = 3_600_000
_DAY = timedelta(days=1)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_FIXED = re.compile(r"(?:UTC|GMT)?([+-])(\d{1,2})(?::?([0-5]\d))?", re.IGNORECASE)
_NEW_YORK_CLOSE = "NYCLOSE"


@dataclass(frozen=True)
class Clock:
    """A wall clock: a zone, and hours added to it (New York close is New York plus seven)."""

    name: str
    zone: tzinfo
    ahead_ms: int = 0

    @property
    def is_utc(self) -> bool:
        return self.zone is UTC and self.ahead_ms == 0


@dataclass(frozen=True)
class UtcTimes:
    """`ms` is epoch milliseconds UTC; it means nothing where a row is nonexistent or ambiguous."""

    ms: NDArray[np.int64]
    nonexistent: NDArray[np.bool_]
    ambiguous: NDArray[np.bool_]


UTC_CLOCK = Clock("UTC", UTC)


def parse_clock(name: str) -> Clock:
    """The clock of an IANA name, a fixed offset such as `UTC+2` or `-05:00`, or `NYCLOSE`.

    `NYCLOSE` is what most MetaTrader brokers keep: New York time plus seven hours, so that the day ends
    with the New York session; GMT+2, and GMT+3 while the United States have daylight saving. `GMT+2` is
    east of Greenwich, unlike the IANA name `Etc/GMT+2`. Raises ImportRejected for anything else.
    """
    text = name.strip()
    if text.upper() in {"UTC", "GMT", "Z"}:
        return UTC_CLOCK
    if text.upper() == _NEW_YORK_CLOSE:
        return Clock(_NEW_YORK_CLOSE, ZoneInfo("America/New_York"), 7 * _HOUR_MS)
    if (fixed := _FIXED.fullmatch(text)) is not None:
        return fixed_clock(fixed[1] + fixed[2].zfill(2) + (fixed[3] or "00"))
    try:
        return Clock(text, ZoneInfo(text))
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ImportRejected(
            f"Unknown time zone {name!r}; use an IANA name (EET, Europe/Athens), a fixed offset (UTC+2), "
            f"or {_NEW_YORK_CLOSE}"
        ) from error


def fixed_clock(offset: str) -> Clock:
    """A clock without daylight saving, from `+hhmm`. Raises ImportRejected beyond 14 hours."""
    minutes = int(offset[1:3]) * 60 + int(offset[3:5])
    if minutes > 14 * 60:
        raise ImportRejected(f"No clock is {offset} away from UTC")
    if minutes == 0:
        return UTC_CLOCK
    shift = timedelta(minutes=minutes if offset[0] == "+" else -minutes)
    return Clock(f"UTC{offset[:3]}:{offset[3:]}", fixed_zone(shift))


def to_utc(wall_ms: NDArray[np.int64], clock: Clock) -> UtcTimes:
    """UTC of wall times, given as epoch milliseconds that read like the clock, in the order of the source.

    A wall time the clock skipped is nonexistent. One the clock showed twice is told apart by the order of
    the rows: where the times of the repeated hour run through it, step back once and run through it again,
    the rows before the step are the first pass. Without such a step, with several, or with one of less than
    half an hour (two swapped rows look like that), the rows are ambiguous.
    """
    local = wall_ms - clock.ahead_ms
    no = np.zeros(len(local), np.bool_)
    if clock.is_utc or not len(local):
        return UtcTimes(local, no, no.copy())
    starts, offsets = _offsets(clock.zone, int(local.min()), int(local.max()))
    early, late, early_valid, late_valid = _candidates(local, starts, offsets)
    twice = early_valid & late_valid
    first_pass, second_pass = _passes(local, twice)
    ms = np.where(first_pass | ~late_valid, early, late)
    return UtcTimes(ms, ~early_valid & ~late_valid, twice & ~first_pass & ~second_pass)


def from_utc(utc_ms: NDArray[np.int64], clock: Clock) -> NDArray[np.int64]:
    """The wall time a clock shows at these moments, as epoch milliseconds that read like the clock."""
    if clock.is_utc or not len(utc_ms):
        return utc_ms
    starts, offsets = _offsets(clock.zone, int(utc_ms.min()), int(utc_ms.max()))
    return utc_ms + offsets[np.searchsorted(starts, utc_ms, side="right") - 1] + clock.ahead_ms


def _candidates(
    local: NDArray[np.int64], starts: NDArray[np.int64], offsets: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.bool_], NDArray[np.bool_]]:
    """UTC under the last period that has begun by the clock, and under the one before it; whether each is
    true."""
    ends = np.append(starts[1:], np.iinfo(np.int64).max)
    period = np.searchsorted(starts + offsets, local, side="right") - 1
    before = np.maximum(period - 1, 0)
    late, early = local - offsets[period], local - offsets[before]
    late_valid = late < ends[period]
    early_valid = (before < period) & (early >= starts[before]) & (early < ends[before])
    return early, late, early_valid, late_valid


def _passes(local: NDArray[np.int64], twice: NDArray[np.bool_]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Which rows of repeated hours belong to the first and which to the second time round."""
    first, second = np.zeros(len(local), np.bool_), np.zeros(len(local), np.bool_)
    rows = np.flatnonzero(twice)
    if not len(rows):
        return first, second
    # One run per clock change: its rows lie within hours of each other and months from the next change.
    breaks = np.flatnonzero(np.abs(np.diff(local[rows])) > 24 * _HOUR_MS) + 1
    for run in np.split(rows, breaks):
        steps = np.diff(local[run])
        back = np.flatnonzero(steps < 0)
        whole = run[-1] - run[0] + 1 == len(run)  # strangers in between: the file is not in order
        if len(back) == 1 and whole and steps[back[0]] <= -_HOUR_MS // 2:
            first[run[: back[0] + 1]] = True
            second[run[back[0] + 1 :]] = True
    return first, second


def _offsets(zone: tzinfo, first_ms: int, last_ms: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Moments (epoch ms UTC) at which the zone's offset (ms) changes, with two days to spare on both sides."""
    first = _EPOCH + timedelta(milliseconds=first_ms) - 2 * _DAY
    last = _EPOCH + timedelta(milliseconds=last_ms) + 2 * _DAY
    return _changes(zone, first.replace(hour=0, minute=0, second=0, microsecond=0), last)


@functools.lru_cache(maxsize=64)
def _changes(zone: tzinfo, first: datetime, last: datetime) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    starts, offsets = [_ms(first - _EPOCH)], [_offset(zone, first)]
    day = first
    while day < last:
        if _offset(zone, day + _DAY) != offsets[-1]:
            change = _change(zone, day, day + _DAY)
            starts.append(_ms(change - _EPOCH))
            offsets.append(_offset(zone, change))
        day += _DAY
    result = np.array(starts, np.int64), np.array(offsets, np.int64)
    for array in result:
        array.setflags(write=False)  # shared by the cache
    return result


def _change(zone: tzinfo, low: datetime, high: datetime) -> datetime:
    """The first second in (low, high] with the offset of `high`."""
    wanted = _offset(zone, high)
    while high - low > timedelta(seconds=1):
        middle = low + timedelta(seconds=(high - low) // timedelta(seconds=2))
        low, high = (low, middle) if _offset(zone, middle) == wanted else (middle, high)
    return high


def _offset(zone: tzinfo, moment: datetime) -> int:
    offset = zone.utcoffset(moment.astimezone(zone))
    return 0 if offset is None else _ms(offset)


def _ms(span: timedelta) -> int:
    return span // timedelta(milliseconds=1)
