"""One process that runs other people's code, from its start to its end."""

import contextlib
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

from analysis.errors import FieldProblem, ParamsInvalid, RunFailed, StrategyError
from analysis.sandbox.messages import Channel, ChannelClosed, ProtocolViolation
from analysis.sandbox.policy import Limits, die_with_parent
from analysis.sandbox.wire import REPLIES

Watch = Callable[[int, int], None]

_PROJECT = Path(__file__).resolve().parents[2]
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from analysis.sandbox.child import main; main(int(sys.argv[2]), warm=sys.argv[3] == 'warm')"
)
_TICK_S = 0.2
# With glibc, an array of up to 24 MiB (a column of eight years) that is freed stays with the process for the next one.
# By default it goes back to the system, which clears every page that it hands out again: that takes longer than most
# passes over the data.
KEEP_MEMORY = {"MALLOC_MMAP_THRESHOLD_": str(24 * 1024**2), "MALLOC_TRIM_THRESHOLD_": str(512 * 1024**2)}
_ENVIRONMENT = {"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1", **KEEP_MEMORY}


class StrategyProcess:
    """A fresh Python process with an empty environment that waits for one request; it dies with us.

    `warm` has it ready for a backtest: that takes a moment longer, and the backtest that much less. A context
    manager: whatever happens inside, the process is gone afterwards.
    """

    def __init__(self, *, warm: bool) -> None:
        ours, theirs = socket.socketpair()
        self.channel = Channel(ours)
        self._deadline = 0.0
        self._ended = False
        self._wall_clock_s = 0.0
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-c", _BOOT, str(_PROJECT), str(theirs.fileno()), "warm" if warm else ""],
                pass_fds=(theirs.fileno(),),
                env=_ENVIRONMENT,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        except BaseException:
            self.channel.close()
            raise
        finally:
            theirs.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()

    @property
    def pid(self) -> int:
        return self._process.pid

    def is_alive(self) -> bool:
        """Whether the process still runs."""
        return self._process.poll() is None

    def end(self) -> None:
        """Kill it and everything it started; harmless when that was done before."""
        if self._ended:
            return
        self._ended = True
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.channel.close()

    def forget(self) -> None:
        """In a fork of the process that started it: let go of it and leave it to its owner."""
        self._ended = True
        self.channel.close()
        self._process.returncode = 0  # not ours to wait for

    def ask(self, kind: str, memory: int, wall_clock_s: float, **request: object) -> None:
        """Hand over the one request, with `memory` (a file descriptor) for its candles; the clock starts.

        Raises ChannelClosed when the process is gone. Whatever it raises, the process has been ended.
        """
        self._wall_clock_s, self._deadline = wall_clock_s, time.monotonic() + wall_clock_s
        try:
            self.channel.send_descriptor(memory)
            self.channel.send("limits", **asdict(Limits(cpu_s=int(wall_clock_s) + 1)))
            self.channel.send(kind, **request)
        except BaseException:
            self.end()
            raise

    def wait_for(self, kind: str, watch: Watch) -> dict[str, Any]:
        """The reply of `kind`; meanwhile progress goes to `watch`. Raises what the child reports as failure."""
        progress = (0, 0)
        while True:
            try:
                message = self.channel.receive(REPLIES, _TICK_S)
            except ChannelClosed as error:
                raise self.death() from error
            except ProtocolViolation as error:
                raise RunFailed("protocol", f"The strategy's process sent {error}") from error
            if message is not None and message["kind"] == kind:
                return message
            if message is not None and message["kind"] == "failure":
                raise _failure(message)
            if message is not None and message["kind"] == "progress":
                progress = (int(message["done"]), int(message["total"]))
            watch(*progress)
            if time.monotonic() > self._deadline:
                raise RunFailed("limit_exceeded", f"The strategy ran longer than the limit of {self._wall_clock_s:g} s")

    def death(self) -> RunFailed:
        """Why the process, which closed the channel, is gone."""
        try:
            code = self._process.wait(_TICK_S)
        except subprocess.TimeoutExpired:
            return RunFailed("child_ended", "The strategy closed its process's channel to the platform")
        if code == -signal.SIGKILL:
            return RunFailed("child_killed", "The strategy's process was killed, probably for want of memory")
        if code < 0:
            return RunFailed("child_crashed", f"The strategy's process crashed with {signal.Signals(-code).name}")
        return RunFailed("child_ended", f"The strategy ended its own process (exit code {code})")


def _failure(message: Mapping[str, Any]) -> Exception:
    text = str(message["message"])
    if message["category"] == "params":
        problems = tuple(FieldProblem(str(field), str(reason)) for field, reason in message["problems"])
        return ParamsInvalid(problems)
    if message["category"] == "strategy":
        return StrategyError(text, line=message["line"])
    bar_time = None if message["bar_time"] is None else datetime.fromisoformat(message["bar_time"])
    return RunFailed(str(message["code"]), text, traceback=str(message["traceback"]), bar_time=bar_time)
