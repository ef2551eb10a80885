"""The platform's side: start a strategy's process, talk to it, end it.

Today each run is a fresh Python process with an empty environment, bounded memory and CPU, that dies with its parent.
That keeps secrets and crashes apart; it does not yet stop code that means harm from reading files or opening sockets.
"""

import contextlib
import mmap
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import numpy as np

from analysis.candles import Candles
from analysis.engine import BacktestResult, BacktestSettings
from analysis.errors import FieldProblem, ParamsInvalid, RunFailed, StrategyError
from analysis.instrument import Instrument
from analysis.sandbox.messages import Channel, ChannelClosed, ProtocolViolation
from analysis.sandbox.policy import Limits, die_with_parent
from analysis.sandbox.wire import COLUMNS, REPLIES, result_from_wire

Watch = Callable[[int, int], None]

_PROJECT = Path(__file__).resolve().parents[2]
_BOOT = (
    "import sys; sys.path.insert(0, sys.argv[1]); "
    "from analysis.sandbox.child import main; main(int(sys.argv[2]), int(sys.argv[3]))"
)
_TICK_S = 0.2


@dataclass(frozen=True)
class BacktestJob:
    """Everything a child needs to run a backtest, besides the candles."""

    source: str
    filename: str
    code_hash: str
    params: Mapping[str, object]
    instrument: Instrument
    settings: BacktestSettings


def check_strategy(source: str, filename: str, params: Mapping[str, object], *, wall_clock_s: float) -> None:
    """Load the source and its params in a child, as a run would. Raises StrategyError or ParamsInvalid."""
    with _Child(wall_clock_s) as child:
        child.channel.send("check", source=source, filename=filename, params=dict(params))
        try:
            child.wait_for("checked", lambda done, total: None)
        except RunFailed as failure:
            raise StrategyError(failure.message) from failure


def run_in_child(job: BacktestJob, candles: Candles, *, wall_clock_s: float, watch: Watch) -> BacktestResult:
    """Run the backtest in a child. `watch(bars_done, bars_total)` is called about five times a second; what it raises
    ends the child and passes through.

    Raises StrategyError for source or params that do not load, RunFailed when strategy, limits or child fail.
    """
    with _Child(wall_clock_s, candles) as child:
        child.channel.send(
            "backtest",
            source=job.source,
            filename=job.filename,
            code_hash=job.code_hash,
            params=dict(job.params),
            instrument=asdict(job.instrument),
            settings={**asdict(job.settings), "risk": dict(job.settings.risk)},
            symbol=candles.symbol,
            bars=len(candles),
        )
        reply = child.wait_for("result", watch)
    try:
        return result_from_wire(reply)
    except (TypeError, ValueError, KeyError) as error:
        raise RunFailed("protocol", "The strategy's process sent a result that makes no sense") from error


class _Child:
    """One process that runs other people's code."""

    def __init__(self, wall_clock_s: float, candles: Candles | None = None) -> None:
        self._wall_clock_s = wall_clock_s
        self._deadline = time.monotonic() + wall_clock_s
        self._candles = candles
        self.channel: Channel
        self._process: subprocess.Popen[bytes]

    def __enter__(self) -> Self:
        ours, theirs = socket.socketpair()
        memory = _shared_memory(self._candles)
        try:
            self._process = subprocess.Popen(
                [sys.executable, "-P", "-s", "-c", _BOOT, str(_PROJECT), str(theirs.fileno()), str(memory)],
                pass_fds=(theirs.fileno(), memory),
                env={"LC_ALL": "C.UTF-8", "TZ": "UTC", "PYTHONHASHSEED": "0", "OMP_NUM_THREADS": "1"},
                stdin=subprocess.DEVNULL,
                stdout=subprocess.DEVNULL,
                stderr=subprocess.DEVNULL,
                cwd="/",
                start_new_session=True,
                preexec_fn=die_with_parent(signal.SIGKILL),
            )
        finally:
            theirs.close()
            os.close(memory)
        self.channel = Channel(ours)
        self.channel.send("limits", **asdict(Limits(cpu_s=int(self._wall_clock_s) + 1)))
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self._process.pid, signal.SIGKILL)
        self._process.wait()
        self.channel.close()

    def wait_for(self, kind: str, watch: Watch) -> dict[str, Any]:
        """The reply of `kind`; meanwhile progress goes to `watch`. Raises what the child reports as failure."""
        progress = (0, 0)
        while True:
            try:
                message = self.channel.receive(REPLIES, _TICK_S)
            except ChannelClosed as error:
                raise self._death() from error
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

    def _death(self) -> RunFailed:
        code = self._process.wait()
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


def _shared_memory(candles: Candles | None) -> int:
    """A file descriptor of anonymous memory with the candles, column after column."""
    memory = os.memfd_create("candles")
    if candles is not None:
        for name, dtype in COLUMNS:
            _write_all(memory, np.ascontiguousarray(getattr(candles, name), dtype=dtype).data.cast("B"))
    os.lseek(memory, 0, os.SEEK_SET)
    return memory


def _write_all(descriptor: int, data: memoryview) -> None:
    while data:
        data = data[os.write(descriptor, data[: mmap.PAGESIZE * 4096]) :]
