"""Live runs obey STOPPING, survive their worker and are handed over on a deploy."""

import signal
import time
from collections.abc import Iterator
from typing import Any

import pytest

from tests.faults.platform import SYMBOL, Platform, running_platform, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("platform")) as platform:
        platform.start_worker("live-one", queues="live,default", pool="threads")
        yield platform


@pytest.fixture
def start(platform: Platform, request: pytest.FixtureRequest):
    """Start a live run on a fresh paper account; it is stopped after the test."""

    def start(number: int = 0) -> dict[str, Any]:
        account = platform.client.post("/api/accounts/", {"name": f"{request.node.name} {number}", "platform": "PAPER"})
        bot = platform.client.post(
            "/api/bots/bots/",
            {"name": "Live", "strategy_template": "ema_crossover_v1.py", "account": account["id"]},
        )
        version = platform.client.get("/api/bots/versions/", bot=bot["id"])["results"][0]
        return platform.client.post(
            "/api/bots/live-runs/start/", {"bot_version_id": version["id"], "instrument_symbol": SYMBOL}
        )

    return start


def live(platform: Platform, run_id: str) -> dict[str, Any]:
    return platform.client.get(f"/api/bots/live-runs/{run_id}/")


def wait_for_live(platform: Platform, run_id: str, status: str, timeout_s: float = 60) -> dict[str, Any]:
    wait_until(lambda: live(platform, run_id)["status"] == status, timeout_s, f"{run_id} to be {status}")
    return live(platform, run_id)


def stop(platform: Platform, run_id: str) -> dict[str, Any]:
    return platform.client.post(f"/api/bots/live-runs/{run_id}/stop/", {})


def kinds(platform: Platform, run_id: str) -> list[str]:
    rows = platform.rows("SELECT kind FROM bots_liverunevent WHERE run_id = %s ORDER BY at, id", run_id)
    return [kind for (kind,) in rows]


def test_a_run_stops_within_two_seconds_of_the_request(platform, start):
    run_id = start()["id"]
    wait_for_live(platform, run_id, "RUNNING")
    assert stop(platform, run_id)["status"] == "STOPPING"
    asked = time.monotonic()
    run = wait_for_live(platform, run_id, "STOPPED", timeout_s=5)
    assert time.monotonic() - asked < 2.5
    assert run["stopped_at"] is not None
    assert kinds(platform, run_id) == ["created", "claimed", "stopping", "stopped"]


def test_a_killed_worker_s_run_goes_on_elsewhere(platform, start):
    run_id = start()["id"]
    wait_for_live(platform, run_id, "RUNNING")
    platform.kill("live-one")
    platform.programs.restart_ended()
    wait_until(lambda: live(platform, run_id)["attempt"] == 2, 60, "the second worker")
    assert live(platform, run_id)["status"] == "RUNNING"
    stop(platform, run_id)
    wait_for_live(platform, run_id, "STOPPED")
    assert kinds(platform, run_id).count("stopped") == 1


def test_a_stop_asked_for_while_the_worker_is_dead_is_carried_out(platform, start):
    run_id = start()["id"]
    wait_for_live(platform, run_id, "RUNNING")
    platform.kill("live-one")
    assert stop(platform, run_id)["status"] == "STOPPING"
    platform.programs.restart_ended()
    wait_for_live(platform, run_id, "STOPPED")


def test_a_deploy_hands_runs_over_at_once(platform, start):
    ids = [start(number)["id"] for number in range(4)]
    for run_id in ids:
        wait_for_live(platform, run_id, "RUNNING")
    platform.start_worker("live-two", queues="live,default", pool="threads")
    old = platform.programs.running.pop("live-one")
    old.send_signal(signal.SIGTERM)
    wait_until(lambda: all(live(platform, run_id)["attempt"] == 2 for run_id in ids), 15, "the hand-over")
    assert old.wait(30) == 0
    for run_id in ids:
        assert "released" in kinds(platform, run_id)
        stop(platform, run_id)
    for run_id in ids:
        wait_for_live(platform, run_id, "STOPPED")


def test_a_run_nobody_claimed_stops_at_once(platform, start):
    for name in list(platform.programs.running):
        if name.startswith("live"):
            platform.kill(name)
            platform.programs.running.pop(name).wait()
    run_id = start()["id"]
    assert stop(platform, run_id)["status"] == "STOPPED"
    platform.start_worker("live-three", queues="live,default", pool="threads")
    time.sleep(3)  # its message is still there
    assert live(platform, run_id)["status"] == "STOPPED"
    assert live(platform, run_id)["attempt"] == 0
