"""The platform's programs as child processes: started together, restarted when one dies, stopped together."""

import contextlib
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import httpx

from config.processes import spawn, stop

RESTARTS_PER_MINUTE = 5
WEB_STARTUP_S = 60


class ProgramFailed(RuntimeError):
    """A program does not start, or keeps ending; the message holds the end of its log."""


@dataclass(frozen=True)
class Program:
    """One line of `ps`: a name, its arguments after `python -m`, and what its environment has besides ours."""

    name: str
    module: tuple[str, ...]
    environment: Mapping[str, str] = field(default_factory=dict)


def web(port: int) -> Program:
    return Program(
        "web",
        ("uvicorn", "config.asgi:application", "--host=127.0.0.1", f"--port={port}", "--lifespan=off",
         "--no-server-header", "--log-level=warning", "--timeout-graceful-shutdown=5"),
    )  # fmt: skip


def worker(name: str, *, queues: str, concurrency: int, pool: str = "prefork") -> Program:
    return Program(
        name,
        ("celery", "-A", "config", "worker", f"--queues={queues}", f"--concurrency={concurrency}",
         f"--pool={pool}", f"--hostname={name}@%h", "--loglevel=INFO", "--without-gossip", "--without-mingle"),
    )  # fmt: skip


def beat() -> Program:
    return Program("beat", ("celery", "-A", "config", "beat", "--loglevel=WARNING"))


def flower(port: int, basic_auth: str) -> Program:
    # The password travels in the environment: arguments are visible to every user of the machine.
    return Program(
        "flower",
        ("celery", "-A", "config", "flower", "--address=127.0.0.1", f"--port={port}", "--logging=WARNING"),
        {"FLOWER_BASIC_AUTH": basic_auth},
    )


def free_port(preferred: int) -> int:
    """`preferred` if nobody listens there on loopback, else one the system chooses."""
    for port in (preferred, 0):
        with socket.socket() as probe, contextlib.suppress(OSError):
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("127.0.0.1", port))
            return int(probe.getsockname()[1])
    raise ProgramFailed("no free port on 127.0.0.1")


class Supervisor:
    """Context manager around running programs. Their output goes to `<log_dir>/<name>.log`, and to `echo`."""

    def __init__(
        self,
        base_dir: Path,
        log_dir: Path,
        *,
        environment: Mapping[str, str],
        echo: Callable[[str], None] | None,
    ) -> None:
        self.base_dir = base_dir
        self.log_dir = log_dir
        self.environment = environment
        self.echo = echo
        self.running: dict[str, subprocess.Popen[bytes]] = {}
        self._programs: dict[str, Program] = {}
        self._starts: dict[str, list[float]] = {}
        self._copiers: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self.log_dir.mkdir(parents=True, exist_ok=True)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        waiting = [threading.Thread(target=stop, args=(process,)) for process in reversed(self.running.values())]
        for thread in waiting:
            thread.start()
        for thread in [*waiting, *self._copiers]:
            thread.join()
        self.running.clear()

    def start(self, programs: Iterable[Program]) -> None:
        for program in programs:
            self._programs[program.name] = program
            self._start(program)

    def _start(self, program: Program) -> None:
        self._starts.setdefault(program.name, []).append(time.monotonic())
        process = spawn(
            [sys.executable, "-m", *program.module],
            env={**self.environment, **program.environment},
            output=subprocess.PIPE,
            cwd=self.base_dir,
        )
        self.running[program.name] = process
        if process.stdout is not None:
            copier = threading.Thread(target=self._copy_output, args=(program.name, process.stdout), daemon=True)
            copier.start()
            self._copiers.append(copier)

    def _copy_output(self, name: str, output: IO[bytes]) -> None:
        with output, (self.log_dir / f"{name}.log").open("ab", buffering=0) as log:
            for line in output:
                log.write(line)
                if self.echo is not None:
                    self.echo(f"{name:<10}| {line.decode(errors='replace').rstrip()}")

    def restart_ended(self) -> None:
        """Start again what ended by itself. Raises ProgramFailed for a program that keeps ending."""
        for name, process in list(self.running.items()):
            if process.poll() is None:
                continue
            recent = [start for start in self._starts[name] if start > time.monotonic() - 60]
            if len(recent) > RESTARTS_PER_MINUTE:
                raise ProgramFailed(f"{name} keeps ending:\n{self.log_tail(name)}")
            if self.echo is not None:
                self.echo(f"{name:<10}| ended with {process.returncode}, starting it again")
            self._starts[name] = recent
            self._start(self._programs[name])

    def wait_for_web(self, url: str) -> None:
        """Return once `url` answers. Raises ProgramFailed."""
        deadline = time.monotonic() + WEB_STARTUP_S
        while True:
            with contextlib.suppress(httpx.TransportError):
                httpx.get(url, timeout=5)
                return
            if self.running["web"].poll() is not None or time.monotonic() > deadline:
                raise ProgramFailed(f"the web server does not start:\n{self.log_tail('web')}")
            time.sleep(0.05)

    def log_tail(self, name: str, lines: int = 20) -> str:
        path = self.log_dir / f"{name}.log"
        return "\n".join(path.read_text(errors="replace").splitlines()[-lines:]) if path.exists() else ""
