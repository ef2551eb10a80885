"""The embedded servers come up from any state and leave nothing behind."""

import os
import signal
import stat
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psutil
import psycopg
import pytest
import redis

from config.embedded import (
    POSTGRES_DATABASE,
    POSTGRES_USER,
    EmbeddedServiceError,
    EmbeddedServices,
    redis_url,
    socket_dir,
)

PROJECT = Path(__file__).resolve().parents[2]
HOLD = (
    "import sys; from pathlib import Path; from config.embedded import EmbeddedServices\n"
    "with EmbeddedServices(Path(sys.argv[1])):\n    print('up', flush=True); sys.stdin.read()"
)


def connect(var: Path) -> psycopg.Connection:
    return psycopg.connect(host=str(socket_dir(var)), user=POSTGRES_USER, dbname=POSTGRES_DATABASE)


def servers_of(var: Path) -> list[psutil.Process]:
    """Processes that work on this data directory."""
    found = []
    for process in psutil.process_iter(["name", "cmdline"]):
        if process.info["name"] in {"postgres", "redis-server"} and str(socket_dir(var)) in " ".join(
            process.info["cmdline"] or []
        ):
            found.append(process)
    return found


@contextmanager
def owner_elsewhere(var: Path) -> Iterator[subprocess.Popen[str]]:
    """Another process that owns the servers of `var`."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLD, str(var)],
        cwd=PROJECT,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as process:
        assert process.stdout is not None
        assert process.stdout.readline() == "up\n"
        yield process


def wait_gone(var: Path) -> None:
    deadline = time.monotonic() + 20
    while servers_of(var):
        assert time.monotonic() < deadline, servers_of(var)
        time.sleep(0.05)


def test_data_survive_a_restart_and_no_process_stays(tmp_path):
    with EmbeddedServices(tmp_path):
        with connect(tmp_path) as connection:
            connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
        with redis.Redis.from_url(redis_url(tmp_path)) as client:
            client.set("kept", "yes")
    assert servers_of(tmp_path) == []
    with EmbeddedServices(tmp_path):
        with connect(tmp_path) as connection:
            assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)
        with redis.Redis.from_url(redis_url(tmp_path)) as client:
            assert client.get("kept") == b"yes"


def test_no_tcp_port_is_opened(tmp_path):
    with EmbeddedServices(tmp_path):
        listening = [c for p in servers_of(tmp_path) for c in p.net_connections("tcp")]
    assert listening == []


def test_the_sockets_are_private(tmp_path):
    with EmbeddedServices(tmp_path):
        assert stat.S_IMODE(socket_dir(tmp_path).stat().st_mode) == 0o700


@pytest.mark.parametrize("name", ["with space", "with,comma", "a" * 120, "plain"])
def test_any_path_works_for_a_checkout(tmp_path, name):
    var = tmp_path / name
    with EmbeddedServices(var), connect(var) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_two_checkouts_do_not_meet(tmp_path):
    with EmbeddedServices(tmp_path / "one"), EmbeddedServices(tmp_path / "two"):
        with connect(tmp_path / "one") as connection:
            connection.execute("CREATE TABLE mine ()")
        with connect(tmp_path / "two") as connection:
            assert connection.execute("SELECT to_regclass('mine')").fetchone() == (None,)


def test_a_second_process_uses_the_servers_of_the_first_and_does_not_stop_them(tmp_path):
    with owner_elsewhere(tmp_path) as owner:
        before = {p.pid for p in servers_of(tmp_path)}
        with EmbeddedServices(tmp_path), connect(tmp_path) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        with connect(tmp_path) as connection:
            assert connection.execute("SELECT 1").fetchone() == (1,)
        assert before <= {p.pid for p in servers_of(tmp_path)}
        owner.communicate("")
    assert servers_of(tmp_path) == []


def test_a_killed_owner_takes_its_servers_along_and_the_next_start_works(tmp_path):
    with owner_elsewhere(tmp_path) as owner:
        owner.send_signal(signal.SIGKILL)
    with EmbeddedServices(tmp_path), connect(tmp_path) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    wait_gone(tmp_path)


def test_servers_killed_with_their_owner_recover(tmp_path):
    with owner_elsewhere(tmp_path) as owner:
        with connect(tmp_path) as connection:
            connection.execute("CREATE TABLE kept ()")
        for process in [psutil.Process(owner.pid), *servers_of(tmp_path)]:
            process.kill()
    with EmbeddedServices(tmp_path), connect(tmp_path) as connection:
        assert connection.execute("SELECT to_regclass('kept')").fetchone() == ("kept",)


def test_a_stale_pid_file_of_another_program_is_ignored(tmp_path):
    with EmbeddedServices(tmp_path):
        pass
    (tmp_path / "postgres" / "postmaster.pid").write_text(f"{os.getpid()}\n{tmp_path / 'postgres'}\n")
    with EmbeddedServices(tmp_path), connect(tmp_path) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_a_half_initialised_data_directory_is_made_anew(tmp_path):
    (tmp_path / "postgres" / "base").mkdir(parents=True)
    (tmp_path / "postgres.unfinished" / "global").mkdir(parents=True)
    with EmbeddedServices(tmp_path), connect(tmp_path) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)
    assert not (tmp_path / "postgres.unfinished").exists()


def test_a_server_that_cannot_start_is_reported_with_its_log(tmp_path):
    with EmbeddedServices(tmp_path):
        pass
    (tmp_path / "postgres" / "postgresql.conf").write_text("no_such_setting = 1\n")
    with pytest.raises(EmbeddedServiceError, match="no_such_setting"), EmbeddedServices(tmp_path):
        pass
    assert servers_of(tmp_path) == []


def test_a_socket_folder_of_somebody_else_is_refused(tmp_path):
    var = tmp_path / ("x" * 120)
    folder = socket_dir(var)
    assert folder.parent == Path("/tmp")
    folder.symlink_to(tmp_path)
    try:
        with pytest.raises(EmbeddedServiceError, match="another user"), EmbeddedServices(var):
            pass
    finally:
        folder.unlink()
