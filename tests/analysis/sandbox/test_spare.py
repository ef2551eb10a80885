"""A process that waits for its request: used once, replaced at once, and gone with whoever kept it."""

import os
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import psutil
import pytest

from analysis.errors import RunFailed
from analysis.sandbox import spare
from tests.analysis.sandbox.test_parent import hooked, job, run

PROJECT = Path(__file__).resolve().parents[3]


@pytest.fixture
def kept() -> Iterator[None]:
    spare.keep()
    yield
    spare.drop()
    assert children() == set()


def children() -> set[int]:
    return {child.pid for child in psutil.Process().children() if "sandbox.child" in " ".join(child.cmdline())}


def waiting() -> int:
    (pid,) = children()
    return pid


def gone(pid: int) -> bool:
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline:
        if not psutil.pid_exists(pid) or psutil.Process(pid).status() == psutil.STATUS_ZOMBIE:
            return True
        time.sleep(0.02)
    return False


def test_none_is_kept_where_nobody_asked_for_one():
    run(job())
    assert children() == set()
    spare.refill()
    assert children() == set()


def test_a_run_in_the_spare_is_the_run_and_the_next_spare_is_another(kept):
    first = waiting()
    assert run(job()).digest == run(job()).digest
    assert waiting() != first
    assert gone(first)


def test_two_runs_never_share_a_process(kept):
    seen = set()
    for _ in range(3):
        with pytest.raises(RunFailed) as failure:
            run(hooked("import os; raise ValueError(f'pid {os.getpid()}')"))
        seen.add(failure.value.message.split("pid ")[1].split()[0])
    assert len(seen) == 3


def test_what_a_strategy_leaves_behind_is_not_there_for_the_next(kept):
    mark = (
        "\nimport os, analysis.engine\n"  # the self-check executes the source again in the same process
        "assert vars(analysis.engine).setdefault('left', os.getpid()) == os.getpid()\n"
    )
    task = job()
    for _ in range(3):
        run(replace(task, source=task.source + mark))


def test_a_spare_that_died_while_it_waited_costs_the_run_nothing(kept):
    pid = waiting()
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    assert len(run(job()).trades) > 10


def test_a_spare_that_dies_as_it_is_taken_costs_the_run_nothing(kept, monkeypatch):
    pid = waiting()
    os.kill(pid, signal.SIGKILL)
    assert gone(pid)
    monkeypatch.setattr(spare.StrategyProcess, "is_alive", lambda process: True)  # it looked alive a moment ago
    assert len(run(job()).trades) > 10


def test_a_machine_without_room_for_a_spare_still_runs(kept, monkeypatch):
    process = spare.take()
    real = spare.StrategyProcess

    def no_room(**options: object) -> None:
        raise OSError(12, "Cannot allocate memory")

    monkeypatch.setattr(spare, "StrategyProcess", no_room)
    spare.refill()
    monkeypatch.setattr(spare, "StrategyProcess", real)
    process.end()
    assert children() == set()
    assert len(run(job()).trades) > 10


def test_dropping_ends_it_and_keeps_none():
    spare.keep()
    pid = waiting()
    spare.drop()
    assert gone(pid)
    spare.drop()
    spare.refill()
    assert children() == set()


def test_keeping_twice_keeps_one(kept):
    pid = waiting()
    spare.keep()
    assert waiting() == pid


def test_the_spare_has_no_secret_and_no_descriptor_of_ours(kept, monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    spare.drop()
    with Path(os.devnull).open():
        spare.keep()
        time.sleep(0.5)
        process = psutil.Process(waiting())
        assert "secret" not in str(process.environ())
        files = [str(descriptor.readlink()) for descriptor in Path(f"/proc/{process.pid}/fd").iterdir()]
        assert len([name for name in files if name != os.devnull]) == 1  # its end of the channel


OWNER = """
import os, sys, time
from analysis.sandbox import spare
spare.keep()
print(spare._waiting.pid, flush=True)
{then}
"""


def owner(then: str) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-W", "error", "-c", OWNER.format(then=then)],
        cwd=PROJECT, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
    )  # fmt: skip


@pytest.mark.parametrize("sig", [signal.SIGKILL, signal.SIGTERM])
def test_it_dies_with_the_process_that_kept_it(sig):
    with owner("time.sleep(60)") as process:
        pid = int(process.stdout.readline())
        assert psutil.pid_exists(pid)
        process.send_signal(sig)
        process.wait()
        assert gone(pid)


def test_a_process_that_just_ends_leaves_none_behind():
    with owner("") as process:
        pid = int(process.stdout.readline())
        process.wait()
        assert gone(pid)


def test_a_fork_has_no_part_in_the_spare_of_its_parent():
    then = """
if os.fork() == 0:
    spare.drop()
    spare.refill()
    os._exit(spare._waiting is not None)
_, status = os.wait()
print(status, spare._waiting.is_alive(), flush=True)
spare.drop()
"""
    with owner(then) as process:
        printed, complaints = process.communicate()
    assert printed.splitlines()[1] == "0 True"
    assert complaints == ""
