"""Times written as text: the layout is learned from one value, then every row must follow it to the letter.

Digits are read straight from the column's bytes, so a million rows take a fraction of a second.
"""

import re
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray

_DATES = (
    r"(?P<Y>\d{4})(?P<s1>[-./])(?P<M>\d\d)(?P=s1)(?P<D>\d\d)",
    r"(?P<D>\d\d)\.(?P<M>\d\d)\.(?P<Y>\d{4})",
    r"(?P<Y>\d{4})(?P<M>\d\d)(?P<D>\d\d)",
)
_TIME = r"(?P<h>\d\d):?(?P<m>\d\d)(?::?(?P<s>\d\d)(?:\.(?P<f>\d{1,9}))?)?"
_OFFSET = r"(?P<zone> ?(?:Z|(?:UTC|GMT)?(?P<sign>[+-])(?P<oh>\d\d):?(?P<om>\d\d)|UTC|GMT))?"
_LAYOUTS = tuple(re.compile(rf"{date}[ T,]{_TIME}{_OFFSET}") for date in _DATES)
_SLASHED = re.compile(r"\d{1,2}/\d{1,2}/\d{4}\b.*")
_EPOCH_S, _EPOCH_MS = re.compile(r"\d{9,10}"), re.compile(r"\d{12,13}")
_FIELDS = ("Y", "M", "D", "h", "m", "s", "f", "oh", "om")
_MONTH_DAYS = np.array([0, 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31])


@dataclass(frozen=True)
class TimeLayout:
    """Where the parts of a time stand: `fields` maps a part to its [start, stop); other characters are
    fixed."""

    sample: bytes
    fields: dict[str, tuple[int, int]]
    sign: int | None
    epoch_unit_ms: int = 0

    @property
    def has_offset(self) -> bool:
        """Whether each value names its own offset from UTC."""
        return self.sign is not None or self.sample.endswith((b"Z", b"UTC", b"GMT"))


def find_layout(sample: str) -> TimeLayout | None:
    """The layout of one value, or None. Day and month with slashes are no layout: nobody can tell which is
    which."""
    for unit, epoch in ((1000, _EPOCH_S), (1, _EPOCH_MS)):
        if epoch.fullmatch(sample):
            return TimeLayout(sample.encode(), {}, None, epoch_unit_ms=unit)
    for layout in _LAYOUTS:
        if (match := layout.fullmatch(sample)) is not None:
            found = {name: match.span(name) for name in _FIELDS if name in match.groupdict() and match[name]}
            return TimeLayout(sample.encode(), found, match.start("sign") if match["sign"] else None)
    return None


def is_ambiguous_date(sample: str) -> bool:
    """Whether the value looks like 03/04/2020, which is March in one country and April in another."""
    return _SLASHED.fullmatch(sample) is not None


def parse_times(texts: pa.StringArray, layout: TimeLayout) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    """Epoch milliseconds as written (UTC when the layout has an offset) and which rows follow the layout.

    A fraction finer than a millisecond is rounded up, so that it never passes for a whole minute.
    """
    if layout.epoch_unit_ms:
        return _parse_epochs(texts, layout.epoch_unit_ms)
    characters, fitting = _characters(texts, len(layout.sample))
    result, valid = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    ms, sound = _parse_characters(characters, layout)
    result[fitting], valid[fitting] = np.where(sound, ms, 0), sound
    return result, valid


def _parse_epochs(texts: pa.StringArray, unit_ms: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    width = 10 if unit_ms == 1000 else 13
    result, valid = np.zeros(len(texts), np.int64), np.zeros(len(texts), np.bool_)
    for digits in (width - 1, width):
        characters, fitting = _characters(texts, digits)
        values, sound = _number(characters, 0, digits)
        result[fitting], valid[fitting] = np.where(sound, values * unit_ms, 0), sound
    return result, valid


def _characters(texts: pa.StringArray, width: int) -> tuple[NDArray[np.uint8], NDArray[np.bool_]]:
    """The bytes of the rows that are `width` bytes long, one row each, and which rows these are."""
    offsets = np.frombuffer(texts.buffers()[1], np.int32)[texts.offset : texts.offset + len(texts) + 1]
    fitting = np.diff(offsets) == width
    data = texts.buffers()[2]
    if data is None or not fitting.any():
        return np.empty((0, width), np.uint8), np.zeros(len(texts), np.bool_)
    flat = np.frombuffer(data, np.uint8)
    if fitting.all():
        return flat[offsets[0] : offsets[-1]].reshape(-1, width), fitting
    return flat[offsets[:-1][fitting][:, None] + np.arange(width)], fitting


def _number(characters: NDArray[np.uint8], start: int, stop: int) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    value, valid = np.zeros(len(characters), np.int64), np.ones(len(characters), np.bool_)
    for position in range(start, stop):
        digit = characters[:, position] - np.uint8(48)  # anything but a digit wraps round to ten or more
        valid &= digit < 10
        value = value * 10 + digit
    return value, valid


def _parse_characters(characters: NDArray[np.uint8], layout: TimeLayout) -> tuple[NDArray[np.int64], NDArray[np.bool_]]:
    nothing = np.zeros(len(characters), np.int64)
    part = dict.fromkeys(_FIELDS, nothing)
    valid = _literals_match(characters, layout)
    for name, (start, stop) in layout.fields.items():
        part[name], sound = _number(characters, start, stop)
        valid &= sound
    leap = (part["Y"] % 4 == 0) & ((part["Y"] % 100 != 0) | (part["Y"] % 400 == 0))
    in_year = (part["M"] >= 1) & (part["M"] <= 12)
    month = np.where(in_year, part["M"], 1)
    days = _MONTH_DAYS[month] + (leap & (month == 2))
    valid &= in_year & (part["D"] >= 1) & (part["D"] <= days) & (part["Y"] > 0)
    valid &= (part["h"] < 24) & (part["m"] < 60) & (part["s"] < 60)
    valid &= (part["oh"] <= 14) & (part["om"] < 60)
    seconds = part["h"] * 3600 + part["m"] * 60 + part["s"]
    ms = _day_number(part["Y"], month, part["D"]) * 86_400_000 + seconds * 1000
    return ms + _fraction_ms(part["f"], layout) - _offset_ms(characters, part, layout), valid


def _day_number(year: NDArray[np.int64], month: NDArray[np.int64], day: NDArray[np.int64]) -> NDArray[np.int64]:
    months = ((year - 1970) * 12 + month - 1).astype("datetime64[M]")
    days: NDArray[np.int64] = months.astype("datetime64[D]").astype(np.int64) + day - 1
    return days


def _literals_match(characters: NDArray[np.uint8], layout: TimeLayout) -> NDArray[np.bool_]:
    covered = {position for span in layout.fields.values() for position in range(*span)} | {layout.sign}
    literals = [position for position in range(len(layout.sample)) if position not in covered]
    wanted = np.frombuffer(layout.sample, np.uint8)[literals]
    valid: NDArray[np.bool_] = (characters[:, literals] == wanted).all(axis=1)
    if layout.sign is not None:
        valid &= np.isin(characters[:, layout.sign], (ord("+"), ord("-")))
    return valid


def _fraction_ms(fraction: NDArray[np.int64], layout: TimeLayout) -> NDArray[np.int64]:
    start, stop = layout.fields.get("f", (0, 3))
    finer = stop - start - 3
    ms: NDArray[np.int64] = -(-fraction // 10**finer) if finer > 0 else fraction * 10**-finer
    return ms


def _offset_ms(
    characters: NDArray[np.uint8], part: dict[str, NDArray[np.int64]], layout: TimeLayout
) -> NDArray[np.int64]:
    ahead = (part["oh"] * 60 + part["om"]) * 60_000
    if layout.sign is None:
        return ahead
    return np.where(characters[:, layout.sign] == ord("-"), -ahead, ahead)
