"""How scans and simulations are compiled: on import, kept on disk.

A strategy's process may not write files, so nothing is compiled at the first call: whoever imports this package first
outside of it fills the cache. Arrays are declared read-only, which takes writable ones as well.
"""

from collections.abc import Callable
from typing import Any, TypeVar, cast

import numba
from numba.core import types

F = TypeVar("F", bound=Callable[..., Any])

NOTHING = types.void
INT = types.int64
FLOAT = types.float64
SEED = types.uint64
READ_FLOATS = types.Array(types.float64, 1, "C", readonly=True)
FLOATS = types.Array(types.float64, 1, "C")
INT_TABLE = types.Array(types.int64, 2, "C")


def compiled(signature: Any) -> Callable[[F], F]:
    """`numba.njit` for one signature, typed as the function it wraps."""
    return cast(Callable[[F], F], numba.njit(signature, cache=True, nogil=True))
