"""Reading one value out of a window, the way strategies do it a million times a run, without pandas.

`window["close"].iloc[-1]` costs 20 microseconds in pandas and is most of what a slow backtest does. When a strategy's
source is loaded, such expressions, with the number of the row written out, are compiled into calls of the functions
below. Given a window of the engine they look the value up; given anything else they do what the source says. Values
are those that pandas would return, errors are the errors of pandas.

Where frame and column are plain names, the call is only made for other windows than the one that the module is bound
to: of that one the value is looked up in place, which takes half as long.
"""

import ast
from collections.abc import Callable
from typing import Any, Final, TypeAlias

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Columns: TypeAlias = dict[str, NDArray[Any]]


class Reader:
    """The columns behind a window: it shows `length` rows that end before row `stop`.

    `columns` are those that numpy holds as numbers, by name; `named` are those of them that are attributes as well;
    `rows` are all of them, where a row of the frame is one of float64, else none; `by_place` are all of them in the
    frame's order, or none.
    """

    __slots__ = ("_times", "by_place", "columns", "first", "frame", "index", "length", "named", "rows", "stop")

    def __init__(self, frame: pd.DataFrame, length: int) -> None:
        self.frame = frame
        self.index: Any = frame.index
        self.length = self.stop = length
        self.first = -length  # the lowest number from the end that there is a row for
        self.columns = _plain_columns(frame)
        self.named = {name: c for name, c in self.columns.items() if not _is_pandas_attribute(name)}
        dtypes = {column.dtype for column in self.columns.values()}
        floats = np.dtype(np.float64) in dtypes and all(d.kind in "fiu" and d.itemsize <= 8 for d in dtypes)
        complete = len(self.columns) == frame.shape[1]
        self.rows = self.columns if floats and complete else {}
        self.by_place = list(self.columns.values()) if complete else []
        index: Any = frame.index
        ascends = isinstance(index, pd.DatetimeIndex) and index.is_monotonic_increasing and index.is_unique
        self._times = index.asi8 if ascends else None

    def row_of(self, time: Any) -> int | None:
        """The row of a Timestamp with the unit and the zone of the index, None when it is not in the window."""
        times, index = self._times, self.index
        if times is None or time.unit != index.unit or time.tz is not index.tz:
            return None
        shown = times[self.stop - self.length : self.stop]
        value = time._value
        row = int(shown.searchsorted(value))
        return self.stop - self.length + row if row < self.length and shown[row] == value else None


def _plain_columns(frame: pd.DataFrame) -> Columns:
    """Without a copy. None of them when names repeat."""
    if not frame.columns.is_unique:
        return {}
    return {
        name: frame[name].to_numpy()
        for name, dtype in zip(frame.columns, frame.dtypes, strict=True)
        if type(name) is str and isinstance(dtype, np.dtype) and dtype.kind in "fiub"
    }


def _is_pandas_attribute(name: str) -> bool:
    return name.startswith("_") or hasattr(pd.DataFrame, name) or hasattr(pd.Series, name)


# By exact class: each window that moves has one of its own, since looking a class up is the fastest test there is.
# One that pandas had to fill is a plain DataFrame and not among them.
READERS: Final[dict[type, Reader]] = {}

Slow: TypeAlias = Callable[[Any, Any, int], Any]
Read: TypeAlias = Callable[[Any, Any, int], Any]


def _of_item(slow: Slow) -> Read:
    def read(frame: Any, key: Any, position: int) -> Any:
        try:
            reader = READERS[type(frame)]
            if position >= reader.first:
                return reader.columns[key][reader.stop + position]
        except (KeyError, TypeError):  # another kind of frame, or a key that is not one plain column
            pass
        return slow(frame, key, position)

    return read


def _of_attribute(slow: Slow) -> Read:
    def read(frame: Any, name: str, position: int) -> Any:
        reader = READERS.get(type(frame))
        if reader is not None and name in reader.named and position >= reader.first:
            return reader.named[name][reader.stop + position]
        return slow(frame, name, position)

    return read


def _row_item(frame: Any, key: Any, position: int) -> Any:
    """`frame.iloc[position][key]`."""
    try:
        reader = READERS[type(frame)]
        if position >= reader.first:
            return np.float64(reader.rows[key][reader.stop + position])
    except (KeyError, TypeError):
        pass
    return frame.iloc[position][key]


def _row_attribute(frame: Any, name: str, position: int) -> Any:
    """`frame.iloc[position].name`."""
    reader = READERS.get(type(frame))
    if reader is not None and name in reader.named and name in reader.rows and position >= reader.first:
        return np.float64(reader.rows[name][reader.stop + position])
    return getattr(frame.iloc[position], name)


def _label(frame: Any, position: int) -> Any:
    """`frame.index[position]`."""
    reader = READERS.get(type(frame))
    if reader is not None and position >= reader.first:
        return reader.index[reader.stop + position]
    return frame.index[position]


# By how a column is spelt (an item, an attribute) and what is asked of it.
_READS: Final = {
    ("item", "iloc"): _of_item(lambda frame, key, position: frame[key].iloc[position]),
    ("item", "values"): _of_item(lambda frame, key, position: frame[key].values[position]),
    ("item", "to_numpy"): _of_item(lambda frame, key, position: frame[key].to_numpy()[position]),
    ("attribute", "iloc"): _of_attribute(lambda frame, name, position: getattr(frame, name).iloc[position]),
    ("attribute", "values"): _of_attribute(lambda frame, name, position: getattr(frame, name).values[position]),
    ("attribute", "to_numpy"): _of_attribute(lambda frame, name, position: getattr(frame, name).to_numpy()[position]),
    ("item", "row"): _row_item,
    ("attribute", "row"): _row_attribute,
    ("frame", "index"): _label,
}


def _spelt(kind: str, asked: str) -> str:
    return f"__botyard_{kind}_{asked}__"


_IN_PLACE: Final = {
    _spelt(kind, asked): kind for kind in ("item", "attribute") for asked in ("iloc", "values", "to_numpy")
}
_TYPE, _WINDOW, _COLUMNS, _READER, _MADE = (
    f"__botyard_{name}__" for name in ("type", "window", "columns", "reader", "reads")
)
_UNBOUND: Final[dict[str, Any]] = {_WINDOW: None, _COLUMNS: {}, _READER: None}
NAMES: Final[dict[str, Any]] = {**{_spelt(*key): read for key, read in _READS.items()}, _TYPE: type, **_UNBOUND}

Made: TypeAlias = set[tuple[str, str, int]]  # reads in place: how the column is spelt, its name, the row from the end


def bind(namespace: dict[str, Any], window: object) -> None:
    """Have the reads of a strategy's module look into this window first, as long as pandas has not filled it."""
    if _MADE not in namespace:  # of something that was not compiled here
        return
    reader = READERS.get(type(window))
    known = {"item": reader.columns, "attribute": reader.named} if reader else {}
    fits = reader and all(name in known[kind] and row >= reader.first for kind, name, row in namespace[_MADE])
    if reader is None or not fits:
        namespace.update(_UNBOUND)
    else:
        namespace.update({_WINDOW: type(window), _COLUMNS: reader.columns, _READER: reader})


def unbind(namespace: dict[str, Any]) -> None:
    """Let go of the window that the module is bound to."""
    if _MADE in namespace:
        namespace.update(_UNBOUND)


def compile_strategy(source: str, filename: str) -> Any:
    """The code object of a strategy's source with its reads made fast. Line numbers stay as they are."""
    tree = ast.parse(source, filename)
    made: Made = set()
    waiting: list[ast.AST] = [tree]
    while waiting:  # not by recursion: a source may be nested more deeply than Python's stack
        node = waiting.pop()
        for name, value in ast.iter_fields(node):
            if isinstance(value, list):
                value[:] = [_made_fast(part, made) for part in value]
                waiting.extend(part for part in value if isinstance(part, ast.AST))
            elif isinstance(value, ast.AST):
                setattr(node, name, _made_fast(value, made))
                waiting.append(getattr(node, name))
    tree.body += ast.parse(f"{_MADE} = {sorted(made)!r}").body
    return compile(tree, filename, "exec", dont_inherit=True)


def _made_fast(node: Any, made: Made) -> Any:
    """One of the reads in place of an expression that is one."""
    if not isinstance(node, ast.Subscript | ast.Attribute) or not isinstance(node.ctx, ast.Load):
        return node
    found = _row_read(node)
    if found is None and isinstance(node, ast.Subscript) and _is_from_the_end(node.slice):
        found = _column_read(node.value, node.slice)
    if found is None:
        return node
    name, arguments = found
    call = ast.Call(ast.copy_location(ast.Name(name, ast.Load()), node), arguments, [])
    return _in_place(ast.copy_location(call, node), made)


def _in_place(call: ast.Call, made: Made) -> ast.expr:
    """The read without the call, which is left for another window than the module's."""
    kind = _IN_PLACE.get(ast.unparse(call.func))
    if kind is None:
        return call
    frame, name, row = call.args
    if not (isinstance(frame, ast.Name) and isinstance(name, ast.Constant) and isinstance(name.value, str)):
        return call
    back = -ast.literal_eval(row)
    column = ast.parse(f"{_COLUMNS}[{name.value!r}][{_READER}.stop - {back}]", mode="eval").body
    bound = ast.parse(f"{_TYPE}({frame.id}) is {_WINDOW}", mode="eval").body
    for part in (*ast.walk(column), *ast.walk(bound)):
        ast.copy_location(part, call)
    made.add((kind, name.value, -back))
    return ast.copy_location(ast.IfExp(bound, column, call), call)


def _column_read(values: ast.expr, position: ast.expr) -> tuple[str, list[ast.expr]] | None:
    """Of `frame.index[position]` or of `column.iloc[position]` and its like, without the subscript."""
    asked = {"iloc", "values"}
    if isinstance(values, ast.Call) and not values.args and not values.keywords:
        values, asked = values.func, {"to_numpy"}
    if not isinstance(values, ast.Attribute):
        return None
    if values.attr == "index" and "iloc" in asked:
        return _spelt("frame", "index"), [values.value, position]
    part = _part_of_frame(values.value) if values.attr in asked else None
    return None if part is None else (_spelt(part[0], values.attr), [*part[1:], position])


def _row_read(node: ast.Subscript | ast.Attribute) -> tuple[str, list[ast.expr]] | None:
    """Of `frame.iloc[position]["key"]` and `frame.iloc[position].key`."""
    row, part = node.value, _part_of_frame(node)
    if part is None or not (isinstance(row, ast.Subscript) and _is_from_the_end(row.slice)):
        return None
    if not (isinstance(row.value, ast.Attribute) and row.value.attr == "iloc"):
        return None
    if not isinstance(part[2], ast.Constant | ast.Name):  # it would be worked out before the row is
        return None
    return _spelt(part[0], "row"), [row.value.value, part[2], row.slice]


def _part_of_frame(column: ast.expr) -> tuple[str, ast.expr, ast.expr] | None:
    """How a column is spelt, of what, and which."""
    if isinstance(column, ast.Subscript) and not isinstance(column.slice, ast.Slice | ast.Tuple):
        return "item", column.value, column.slice
    if isinstance(column, ast.Attribute) and not column.attr.startswith("_"):  # a class mangles private names
        return "attribute", column.value, ast.copy_location(ast.Constant(column.attr), column)
    return None


def _is_from_the_end(index: ast.expr) -> bool:
    """Whether it is a negative whole number written out."""
    if not (isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub)):
        return False
    operand = index.operand
    return isinstance(operand, ast.Constant) and type(operand.value) is int and operand.value > 0
