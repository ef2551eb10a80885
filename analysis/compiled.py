"""How numerical loops are compiled: once for each machine, kept on disk, without the interpreter lock."""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import cgutils, types
from numba.extending import intrinsic

FLOAT, INT = types.float64, types.int64
FLOAT_PAIR = types.UniTuple(types.float64, 2)  # type: ignore[no-untyped-call]
FLOATS = types.Array(types.float64, 1, "C")
INTS = types.Array(types.int64, 1, "C")
READ_FLOATS = types.Array(types.float64, 1, "C", readonly=True)  # takes writable ones as well

A = TypeVar("A")
F = TypeVar("F", bound=Callable[..., Any])


def compiled(function: F) -> F:
    """`numba.njit`, typed as the function it wraps."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy")(function))


def compiled_for(signature: Any) -> Callable[[F], F]:
    """`compiled` for one signature, at import: a strategy's process may not write files, so nothing must be left to
    compile at its first call."""
    return cast(Callable[[F], F], numba.njit(signature, cache=True, nogil=True, error_model="numpy"))


def entry_point(function: F) -> F:
    """A `compiled` function that was called once, without the look at the types of its arguments: that takes longer
    than a short call. They must be those of the first call, which nothing checks."""
    (overload,) = cast(Any, function).overloads.values()
    return cast(F, overload.entry_point)


def inlined(function: F) -> F:
    """`compiled` into whoever calls it: the state is ten arrays, and handing them over costs more than a short
    function does."""
    return cast(F, numba.njit(cache=True, nogil=True, error_model="numpy", forceinline=True)(function))


def _borrowed(_context: Any, array: Any) -> Any:
    """The same array without a reference of its own, inside compiled code only.

    Numba counts references, atomically, each time an array is taken out of a tuple; with ten arrays in one state
    that costs more than the work. Whoever calls from Python holds the arrays until the call returns.
    """

    def codegen(context: Any, builder: Any, signature: Any, args: Any) -> Any:
        value = context.make_array(signature.args[0])(context, builder, args[0])
        value.meminfo = cgutils.get_null_value(value.meminfo.type)  # type: ignore[no-untyped-call]
        value.parent = cgutils.get_null_value(value.parent.type)  # type: ignore[no-untyped-call]
        return value._getvalue()

    return array(array), codegen


borrowed = cast(Callable[[A], A], intrinsic(_borrowed))
