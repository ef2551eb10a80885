"""Workers and servers are killed in mid-run; each run ends once, in the right state."""

import signal
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.faults.platform import Platform, running_platform, wait_until

pytestmark = [pytest.mark.slow, pytest.mark.timeout(240)]

WINDOW = ("2025-01-06T00:00:00Z", "2025-01-08T00:00:00Z")
DELAY = """

_run_tick = Strategy.run_tick

def _slow_run_tick(self, window, equity):
    import time
    time.sleep(0.004)
    return _run_tick(self, window, equity)

Strategy.run_tick = _slow_run_tick
"""


@pytest.fixture(scope="module")
def platform(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("platform")) as platform:
        platform.start_worker("one")
        yield platform


@pytest.fixture(scope="module")
def slow_version(platform: Platform) -> dict[str, Any]:
    """The template, made slow enough to be hit in the middle."""
    bot = platform.client.post("/api/bots/bots/", {"name": "Slow", "strategy_template": "ema_crossover_v1.py"})
    source = (Path(__file__).parents[2] / "strategy_templates" / "ema_crossover_v1.py").read_text()
    return platform.client.post(
        "/api/bots/versions/",
        {"bot_id": bot["id"], "strategy_file_content": source + DELAY, "params": {}, "notes": ""},
    )


@pytest.fixture(scope="module")
def config(platform: Platform, slow_version: dict[str, Any]) -> dict[str, Any]:
    return platform.client.post("/api/bots/backtest-configs/", {"bot_version": slow_version["id"]})


@pytest.fixture(scope="module")
def undisturbed(platform: Platform, slow_version: dict[str, Any], config: dict[str, Any]) -> dict[str, Any]:
    """What every disturbed run must give as well."""
    run = platform.launch(slow_version, config, WINDOW)
    return platform.wait_for(run["id"], "COMPLETED")


def launch_and_wait_until_it_computes(platform: Platform, version: dict[str, Any], config: dict[str, Any]) -> str:
    run = platform.launch(version, config, WINDOW)
    wait_until(lambda: platform.run(run["id"])["bars_done"] > 0, 60, "the first bars")
    assert platform.run(run["id"])["status"] == "RUNNING"
    return run["id"]


def assert_same_result(run: dict[str, Any], undisturbed: dict[str, Any]) -> None:
    assert run["status"] == "COMPLETED"
    assert run["digest"] == undisturbed["digest"]
    assert run["simulated_trades_log"] == undisturbed["simulated_trades_log"]


def test_a_killed_worker_s_run_is_finished_once_by_another(platform, slow_version, config, undisturbed):
    run_id = launch_and_wait_until_it_computes(platform, slow_version, config)
    first_worker = platform.run(run_id)["worker"]
    platform.kill("one")
    platform.start_worker("two")
    run = platform.wait_for(run_id, "COMPLETED", "FAILED")
    assert_same_result(run, undisturbed)
    assert run["attempt"] == 2
    assert run["worker"] != first_worker
    platform.programs.restart_ended()
    platform.wait_for_log("one", "ready.")


def test_a_worker_paused_past_its_lease_changes_nothing_when_it_wakes(platform, slow_version, config, undisturbed):
    run_id = launch_and_wait_until_it_computes(platform, slow_version, config)
    owner_pid = int(platform.run(run_id)["worker"].rpartition(":")[2])
    name = next(
        name
        for name in ("one", "two")
        if owner_pid in {platform.programs.running[name].pid, *platform.descendants(name)}
    )
    platform.kill(name, signal.SIGSTOP)
    try:
        run = platform.wait_for(run_id, "COMPLETED", "FAILED")
    finally:
        platform.kill(name, signal.SIGCONT)
    assert_same_result(run, undisturbed)
    assert run["attempt"] == 2
    time.sleep(3)  # the sleeper finishes or gives up; its writes must not land
    assert platform.run(run_id) == run


def test_redis_may_be_killed_while_a_run_computes(platform, slow_version, config, undisturbed):
    run_id = launch_and_wait_until_it_computes(platform, slow_version, config)
    redis = platform.services.servers["redis"]
    redis.kill()
    time.sleep(2)
    redis.start()
    run = platform.wait_for(run_id, "COMPLETED", "FAILED")
    assert_same_result(run, undisturbed)
    assert run["attempt"] == 1


def test_a_run_launched_while_redis_is_away_is_done_when_it_is_back(platform, slow_version, config, undisturbed):
    redis = platform.services.servers["redis"]
    redis.kill()
    try:
        run = platform.launch(slow_version, config, WINDOW)
    finally:
        redis.start()
    assert_same_result(platform.wait_for(run["id"], "COMPLETED", "FAILED"), undisturbed)


def test_postgres_may_be_killed_while_a_run_computes(platform, slow_version, config, undisturbed):
    run_id = launch_and_wait_until_it_computes(platform, slow_version, config)
    postgres = platform.services.servers["postgres"]
    postgres.kill()
    time.sleep(2)
    postgres.start()
    assert_same_result(platform.wait_for(run_id, "COMPLETED", "FAILED"), undisturbed)


def test_a_message_delivered_twice_runs_once(platform, slow_version, config, undisturbed):
    run_id = launch_and_wait_until_it_computes(platform, slow_version, config)
    for _ in range(3):
        platform.send_task("bots.tasks.run_backtest", "backtests", backtest_run_id=run_id)
    run = platform.wait_for(run_id, "COMPLETED", "FAILED")
    assert_same_result(run, undisturbed)
    assert run["attempt"] == 1
    platform.send_task("bots.tasks.run_backtest", "backtests", backtest_run_id=run_id)  # after completion
    time.sleep(2)
    assert platform.run(run_id) == run


def test_one_key_launches_one_run_even_at_the_same_moment(platform, slow_version, config):
    def launch(_: int) -> str:
        return platform.launch(slow_version, config, WINDOW, **{"Idempotency-Key": "pressed twice"})["id"]

    with ThreadPoolExecutor(8) as pool:
        ids = set(pool.map(launch, range(8)))
    assert len(ids) == 1
    assert platform.rows("SELECT count(*) FROM bots_backtestrun WHERE idempotency_key = %s", "pressed twice") == [(1,)]
    platform.wait_for(ids.pop(), "COMPLETED")


def test_a_run_that_kills_every_worker_fails_with_the_reason(platform, slow_version, config):
    run_id = launch_and_wait_until_it_computes(platform, slow_version, config)
    killed = 0
    while platform.run(run_id)["status"] == "RUNNING":
        attempt = platform.run(run_id)["attempt"]
        if attempt > killed:
            for name in ("one", "two"):
                platform.kill(name)
            killed = attempt
            time.sleep(0.5)
            platform.programs.restart_ended()
        time.sleep(0.2)
    run = platform.run(run_id)
    assert run["status"] == "FAILED"
    assert run["error_code"] == "worker_lost"
    assert run["attempt"] == 3
    assert "3 times" in run["error"]


def test_a_cancelled_run_ends_within_seconds_and_keeps_no_result(platform, slow_version, config):
    run_id = launch_and_wait_until_it_computes(platform, slow_version, config)
    platform.client.post(f"/api/bots/backtest-runs/{run_id}/cancel/", {})
    run = platform.wait_for(run_id, "CANCELLED", timeout_s=5)
    assert run["simulated_trades_log"] == []
    assert run["finished_at"] is not None
