"""A whole platform of its own for one test: servers, web, workers and beat that the test may kill."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
import psycopg

from config.demo import Client
from config.embedded import POSTGRES_DATABASE, POSTGRES_USER, EmbeddedServices, redis_url, socket_dir
from config.supervisor import Supervisor, beat, free_port, web, worker

PROJECT = Path(__file__).resolve().parents[2]
# Seconds instead of minutes until a lost run is noticed; the proportions are those of the defaults.
QUICK = {"RUN_LEASE_S": "4", "RUN_HEARTBEAT_S": "1", "RUN_UNCLAIMED_S": "3", "RECOVERY_EVERY_S": "1"}
SYMBOL = "XAUUSD.demo"
NOT_OURS = {"DATABASE_URL", "REDIS_URL", "DJANGO_SETTINGS_MODULE"}


class Platform:
    """Handles of everything that runs, and the calls the tests make."""

    def __init__(
        self, var: Path, services: EmbeddedServices, programs: Supervisor, environment: dict[str, str]
    ) -> None:
        self.var = var
        self.environment = environment
        self.services = services
        self.programs = programs
        self.client: Client
        self.url = ""
        self.token = ""

    def start_worker(self, name: str, queues: str = "backtests,default", pool: str = "prefork") -> None:
        self.programs.start([worker(name, queues=queues, concurrency=1 if pool == "prefork" else 8, pool=pool)])
        self.wait_for_log(name, "ready.")

    def wait_for_log(self, name: str, text: str, timeout_s: float = 60) -> None:
        wait_until(lambda: text in self.programs.log_tail(name, 1000), timeout_s, f"{name} to say {text!r}")

    def kill(self, name: str, sig: signal.Signals = signal.SIGKILL) -> None:
        """Send `sig` to the program and to every process it started."""
        process = psutil.Process(self.programs.running[name].pid)
        for victim in [*process.children(recursive=True), process]:
            victim.send_signal(sig)
        if sig == signal.SIGKILL:
            self.programs.running[name].wait(10)

    def descendants(self, name: str) -> set[int]:
        """Process ids below the program."""
        parent = psutil.Process(self.programs.running[name].pid)
        return {child.pid for child in parent.children(recursive=True)}

    def manage(self, *args: str) -> str:
        """Run a command of manage.py beside the platform; returns what it printed."""
        return _manage(self.environment, *args)

    def rows(self, query: str, *args: object) -> list[tuple[Any, ...]]:
        """Read the database directly, past the platform."""
        with psycopg.connect(
            host=str(socket_dir(self.var)), user=POSTGRES_USER, dbname=POSTGRES_DATABASE, autocommit=True
        ) as connection:
            return connection.execute(query, args).fetchall()

    def launch(self, version: dict[str, Any], config: dict[str, Any], window: tuple[str, str], **headers: str) -> Any:
        return self.client.post(
            "/api/bots/backtests/launch/",
            {
                "bot_version_id": version["id"], "backtest_config_id": config["id"], "instrument_symbol": SYMBOL,
                "data_window_start": window[0], "data_window_end": window[1],
            },
            **headers,
        )  # fmt: skip

    def run(self, run_id: str) -> dict[str, Any]:
        return self.client.get(f"/api/bots/backtest-runs/{run_id}/")

    def wait_for(self, run_id: str, *statuses: str, timeout_s: float = 90) -> dict[str, Any]:
        wait_until(lambda: self.run(run_id)["status"] in statuses, timeout_s, f"run {run_id} to be {statuses}")
        return self.run(run_id)

    def send_task(self, name: str, queue: str, **kwargs: str) -> None:
        """Deliver a Celery message by hand."""
        from celery import Celery

        url = redis_url(self.var).replace("unix://", "redis+socket://").replace("?db=", "?virtual_host=")
        with Celery(broker=url) as app:
            app.send_task(name, kwargs=kwargs, queue=queue)


def wait_until(done: Callable[[], bool], timeout_s: float, what: str) -> None:
    deadline = time.monotonic() + timeout_s
    while not done():
        if time.monotonic() > deadline:
            raise AssertionError(f"waited {timeout_s} s in vain for {what}")
        time.sleep(0.1)


@contextmanager
def running_platform(var: Path) -> Iterator[Platform]:
    """Servers, web and beat; the test starts the workers it needs."""
    environment = {k: v for k, v in os.environ.items() if k not in NOT_OURS}
    environment |= {"BOTYARD_VAR": str(var), **QUICK}
    with (
        EmbeddedServices(var) as services,
        Supervisor(PROJECT, var / "log", environment=environment, echo=None) as programs,
    ):
        login = json.loads(_manage(environment, "shell", "--no-imports", "-c", _PREPARE).splitlines()[-1])
        _manage(environment, "make_demo_data", SYMBOL)
        platform = Platform(var, services, programs, environment)
        port = free_port(0)
        programs.start([web(port), beat()])
        programs.wait_for_web(f"http://127.0.0.1:{port}/")
        platform.url = f"http://127.0.0.1:{port}"
        with Client(platform.url) as platform.client:
            platform.token = platform.client.login(login["username"], login["password"])
            yield platform


_PREPARE = """
import dataclasses, json
from config.setup import prepare
print(json.dumps(dataclasses.asdict(prepare())))
"""


def _manage(environment: dict[str, str], *args: str) -> str:
    done = subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=PROJECT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout
