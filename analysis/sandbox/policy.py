"""What a strategy's process may use, as data, and how it is held to it."""

import ctypes
import os
import signal
import sys
from collections.abc import Callable
from dataclasses import dataclass

_PR_SET_PDEATHSIG = 1


@dataclass(frozen=True)
class Limits:
    """Upper bounds of one child: bytes of address space, seconds of CPU, open files."""

    memory_bytes: int = 8 * 1024**3
    cpu_s: int = 3600
    open_files: int = 64


def die_with_parent(sig: signal.Signals) -> Callable[[], None]:
    """A `preexec_fn` that asks the kernel for `sig` when the parent dies, however it dies (on Linux)."""
    libc = ctypes.CDLL(None, use_errno=True) if sys.platform.startswith("linux") else None
    parent = os.getpid()

    def ask() -> None:
        if libc is None:
            return
        libc.prctl(_PR_SET_PDEATHSIG, int(sig), 0, 0, 0)
        if os.getppid() != parent:  # it died between fork and prctl
            os.kill(os.getpid(), sig)

    return ask


def apply(limits: Limits) -> None:
    """Hold the calling process to `limits`, for good (POSIX)."""
    import resource

    resource.setrlimit(resource.RLIMIT_AS, (limits.memory_bytes, limits.memory_bytes))
    resource.setrlimit(resource.RLIMIT_CPU, (limits.cpu_s, limits.cpu_s + 5))
    resource.setrlimit(resource.RLIMIT_NOFILE, (limits.open_files, limits.open_files))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
