"""What `run_tick` sees: a DataFrame of the last closed bars that costs next to nothing to move by one bar.

`Window` is a `pandas.DataFrame` that has not been filled yet. Values, columns and rows are read straight from the
arrays of the whole series. Whatever else is asked of it makes pandas' own storage first, which turns the object into a
plain DataFrame for the rest of the bar; a column and a row turn into a plain Series in the same way. All that is handed
out is a copy: it can be written to, and nothing that came after the bar hangs on it.
"""

import sys
from collections.abc import Callable
from functools import wraps
from math import isfinite
from typing import Any, ClassVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.engine.lazy import Span, lazy_kind, made_first, turn_into
from analysis.strategy.fast_reads import READERS, Columns, Reader

_set = object.__setattr__


@lazy_kind
class Window(pd.DataFrame):
    """The rows that a reader shows. Each object has a class of its own, so that READERS knows it."""

    _reader: ClassVar[Reader]
    _constructor = property(lambda self: pd.DataFrame)

    def _make(self) -> None:
        span = self._shown
        self.__dict__.clear()
        turn_into(pd.DataFrame, self, span.manager(), span.frame)

    @property
    def _shown(self) -> Span:
        reader, span = self._reader, self.__dict__.get("_span")
        if span is None or span.stop != reader.stop:
            span = self.__dict__["_span"] = Span(reader.frame, reader.stop - reader.length, reader.stop)
        return span

    def __getitem__(self, key: Any) -> Any:
        values = self._reader.columns.get(key) if type(key) is str else None
        if values is None:
            return pd.DataFrame.__getitem__(self, key)
        span = self._shown
        return _column(key, span, values, span.first, span.stop)

    def __getattr__(self, name: str) -> Any:  # type: ignore[misc]
        if name in self._reader.named:
            return self[name]
        return pd.DataFrame.__getattr__(self, name)

    def __len__(self) -> int:
        return self._reader.length

    index = property(lambda self: self._shown.index)
    columns = property(lambda self: self._shown.columns)
    shape = property(lambda self: (self._reader.length, self._reader.frame.shape[1]))
    empty = property(lambda self: 0 in self.shape)
    iloc = property(lambda self: _Rows(self))
    iat = property(lambda self: _Cells(self))
    at = property(lambda self: _Labels(self, "at"))
    loc = property(lambda self: _Labels(self, "loc"))


class _Indexer:
    """`iloc` and its like on an object without storage. What it does not know it leaves to pandas."""

    __slots__ = ("_of",)
    _name = "iloc"

    def __init__(self, of: Any) -> None:
        self._of = of

    def __setitem__(self, key: Any, value: Any) -> None:
        real = self._real()
        self._of = None  # pandas warns of a write that has no effect by counting who holds the object
        try:
            real[key] = value
        finally:
            self._of = real.obj

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._real()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def _real(self) -> Any:
        _ = self._of._mgr
        return getattr(self._of, self._name)


class _Rows(_Indexer):
    """`window.iloc`: a row by number is looked up, rows from one to another are copied."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        window = self._of
        reader = READERS.get(type(window))
        if reader is None:
            return window.iloc[key]
        if type(key) is int and reader.rows and -reader.length <= key < reader.length:
            return _row(reader, reader.stop + key if key < 0 else reader.stop - reader.length + key)
        part = _part(key, reader.stop - reader.length, reader.stop)
        if part is None:
            return self._real()[key]
        made = pd.DataFrame.__new__(pd.DataFrame)
        turn_into(pd.DataFrame, made, window._shown.part(*part).manager(), reader.frame)
        return made


class _Cells(_Indexer):
    """`window.iat`: a value by the numbers of its row and column."""

    __slots__ = ()
    _name = "iat"

    def __getitem__(self, key: Any) -> Any:
        reader = READERS.get(type(self._of))
        if reader is not None and type(key) is tuple and tuple(map(type, key)) == (int, int):
            row, place = key
            if -reader.length <= row < reader.length and -len(reader.by_place) <= place < len(reader.by_place):
                return reader.by_place[place][reader.stop + row if row < 0 else reader.stop - reader.length + row]
        return self._real()[key]


class _Labels(_Indexer):
    """`window.loc` and `window.at`: a value by its time and column."""

    __slots__ = ("_name",)

    def __init__(self, of: Any, name: str) -> None:
        self._of, self._name = of, name

    def __getitem__(self, key: Any) -> Any:
        reader = READERS.get(type(self._of))
        if reader is not None and type(key) is tuple and tuple(map(type, key)) == (pd.Timestamp, str):
            column, row = reader.columns.get(key[1]), reader.row_of(key[0])
            if column is not None and row is not None:
                return column[row]
        return self._real()[key]


def _part(key: Any, first: int, stop: int) -> tuple[int, int] | None:
    """From where to where `key` reaches in the rows `[first, stop)`, if it is a slice without steps."""
    if type(key) is not slice or key.step is not None:
        return None
    if not all(end is None or type(end) is int for end in (key.start, key.stop)):
        return None
    begin, end, _ = key.indices(stop - first)
    return first + begin, first + max(begin, end)


@lazy_kind
class Column(pd.Series):
    """Rows `[first, stop)` of one column of a span; `_view` is (span, values of all rows, first, stop)."""

    _view: tuple[Span, NDArray[Any], int, int]
    _constructor = property(lambda self: pd.Series)

    def _make(self) -> None:
        span, whole, first, stop = self.__dict__.pop("_view")
        manager = _SERIES_STORAGE.from_array(whole[first:stop].copy(), span.part_of_index(first, stop))
        turn_into(pd.Series, self, manager, span.frame)

    def __len__(self) -> int:
        return self._view[3] - self._view[2]

    iloc = property(lambda self: _Values(self))
    values = property(lambda self: self._copy())

    def to_numpy(self, *args: Any, **kwargs: Any) -> Any:
        return pd.Series.to_numpy(self, *args, **kwargs) if args or kwargs else self._copy()

    def __array__(self, dtype: Any = None, copy: bool | None = None) -> NDArray[Any]:
        return self._copy() if dtype is None and copy is None else pd.Series.__array__(self, dtype, copy)

    def _copy(self) -> NDArray[Any]:
        _, whole, first, stop = self._view
        values = whole[first:stop].copy()
        values.flags.writeable = False  # as pandas hands it out
        return values


_SERIES_STORAGE: Any = type(pd.Series(dtype=float)._mgr)


def _column(name: str, span: Span, whole: NDArray[Any], first: int, stop: int) -> Any:
    column = Column.__new__(Column)
    _set(column, "_name", name)
    _set(column, "_view", (span, whole, first, stop))
    return column


def _reduction(name: str, of_floats: Callable[[NDArray[Any]], Any]) -> Any:
    """A method of Column: `of_floats` of its values where pandas would find the same, pandas otherwise."""
    of_series = getattr(pd.Series, name)
    kind = type(of_series(pd.Series([0.0])))  # depends on the libraries that pandas finds

    @wraps(of_series)
    def method(self: Any, *args: Any, **kwargs: Any) -> Any:
        if type(self) is Column and not args and not kwargs:
            _, whole, first, stop = self._view
            if whole.dtype == np.float64 and first < stop:
                value = of_floats(whole[first:stop])
                if isfinite(value):  # pandas leaves gaps out, and has ways of its own with infinity
                    return kind(value)
        return of_series(self, *args, **kwargs)

    return method


def _sum(values: NDArray[Any]) -> Any:
    with np.errstate(all="ignore"):
        return np.add.reduce(values)


_REDUCTIONS: dict[str, Callable[[NDArray[Any]], Any]] = {
    "max": np.maximum.reduce,
    "min": np.minimum.reduce,
    "sum": _sum,
    "mean": lambda values: _sum(values) / len(values),
}
for _name, _of_floats in _REDUCTIONS.items():
    setattr(Column, _name, _reduction(_name, _of_floats))


class _Values(_Indexer):
    """`column.iloc`: a value by number is looked up, a part is a column."""

    __slots__ = ()

    def __getitem__(self, key: Any) -> Any:
        column = self._of
        if type(column) is not Column:
            return column.iloc[key]
        span, whole, first, stop = column._view
        if type(key) is int:
            row = stop + key if key < 0 else first + key
            if first <= row < stop:
                return whole[row]
        elif (part := _part(key, first, stop)) is not None:
            return _column(column._name, span, whole, *part)
        return self._real()[key]


@lazy_kind
class Row(pd.Series):
    """One row of a frame of numbers, all of them float64. `_view` is (frame, its columns, row)."""

    _view: tuple[pd.DataFrame, Columns, int]
    _constructor = property(lambda self: pd.Series)
    _constructor_expanddim = property(lambda self: pd.DataFrame)
    _name = made_first("_name")

    def _make(self) -> None:
        frame, columns, row = self.__dict__.pop("_view")
        values = np.array([column[row] for column in columns.values()], np.float64)
        self.__dict__["_name"] = frame.index[row]
        turn_into(pd.Series, self, _SERIES_STORAGE.from_array(values, frame.columns.view()), frame)

    def __getitem__(self, key: Any) -> Any:
        _, columns, row = self._view
        if type(key) is str and key in columns:
            return np.float64(columns[key][row])
        return pd.Series.__getitem__(self, key)

    def __getattr__(self, name: str) -> Any:  # type: ignore[misc]
        if name in self._view[1] and not name.startswith("_"):
            return self[name]
        return pd.Series.__getattr__(self, name)

    def __len__(self) -> int:
        return len(self._view[1])


def _row(reader: Reader, row: int) -> Any:
    made = Row.__new__(Row)
    _set(made, "_view", (reader.frame, reader.rows, row))
    return made


class MovingWindow:
    """The window that a strategy is called with, moved along the whole frame.

    Two windows take turns: one that the strategy still holds when its turn comes is left to it as it is.
    """

    def __init__(self, frame: pd.DataFrame, length: int) -> None:
        self._kinds = [_kind_of_window(frame, length) for _ in range(2)]
        self._windows = [kind.__new__(kind) for kind in self._kinds]
        self.window, self.reader = self._windows[0], self._kinds[0]._reader
        self.references = sys.getrefcount(self.window)

    def settle(self) -> None:
        """To be called after a call that left the window filled or held by somebody."""
        if sys.getrefcount(self.window) > self.references:
            self._take_turns()
        else:
            self._empty()

    def close(self) -> None:
        """Forget the windows' classes. What a strategy still holds stays as it is."""
        for window in self._windows:
            _ = window._mgr
        for kind in self._kinds:
            READERS.pop(kind, None)

    def _empty(self) -> None:
        self.window.__dict__.clear()
        _set(self.window, "__class__", self._kinds[0])

    def _take_turns(self) -> None:
        self._windows.reverse()
        self._kinds.reverse()
        self.window, self.reader = self._windows[0], self._kinds[0]._reader
        if sys.getrefcount(self.window) > self.references:
            _ = self.window._mgr
            self.window = self._windows[0] = self._kinds[0].__new__(self._kinds[0])
        else:
            self._empty()


def _kind_of_window(frame: pd.DataFrame, length: int) -> type[Window]:
    reader = Reader(frame, length)
    kind = type("DataFrame", (Window,), {"__module__": "pandas", "_reader": reader})
    READERS[kind] = reader
    return kind
