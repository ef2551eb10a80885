"""Lets programs take turns: warm up, then one run each, round after round."""

import json
import os
import queue
import subprocess
import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from analysis.sandbox.process import KEEP_MEMORY
from benchmarks.engines import Engine
from benchmarks.environments import NotInstalled

PROJECT = Path(__file__).resolve().parent.parent
_START_TIMEOUT_S = 180
_RUN_TIMEOUT_S = 900
_LONG_RUN_S = 90  # a first run as long as this is the measurement: warming up is nothing to it
_SHARE_S = 45  # an engine takes part in rounds until its runs have taken this long


class Stopped(Exception):
    """A program that ended, failed or did not answer in time."""


@dataclass(frozen=True)
class Task:
    """An engine on a span of candles."""

    engine: Engine
    years: int
    bars: int
    candles: Path

    @property
    def name(self) -> str:
        return f"{self.engine.key}-{self.bars}"


@dataclass
class Measured:
    """What one engine did. `seconds` are its runs by round, the warm-up not among them unless it was the only one."""

    task: Task
    version: str = ""
    seconds: list[float] = field(default_factory=list)
    first_run: float = 0.0
    report: Mapping[str, Any] = field(default_factory=dict)
    trades_file: Path | None = None
    problem: str = ""


class Program:
    """A started program of `benchmarks.peers.protocol`."""

    def __init__(self, command: Sequence[str], log: Path) -> None:
        self._log = log
        with log.open("w") as errors:
            self._process = subprocess.Popen(
                command,
                cwd=PROJECT,
                env={**os.environ, **KEEP_MEMORY},
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                bufsize=1,
            )
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()
        self.version = str(self._answer(_START_TIMEOUT_S)["version"])

    def ask(self, command: str) -> dict[str, Any]:
        """Send `run` or `finish` and wait for the answer. Raises Stopped."""
        stdin = self._process.stdin
        try:
            if stdin is not None:
                stdin.write(command + "\n")
        except OSError as error:
            raise Stopped(self._last_words()) from error
        return self._answer(_RUN_TIMEOUT_S)

    def stop(self) -> None:
        """End it, whatever it is doing."""
        self._process.kill()
        self._process.communicate()

    def _listen(self) -> None:
        for line in self._process.stdout or ():
            self._answers.put(line)
        self._answers.put("")

    def _answer(self, timeout_s: float) -> dict[str, Any]:
        try:
            line = self._answers.get(timeout=timeout_s)
        except queue.Empty:
            self.stop()
            raise Stopped(f"not finished after {timeout_s:.0f} s") from None
        if not line:
            raise Stopped(self._last_words())
        answer: dict[str, Any] = json.loads(line)
        return answer

    def _last_words(self) -> str:
        lines = self._log.read_text(errors="replace").strip().splitlines()
        return f"ended: {lines[-1] if lines else 'without a word'} (all of it in {self._log})"


def measure(group: Sequence[Task], folder: Path, rounds: int) -> list[Measured]:
    """All of a group in up to `rounds` rounds of turns. One that fails leaves the others alone."""
    measured = [Measured(task) for task in group]
    running: dict[str, Program] = {}
    try:
        for one in measured:
            _start(one, running, folder)
        for _ in range(rounds):
            for one in measured:
                if one.task.name in running and one.first_run < _LONG_RUN_S and sum(one.seconds) < _SHARE_S:
                    _turn(one, running)
        for one in measured:
            if one.task.name in running:
                _finish(one, running)
    finally:
        for program in running.values():
            program.stop()
    return measured


def _start(one: Measured, running: dict[str, Program], folder: Path) -> None:
    task, label = one.task, f"{one.task.engine.label}, {one.task.bars:,} candles"
    one.trades_file = folder / f"trades-{task.name}.npz"
    try:
        command = task.engine.command(folder, task.candles, one.trades_file)
        program = running[task.name] = Program(command, folder / f"log-{task.name}.txt")
        one.version = program.version
        one.first_run = program.ask("run")["seconds"]
        print(f"  {label}: first run {one.first_run:.2f} s", flush=True)
        if one.first_run >= _LONG_RUN_S:
            one.seconds.append(one.first_run)
    except NotInstalled as error:
        one.problem = f"not installed: {error}"
    except Stopped as error:
        one.problem = str(error)
        if task.name in running:
            running.pop(task.name).stop()
    if one.problem:
        print(f"  {label}: {one.problem}", flush=True)


def _turn(one: Measured, running: dict[str, Program]) -> None:
    try:
        one.seconds.append(running[one.task.name].ask("run")["seconds"])
    except Stopped as error:
        one.problem = str(error)
        running.pop(one.task.name).stop()


def _finish(one: Measured, running: dict[str, Program]) -> None:
    try:
        one.report = running[one.task.name].ask("finish")
    except Stopped as error:
        one.problem = str(error)
    running.pop(one.task.name).stop()
