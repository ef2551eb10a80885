"""Reading one value out of a window, the way strategies do it a million times a run, without pandas.

`window["close"].iloc[-1]` costs 20 microseconds in pandas and is most of what a slow backtest does. When a strategy's
source is loaded, such expressions (a subscript, `.iloc`, a negative number) are compiled into calls of `read` below.
Given a window of the engine it looks the value up; given anything else it does what the source says. Values are the
numpy scalars that pandas would return, errors are the errors of pandas.
"""

import ast
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

_READ: Final = "__botyard_read__"


class Reader:
    """The columns behind a window: it shows `length` rows that end before row `stop`.

    `columns` is empty while the window has been handed to pandas, which may have changed it: then pandas must answer.
    """

    __slots__ = ("_all", "columns", "length", "stop")

    def __init__(self, columns: dict[object, NDArray[Any]], length: int) -> None:
        self._all = columns
        self.columns = columns
        self.length = length
        self.stop = length

    def shut(self) -> None:
        """Leave every answer to pandas."""
        self.columns = {}

    def open(self) -> None:
        """Answer again."""
        self.columns = self._all


# By exact class: each window that moves has one of its own, since looking a class up is the fastest test there is.
READERS: Final[dict[type, Reader]] = {}


def read(frame: Any, key: Any, position: int) -> Any:
    """`frame[key].iloc[position]`, `position` negative."""
    try:
        reader = READERS[type(frame)]
        if position >= -reader.length:
            return reader.columns[key][reader.stop + position]
    except (KeyError, TypeError):  # another kind of frame, or a key that is not one plain column
        pass
    return frame[key].iloc[position]


NAMES: Final = {_READ: read}


def compile_strategy(source: str, filename: str) -> Any:
    """The code object of a strategy's source with its reads made fast. Line numbers stay as they are."""
    tree = _FastReads().visit(ast.parse(source, filename))
    return compile(ast.fix_missing_locations(tree), filename, "exec", dont_inherit=True)


class _FastReads(ast.NodeTransformer):
    def visit_Subscript(self, node: ast.Subscript) -> ast.AST:
        self.generic_visit(node)
        position = _negative(node.slice)
        if position is None or not isinstance(node.ctx, ast.Load):
            return node
        if not (isinstance(node.value, ast.Attribute) and node.value.attr == "iloc"):
            return node
        column = node.value.value
        if not isinstance(column, ast.Subscript) or isinstance(column.slice, ast.Slice | ast.Tuple):
            return node
        call = ast.Call(ast.Name(_READ, ast.Load()), [column.value, column.slice, node.slice], [])
        return ast.copy_location(call, node)


def _negative(index: ast.expr) -> int | None:
    """The value of a negative whole number written out."""
    if isinstance(index, ast.UnaryOp) and isinstance(index.op, ast.USub) and isinstance(index.operand, ast.Constant):
        value = index.operand.value
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return -value
    return None


def plain_columns(frame: Any) -> dict[object, NDArray[Any]]:
    """The columns of a frame that numpy holds as numbers, by name, without a copy. None of them when names repeat."""
    if not frame.columns.is_unique:
        return {}
    columns: dict[object, NDArray[Any]] = {}
    for name, dtype in zip(frame.columns, frame.dtypes, strict=True):
        if isinstance(dtype, np.dtype) and dtype.kind in "fiub":
            columns[name] = frame[name].to_numpy()
    return columns
