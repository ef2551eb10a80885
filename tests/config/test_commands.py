"""`make demo` and `make up` as a newcomer meets them: what they print, and that nothing stays behind."""

import os
import re
import signal
import subprocess
import sys
import time
from pathlib import Path
from urllib.parse import quote

import httpx
import psutil
import pytest

from config.embedded import EmbeddedServices, redis_url, socket_dir

PROJECT = Path(__file__).resolve().parents[2]

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


def environment(var: Path) -> dict[str, str]:
    """Without servers, sample data or the relaxed limits of the tests."""
    ours = ("DATABASE_URL", "REDIS_URL", "BOTYARD_", "THROTTLE_", "DJANGO_")
    return {k: v for k, v in os.environ.items() if not k.startswith(ours)} | {"BOTYARD_VAR": str(var)}


def processes_of(var: Path) -> list[psutil.Process]:
    """Every process that was started with this BOTYARD_VAR, but us."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.pid != os.getpid() and process.environ().get("BOTYARD_VAR") == str(var):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return found


def test_the_demo_prints_a_result_ends_well_and_leaves_nothing_running(tmp_path):
    var = tmp_path / "a var with spaces"
    for _ in range(2):  # the second run finds the data of the first
        done = subprocess.run(
            [sys.executable, "manage.py", "demo"],
            cwd=PROJECT, env=environment(var), capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout + done.stderr
        assert "final equity" in done.stdout
        assert "First 8 trades" in done.stdout
        assert re.search(r"/runs/[0-9a-f-]{36}/", done.stdout)
        assert done.stderr == ""
        assert processes_of(var) == []


def test_given_servers_are_used_and_none_is_started(tmp_path):
    with EmbeddedServices(tmp_path / "given"):
        folder = quote(str(socket_dir(tmp_path / "given")), safe="")
        given = {
            "DATABASE_URL": f"postgres://botyard@{folder}/botyard",
            "REDIS_URL": redis_url(tmp_path / "given"),
        }
        done = subprocess.run(
            [sys.executable, "manage.py", "demo"],
            cwd=PROJECT, env=environment(tmp_path / "var") | given, capture_output=True, text=True, check=False,
        )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr
    assert not {"postgres", "redis", "run"} & {path.name for path in (tmp_path / "var").iterdir()}


def test_a_demo_that_is_interrupted_leaves_nothing_running(tmp_path):
    process = subprocess.Popen(
        [sys.executable, "manage.py", "demo"], cwd=PROJECT, env=environment(tmp_path),
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
    )  # fmt: skip
    deadline = time.monotonic() + 60
    while not any("celery" in " ".join(p.cmdline()) for p in processes_of(tmp_path)):
        assert time.monotonic() < deadline
        time.sleep(0.1)
    process.send_signal(signal.SIGTERM)
    assert process.wait(60) != 0
    assert processes_of(tmp_path) == []


def test_up_serves_until_it_is_interrupted(tmp_path):
    with (tmp_path / "output").open("w+") as output:
        process = subprocess.Popen(
            [sys.executable, "manage.py", "up", "--port=0", "--flower-port=0", "--backtests=1"],
            cwd=PROJECT, env=environment(tmp_path), stdout=output, stderr=subprocess.STDOUT,
        )  # fmt: skip
        try:
            text = wait_for_greeting(process, tmp_path / "output")
            platform, flower = (re.search(rf"{name}\s+(http\S+)", text)[1] for name in ("platform", "Flower"))
            name, password = re.search(r"login\s+(\S+) / (\S+)", text).groups()
            answer = httpx.post(f"{platform}api/auth/login/", json={"username": name, "password": password})
            assert answer.status_code == 200
            assert httpx.get(f"{platform}admin/", follow_redirects=True).status_code == 200
            wait_for_port(flower)
            assert httpx.get(flower).status_code == 401
            assert httpx.get(flower, auth=(name, password), follow_redirects=True).status_code == 200
            programs = {" ".join(p.cmdline()) for p in processes_of(tmp_path)}
            for part in ("--queues=backtests", "--queues=live,default", " beat ", " flower ", "uvicorn"):
                assert any(part in line for line in programs), part
            assert not any(password in line for line in programs)
        finally:
            process.send_signal(signal.SIGINT)
            try:
                code = process.wait(60)
            finally:
                process.kill()
    assert code == 0
    assert processes_of(tmp_path) == []


def wait_for_greeting(process: subprocess.Popen[bytes], output: Path) -> str:
    deadline = time.monotonic() + 90
    while "login " not in (text := output.read_text()):
        assert process.poll() is None, text
        assert time.monotonic() < deadline, text
        time.sleep(0.2)
    return text


def wait_for_port(url: str) -> None:
    deadline = time.monotonic() + 60
    while True:
        try:
            httpx.get(url)
            return
        except httpx.TransportError:
            assert time.monotonic() < deadline
            time.sleep(0.2)
