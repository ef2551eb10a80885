"""What `run_tick` sees: a DataFrame of the last closed bars that costs next to nothing to move by one bar.

`Window` is a `pandas.DataFrame`. Single values, columns and rows are read straight from the arrays of the whole series;
everything else lets pandas make the real slice first, and then works as it always does. A window, column or row never
reaches past the bar that has just closed.
"""

import sys
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.strategy.fast_reads import READERS, Reader, plain_columns

_set = object.__setattr__


class Window(pd.DataFrame):
    """Rows `[stop - length, stop)` of a frame; pandas' own storage (`_mgr`) is made when pandas asks for it."""

    __slots__ = ("_frame", "_own", "_reader")
    _rows_are_floats: bool  # of the class that one frame's windows have
    _frame: pd.DataFrame
    _own: Any
    _reader: Reader

    def __init__(self, frame: pd.DataFrame, reader: Reader) -> None:
        _set(self, "_frame", frame)
        _set(self, "_reader", reader)
        _set(self, "_own", None)

    _flags = property(lambda self: pd.Flags(self, allows_duplicate_labels=True))
    _attrs = property(lambda self: {})

    @property
    def _mgr(self) -> Any:
        if self._own is None:
            stop = self._reader.stop
            _set(self, "_own", self._frame.iloc[stop - self._reader.length : stop]._mgr)
            self._reader.shut()
        return self._own

    @_mgr.setter
    def _mgr(self, manager: Any) -> None:
        _set(self, "_own", manager)
        self._reader.shut()

    @property
    def _constructor(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    def __getitem__(self, key: Any) -> Any:
        reader = self._reader
        try:
            values = reader.columns[key]
        except (KeyError, TypeError):
            return super().__getitem__(key)
        return Column(self._frame, key, values, reader.stop - reader.length, reader.stop)

    def __getattr__(self, name: str) -> Any:  # type: ignore[misc]
        if not name.startswith("_") and name in self._reader.columns:
            return self[name]
        return super().__getattr__(name)

    def __len__(self) -> int:
        return self._reader.length if self._own is None else len(self._own.axes[1])

    @property
    def iloc(self) -> Any:
        return _Rows(self) if self._own is None else super().iloc

    def __reduce__(self) -> Any:
        return pd.DataFrame(self._mgr.copy(deep=True)).__reduce__()

    def __deepcopy__(self, memo: Any = None) -> pd.DataFrame:
        return self.copy(deep=True)

    def __copy__(self, deep: bool = True) -> pd.DataFrame:
        return self.copy(deep=deep)


class _Rows:
    """`window.iloc`: a row by number is looked up, the rest is pandas'."""

    __slots__ = ("_window",)

    def __init__(self, window: Window) -> None:
        self._window = window

    def __getitem__(self, key: Any) -> Any:
        reader = self._window._reader
        if type(key) is int and -reader.length <= key < reader.length:
            row = reader.stop + key if key < 0 else reader.stop - reader.length + key
            frame = self._window._frame
            if len(reader.columns) == frame.shape[1] and self._window._rows_are_floats:
                return Row(frame, reader.columns, row)
        return self._real()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._real()[key] = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._real()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def _real(self) -> Any:
        window = self._window
        _ = window._mgr
        return pd.DataFrame.iloc.fget(window)  # type: ignore[attr-defined]


class _Lazy(pd.Series):
    """A series whose storage is made when pandas asks for it."""

    __slots__ = ("_own",)
    _own: Any

    def _make(self) -> Any:
        raise NotImplementedError

    @property
    def _mgr(self) -> Any:
        if self._own is None:
            _set(self, "_own", self._make()._mgr)
        return self._own

    @_mgr.setter
    def _mgr(self, manager: Any) -> None:
        _set(self, "_own", manager)

    @property
    def _constructor(self) -> type[pd.Series]:
        return pd.Series

    @property
    def _constructor_expanddim(self) -> type[pd.DataFrame]:
        return pd.DataFrame

    _flags = property(lambda self: pd.Flags(self, allows_duplicate_labels=True))
    _attrs = property(lambda self: {})

    def __reduce__(self) -> Any:
        return self.copy().__reduce__()

    def __deepcopy__(self, memo: Any = None) -> pd.Series:
        return self.copy(deep=True)


class Column(_Lazy):
    """Rows `[first, stop)` of one column."""

    __slots__ = ("_name", "_view")
    _view: tuple[pd.DataFrame, NDArray[Any], int, int]

    def __init__(self, frame: pd.DataFrame, name: object, whole: NDArray[Any], first: int, stop: int) -> None:
        _set(self, "_own", None)
        _set(self, "_name", name)
        _set(self, "_view", (frame, whole, first, stop))

    def _make(self) -> pd.Series:
        frame, _, first, stop = self._view
        made: pd.Series = frame[self._name].iloc[first:stop]
        return made

    def __len__(self) -> int:
        return self._view[3] - self._view[2] if self._own is None else len(self._own)

    @property
    def iloc(self) -> Any:
        return _Values(self) if self._own is None else super().iloc

    @property
    def values(self) -> Any:
        return self._part() if self._own is None else super().values

    def to_numpy(self, dtype: Any = None, copy: bool = False, na_value: Any = ..., **kwargs: Any) -> Any:
        if self._own is None and dtype is None and not copy and na_value is ... and not kwargs:
            return self._part()
        given = {} if na_value is ... else {"na_value": na_value}
        return super().to_numpy(dtype, copy, **given, **kwargs)

    def _part(self) -> NDArray[Any]:
        _, whole, first, stop = self._view
        part = whole[first:stop]
        part.flags.writeable = False  # as pandas hands it out
        return part


class _Values:
    """`column.iloc`: a value by number is looked up, the rest is pandas'."""

    __slots__ = ("_column",)

    def __init__(self, column: Column) -> None:
        self._column = column

    def __getitem__(self, key: Any) -> Any:
        column = self._column
        if type(key) is int and column._own is None:
            _, whole, first, stop = column._view
            row = stop + key if key < 0 else first + key
            if first <= row < stop:
                return whole[row]
        return self._real()[key]

    def __setitem__(self, key: Any, value: Any) -> None:
        self._real()[key] = value

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        return self._real()(*args, **kwargs)

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real(), name)

    def _real(self) -> Any:
        return pd.Series.iloc.fget(self._column)  # type: ignore[attr-defined]


class Row(_Lazy):
    """One row of a frame of numbers, as `frame.iloc[row]` is: floats, since the prices are."""

    __slots__ = ("_columns", "_frame", "_row")
    _columns: dict[object, NDArray[Any]]
    _frame: pd.DataFrame
    _row: int

    def __init__(self, frame: pd.DataFrame, columns: dict[object, NDArray[Any]], row: int) -> None:
        _set(self, "_own", None)
        _set(self, "_frame", frame)
        _set(self, "_columns", columns)
        _set(self, "_row", row)

    def _make(self) -> pd.Series:
        made: pd.Series = self._frame.iloc[self._row]
        return made

    @property
    def _name(self) -> Any:
        return self._frame.index[self._row]

    def __getitem__(self, key: Any) -> Any:
        if self._own is None:
            try:
                value = self._columns[key][self._row]
            except (KeyError, TypeError):
                return super().__getitem__(key)
            return np.float64(value)  # a row of whole and other numbers is one of floats
        return super().__getitem__(key)

    def __getattr__(self, name: str) -> Any:  # type: ignore[misc]
        if not name.startswith("_") and name in self._columns:
            return self[name]
        return super().__getattr__(name)


class _Kept(Window):
    """A window the strategy kept: it stays as it was, all pandas'."""

    __slots__ = ()
    _rows_are_floats = False


class MovingWindow:
    """The window that a strategy is called with, moved along the whole frame.

    Two windows take turns: one that the strategy still holds when its turn comes is left to it as it is.
    """

    def __init__(self, frame: pd.DataFrame, length: int) -> None:
        self.frame = frame
        self.length = length
        self._columns = plain_columns(frame)
        kinds = {column.dtype.kind for column in self._columns.values()}
        self._rows_are_floats = "f" in kinds and kinds <= {"f", "i"}
        self._other = self._make()
        self.window = self._make()
        self.reader = self.window._reader
        self.references = sys.getrefcount(self.window)

    def settle(self) -> None:
        """To be called after a call that left the window changed or held by somebody."""
        if sys.getrefcount(self.window) > self.references:
            self._swap()
        else:
            _set(self.window, "_own", None)
            self.reader.open()

    def close(self) -> None:
        """Forget the windows' classes."""
        for window in (self.window, self._other):
            READERS.pop(type(window), None)

    def _swap(self) -> None:
        self.window, self._other = self._other, self.window
        if sys.getrefcount(self.window) > self.references:
            kept = self.window
            _ = kept._mgr
            reader = Reader({}, self.length)
            reader.stop = kept._reader.stop
            READERS.pop(type(kept), None)
            _set(kept, "_reader", reader)
            _set(kept, "__class__", _Kept)
            self.window = self._make()
        else:
            _set(self.window, "_own", None)
            self.window._reader.open()
        self.reader = self.window._reader

    def _make(self) -> Window:
        kind = type("Window", (Window,), {"__slots__": (), "_rows_are_floats": self._rows_are_floats})
        reader = READERS[kind] = Reader(self._columns, self.length)
        window: Window = kind(self.frame, reader)
        return window
