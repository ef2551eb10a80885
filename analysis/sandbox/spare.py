"""A strategy's process that has started before it is needed: importing numpy, pandas and the engine takes a second.

Each serves one request, like any other, and the next one is started when that has ended; two runs never share one.
Off unless a worker turns it on (`keep`), so nothing is left behind where nobody cleans up. A zygote will replace it.
"""

import contextlib
import os
import threading

from analysis.sandbox.process import StrategyProcess

_lock = threading.Lock()
_owner: int | None = None  # the process that keeps a spare; a fork of it does not
_waiting: StrategyProcess | None = None


def keep() -> None:
    """Have a spare process from now on, until `drop`. Call it in the main thread of a process that will not fork:
    the kernel ends a child together with the thread that started it."""
    global _owner
    with _lock:
        _forget_the_parents()
        _owner = os.getpid()
    refill()


def drop() -> None:
    """End the spare and keep none."""
    global _owner, _waiting
    with _lock:
        _forget_the_parents()
        spare, _owner, _waiting = _waiting, None, None
    if spare is not None:
        spare.end()


def take() -> StrategyProcess:
    """The spare where there is one that lives, else a process that starts now."""
    global _waiting
    with _lock:
        _forget_the_parents()
        spare, _waiting = _waiting, None
    if spare is not None and not spare.is_alive():
        spare.end()
        spare = None
    return StrategyProcess(warm=True) if spare is None else spare


def refill() -> None:
    """Start the next spare, if one is to be kept and none is there; returns at once, it imports by itself."""
    global _waiting
    with _lock:
        _forget_the_parents()
        if _owner is not None and _waiting is None:
            with contextlib.suppress(OSError):  # no room for one more process: the next run starts its own
                _waiting = StrategyProcess(warm=True)


def _forget_the_parents() -> None:
    global _owner, _waiting
    if _owner is not None and _owner != os.getpid():
        if _waiting is not None:
            _waiting.forget()
        _owner = _waiting = None
