"""Whether two tables, or two lists of actions, say the same."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from numbers import Real
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.strategy import ActionRefused, parse_action

# Fourier transforms and sums in another order round differently: that is noise, not knowledge.
_NOISE = 1e-9
_A_LITTLE = 0.01
_Flags = NDArray[np.bool_]


@dataclass(frozen=True)
class Difference:
    """The first row and column that differ; `lacking` when the second table has nothing at all in that column."""

    row: int
    column: str
    first: object
    second: object
    lacking: bool = False


def first_difference(
    first: pd.DataFrame, second: pd.DataFrame, rows: int, *, shaken: Sequence[pd.DataFrame] = ()
) -> Difference | None:
    """The earliest difference within the first `rows` rows; rows are compared by position.

    `shaken` is the second table made again from prices that differ by less than any price can: a value that moves with
    those is a matter of rounding, not of knowledge.
    """
    found: Difference | None = None
    for name, mine, theirs in _pairs(first, second):
        end = rows if found is None else found.row
        a, b = _plain(mine, end), _plain(theirs, end)
        unequal = _unequal(a, b)
        for table in shaken:
            if name in table.columns and table.columns.is_unique and unequal.any():
                unequal &= ~_moves(a, b, _plain(table[name], end))
        if unequal.any():
            row = int(unequal.argmax())
            lacking = bool(theirs.iloc[:end].isna().all())
            found = Difference(row, name, mine.iloc[row], theirs.iloc[row], lacking)
    return found


def same_actions(first: Sequence[object], second: Sequence[object]) -> bool:
    """Whether both ask for the same, however it is spelt ("long" and "BUY" are one thing)."""
    return len(first) == len(second) and all(map(_same_action, first, second))


def _pairs(first: pd.DataFrame, second: pd.DataFrame) -> list[tuple[str, "pd.Series[Any]", "pd.Series[Any]"]]:
    """Columns of the same name, of the same place where names repeat; one of nothing for those that are not there."""
    if first.columns.equals(second.columns):
        both = zip(first.items(), second.items(), strict=True)
        return [(str(name), mine, theirs) for (name, mine), (_, theirs) in both]
    mine, theirs = (table.loc[:, ~table.columns.duplicated()] for table in (first, second))
    nothing = pd.Series([None] * len(theirs), index=theirs.index, dtype=object)
    return [(str(name), mine[name], theirs[name] if name in theirs.columns else nothing) for name in mine.columns]


def _moves(a: NDArray[Any], b: NDArray[Any], shaken: NDArray[Any]) -> _Flags:
    """Rows where shaking the prices moves `b` by a hundredth of the difference or more."""
    if not all(values.dtype.kind == "f" for values in (a, b, shaken)):
        return _unequal(b, shaken)
    with np.errstate(all="ignore"):
        moved = np.abs(shaken - b) >= _A_LITTLE * np.abs(a - b)
    return np.asarray(moved | (np.isnan(b) != np.isnan(shaken)))


def _unequal(a: NDArray[Any], b: NDArray[Any]) -> _Flags:
    if a.dtype.kind in "biu" and b.dtype.kind in "biu":
        return np.asarray(a != b)
    if a.dtype.kind in "biufc" and b.dtype.kind in "biufc":
        return _unequal_numbers(a, b)
    if a.dtype.kind in "mM" and a.dtype == b.dtype:
        return np.asarray(a.view(np.int64) != b.view(np.int64))
    return _unequal_objects(_objects(a), _objects(b))


def _plain(series: "pd.Series[Any]", end: int) -> NDArray[Any]:
    """The first values as numpy holds them; times of any zone as UTC."""
    if isinstance(series.dtype, np.dtype):
        return series.to_numpy()[:end]
    series = series.iloc[:end]
    if isinstance(series.dtype, pd.DatetimeTZDtype):
        return np.asarray(series.dt.tz_convert("UTC").dt.tz_localize(None).to_numpy())
    return np.asarray(series.to_numpy(dtype=object))


def _objects(values: NDArray[Any]) -> NDArray[Any]:
    """The values as Python has them; times stay times."""
    return np.asarray(pd.Series(values).to_numpy(dtype=object))


def _unequal_numbers(a: NDArray[Any], b: NDArray[Any]) -> _Flags:
    unequal = np.asarray((a != b) & ~((a != a) & (b != b)))
    if not unequal.any():
        return unequal
    suspects = np.flatnonzero(unequal)
    x, y = (values[suspects].astype(np.complex128 if values.dtype.kind == "c" else np.float64) for values in (a, b))
    with np.errstate(all="ignore"):
        allowed = _NOISE * (np.maximum(np.abs(x), np.abs(y)) + _scale(a))
        noise = np.isfinite(x) & np.isfinite(y) & (np.abs(x - y) <= allowed)
    unequal[suspects[noise]] = False
    return unequal


def _scale(values: NDArray[Any]) -> float:
    """A usual size of what is in the column; the median, since one spike must not hide everything else."""
    size = np.abs(values[np.isfinite(values) & (values != 0)])
    return float(np.median(size)) if len(size) else 0.0


def _unequal_objects(a: NDArray[Any], b: NDArray[Any]) -> _Flags:
    try:
        unequal = np.asarray(a != b, np.bool_)
    except (TypeError, ValueError):  # what is in there has no plain answer
        unequal = np.ones(len(a), np.bool_)
    for row in np.flatnonzero(unequal):
        unequal[row] = not _same(a[row], b[row])
    return unequal


def _same(x: Any, y: Any) -> bool:
    """Two values of any kind: nothing equals nothing, numbers up to noise, the rest as Python compares it."""
    if _is_nothing(x) or _is_nothing(y):
        return _is_nothing(x) and _is_nothing(y)
    if isinstance(x, Real | np.bool_) and isinstance(y, Real | np.bool_):
        try:
            p, q = float(x), float(y)
        except OverflowError:  # an int too large for a float, to be refused as an action
            return bool(x == y)
        return p == q or (np.isfinite(p) and np.isfinite(q) and abs(p - q) <= _NOISE * max(abs(p), abs(q)))
    if isinstance(x, Mapping) and isinstance(y, Mapping):
        return x.keys() == y.keys() and all(_same(x[key], y[key]) for key in x)
    if isinstance(x, list | tuple | np.ndarray) and isinstance(y, list | tuple | np.ndarray):
        return len(x) == len(y) and all(map(_same, x, y))
    if not (isinstance(x, type(y)) or isinstance(y, type(x))):
        return False
    try:
        return _compares_identity(x) or bool(x == y)
    except (TypeError, ValueError):
        return repr(x) == repr(y)


def _compares_identity(value: Any) -> bool:
    """An object that equals only itself says nothing about what is in it."""
    return getattr(type(value), "__eq__", None) is object.__eq__


def _is_nothing(value: Any) -> bool:
    return value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value)


def _same_action(first: object, second: object) -> bool:
    a, b = parse_action(first), parse_action(second)
    if isinstance(a, ActionRefused) or isinstance(b, ActionRefused):
        return _same(first, second)
    return type(a) is type(b) and _same(a._asdict(), b._asdict())
