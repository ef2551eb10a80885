"""Objects of pandas that get their storage when pandas asks for it, and the rows they show."""

from typing import Any

import pandas as pd
from pandas.core.generic import NDFrame


class Span:
    """Rows `[first, stop)` of a frame."""

    __slots__ = ("_columns", "_index", "first", "frame", "stop")

    def __init__(self, frame: pd.DataFrame, first: int, stop: int) -> None:
        self.frame, self.first, self.stop = frame, first, stop
        self._index: Any = None
        self._columns: Any = None

    @property
    def index(self) -> Any:
        """What a DataFrame of these rows has as its index, always the same object: it may be given a name."""
        if self._index is None:
            self._index = _copied_index(self.frame.index, slice(self.first, self.stop))
        return self._index

    @property
    def columns(self) -> Any:
        """The same for the index of its columns."""
        if self._columns is None:
            self._columns = self.frame.columns.view()
        return self._columns

    def part(self, first: int, stop: int) -> "Span":
        """Rows `[first, stop)`, which are among these, with names that were given to them."""
        part = Span(self.frame, first, stop)
        if self._index is not None:
            part._index = self.part_of_index(first, stop)
        if self._columns is not None:
            part._columns = self._columns.view()
        return part

    def part_of_index(self, first: int, stop: int) -> Any:
        """The index of a column of the rows `[first, stop)`: a DataFrame does not share its own."""
        if stop - first == self.stop - self.first:
            return self.index.view()
        return self.index[first - self.first : stop - self.first]

    def manager(self) -> Any:
        """pandas' storage of a DataFrame of these rows."""
        whole: Any = self.frame._mgr
        rows = slice(self.first, self.stop)
        blocks = tuple(
            type(block)(block.values[..., rows].copy(), placement=block.mgr_locs, ndim=2) for block in whole.blocks
        )
        return type(whole)(blocks, [self.columns, self.index], verify_integrity=False)


def _copied_index(index: pd.Index, rows: slice) -> Any:
    if type(index) is pd.DatetimeIndex:  # the same as below in a fifth of the time
        return pd.DatetimeIndex._simple_new(index._data[rows].copy(), index.name)  # type: ignore[attr-defined]
    return index[rows].copy(deep=True)


def made_first(name: str) -> Any:
    """An attribute that the object has once pandas' storage is there."""

    def get(self: Any) -> Any:
        self._make()
        return self.__dict__[name]

    return property(get)


def lazy_kind(kind: Any) -> Any:
    """A class of objects of pandas without storage, under pandas' name. `_make` turns one into what pandas would have.

    Not a base class: the layout of an object must stay that of pandas for it to change its class.
    """

    def set_later(self: Any, name: str, value: Any) -> None:
        self._make()
        setattr(self, name, value)

    def reduce_later(self: Any, protocol: Any) -> Any:
        self._make()
        return self.__reduce_ex__(protocol)

    def head(self: Any, n: Any = 5) -> Any:
        return self.iloc[:n]

    def tail(self: Any, n: Any = 5) -> Any:
        return self.iloc[-n:] if n else self.iloc[:0]

    for name in ("_mgr", "_attrs", "_flags"):
        setattr(kind, name, made_first(name))
    kind.__setattr__, kind.__reduce_ex__ = set_later, reduce_later
    kind.head, kind.tail = head, tail
    kind.__name__, kind.__qualname__, kind.__module__ = kind.__base__.__name__, kind.__base__.__name__, "pandas"
    return kind


def turn_into(kind: type, lazy: Any, manager: Any, frame: pd.DataFrame) -> None:
    """Make `lazy` an object of pandas' `kind` around a storage, with the attributes of the frame."""
    object.__setattr__(lazy, "__class__", kind)
    NDFrame.__init__(lazy, manager)  # type: ignore[call-arg]
    lazy.__finalize__(frame)
