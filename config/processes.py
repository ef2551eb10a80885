"""Child processes that never outlive their parent and are stopped in an orderly way."""

import contextlib
import os
import signal
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import IO

from analysis.sandbox.policy import die_with_parent


def spawn(
    argv: Sequence[str | Path],
    *,
    env: Mapping[str, str] | None = None,
    output: IO[bytes] | int | None = None,
    cwd: Path | None = None,
    stop_signal: signal.Signals = signal.SIGTERM,
) -> subprocess.Popen[bytes]:
    """Start `argv` in a session of its own, so that the terminal's Ctrl-C reaches only the parent."""
    return subprocess.Popen(
        [str(part) for part in argv],
        env=None if env is None else dict(env),
        cwd=cwd,
        stdin=subprocess.DEVNULL,
        stdout=output,
        stderr=subprocess.STDOUT if output is not None else None,
        start_new_session=True,
        preexec_fn=die_with_parent(stop_signal),
    )


def stop(process: subprocess.Popen[bytes], *, sig: signal.Signals = signal.SIGTERM, timeout_s: float = 15) -> None:
    """Ask `process` to end, wait, then kill what is left of its session."""
    if process.poll() is None:
        process.send_signal(sig)
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout_s)
    kill_session(process)


def kill_session(process: subprocess.Popen[bytes]) -> None:
    """SIGKILL to the whole session that `process` leads."""
    with contextlib.suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.wait()
