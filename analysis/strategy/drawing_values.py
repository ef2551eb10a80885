"""What a strategy hands over for a chart, checked: instants, numbers, names. Raises ValueError that says which."""

import math
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from numbers import Integral, Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MAX_NAME_LENGTH = 64
MAX_TEXT_LENGTH = 80

Instant = int | datetime
Instants = pd.Index | pd.Series | NDArray[Any] | Sequence[Instant]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MS = timedelta(milliseconds=1)
_FIRST_MS, _LAST_MS = 31_536_000_000, 7_258_118_400_000  # 1971 and 2200: seconds or nanoseconds lie outside
_NAIVE = "has no time zone: use the frame's index, or .replace(tzinfo=datetime.UTC) where it is UTC"


def epoch_ms(what: str, moment: object) -> int:
    """`moment` (a datetime with a time zone, or epoch milliseconds already) as epoch milliseconds UTC."""
    if isinstance(moment, datetime):
        if pd.isna(moment):
            raise ValueError(f"{what}: NaT is not a time")
        if moment.tzinfo is None:
            raise ValueError(f"{what}: {moment} {_NAIVE}")
        return _plausible(what, (moment - _EPOCH) // _MS)
    if isinstance(moment, Integral) and not isinstance(moment, bool):
        return _plausible(what, int(moment))
    raise ValueError(f"{what}: a time is epoch milliseconds or a datetime, not {type(moment).__name__}")


def epoch_ms_column(what: str, times: Instants) -> NDArray[np.int64]:
    """`times` as ascending epoch milliseconds UTC; no instant may come twice."""
    column = _whole_numbers(what, times)
    if not len(column):
        return np.empty(0, np.int64)
    _plausible(what, int(column.min())), _plausible(what, int(column.max()))
    column = column.astype(np.int64)
    if (column[1:] <= column[:-1]).any():
        at = int(np.flatnonzero(column[1:] <= column[:-1])[0]) + 1
        raise ValueError(f"{what}: times must ascend, and number {at} is not later than the one before")
    return column


def number_column(what: str, values: Any, length: int) -> NDArray[np.float64]:
    """`values` as a new column of `length` floats; infinities, like missing values, become NaN."""
    column = np.array(values, dtype=np.float64)
    if column.shape != (length,):
        raise ValueError(f"{what}: {length} times and values of shape {column.shape}")
    column[~np.isfinite(column)] = np.nan
    return column


def finite(what: str, value: object) -> float | None:
    """`value` as a float; None where it is missing, NaN or infinite."""
    if type(value) is float:  # by far the most frequent
        return value if math.isfinite(value) else None
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, Real):
        raise ValueError(f"{what} must be a number, not {type(value).__name__}")
    try:
        number = float(value)
    except OverflowError:
        return None
    return number if math.isfinite(number) else None


def name_of(what: str, name: object) -> str:
    """`name`, which must be a text of 1 to 64 characters."""
    if not isinstance(name, str) or not 0 < len(name) <= MAX_NAME_LENGTH:
        raise ValueError(f"{what} must be a text of 1 to {MAX_NAME_LENGTH} characters")
    return _printable(name)


def text_of(what: str, text: object) -> str:
    """`text`, cut to 80 characters."""
    if not isinstance(text, str):
        raise ValueError(f"{what} must be text, not {type(text).__name__}")
    return _printable(text if len(text) <= MAX_TEXT_LENGTH else text[: MAX_TEXT_LENGTH - 3] + "...")


def one_of(what: str, value: object, choices: Sequence[str]) -> str:
    """`value`, which must be one of `choices`."""
    if not isinstance(value, str) or value not in choices:
        raise ValueError(f"{what} must be one of {', '.join(choices)}")
    return str(value)


def _whole_numbers(what: str, times: Instants) -> NDArray[Any]:
    if isinstance(times, pd.Series):
        return _whole_numbers(what, pd.Index(times))
    if isinstance(times, pd.DatetimeIndex):
        if times.tz is None:
            raise ValueError(f"{what}: the index {_NAIVE}")
        if times.hasnans:
            raise ValueError(f"{what}: NaT is not a time")
        return times.as_unit("ms").asi8
    column = np.asarray(times)
    if column.ndim != 1:
        raise ValueError(f"{what}: times must be a flat list")
    if column.dtype.kind == "M":
        raise ValueError(f"{what}: datetime64 {_NAIVE}")
    if column.dtype.kind not in "iu":
        return np.array([epoch_ms(what, moment) for moment in times], dtype=np.int64)
    return column


def _plausible(what: str, ms: int) -> int:
    if not _FIRST_MS <= ms < _LAST_MS:
        raise ValueError(f"{what}: {ms} is not epoch milliseconds of the years 1971 to 2199")
    return ms


def _printable(text: str) -> str:
    """Databases refuse null characters and half surrogates, charts break on the rest."""
    return text if text.isprintable() else "".join(c if c.isprintable() else "?" for c in text)
