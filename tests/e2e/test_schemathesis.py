"""The API against its own document: thousands of requests, none answered 5xx or other than documented."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from tests.faults.platform import SYMBOL, Platform, running_platform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(900)]

# Every check runs everywhere, but for two things no schema can state. A request can fit it and yet be refused: ids in a
# body must be those of rows, its source a strategy, a symbol one of the run's. And signing out would end the session
# that the other requests need (tests/accounts covers it).
CONFIG = """
[checks.positive_data_acceptance]
enabled = false

[[operations]]
include-method = "GET"
exclude-path-regex = "/(trades|candles|overlays)/$"
[operations.checks.positive_data_acceptance]
enabled = true

[[operations]]
include-path = "/api/auth/logout/"
enabled = false
"""
EXAMPLES = os.environ.get("SCHEMATHESIS_EXAMPLES", "12")
SEED = os.environ.get("SCHEMATHESIS_SEED", "1")  # what is generated also depends on the answers


def known(path: str, name: str, value: str) -> str:
    """Always this object: random ids hardly ever reach the code behind a 404."""
    return f'[[operations]]\ninclude-path = "/api/{path}"\nparameters = {{ "path.{name}" = "{value}" }}\n'


def known_objects(rows: dict[str, dict[str, Any]]) -> str:
    """Settings that name one real object for every address that takes an id."""
    run, live = rows["run"]["id"], rows["live"]["id"]
    return "\n".join(
        [
            known("bots/bots/{id}/", "id", rows["bot"]["id"]),
            known("bots/versions/{id}/", "id", rows["version"]["id"]),
            known("bots/backtest-configs/{id}/", "id", rows["spare"]["id"]),
            known("bots/backtest-runs/{id}/", "id", run),
            *(
                known(f"bots/backtest-runs/{{id}}/{part}/", "id", run)
                for part in ("trades", "equity", "candles", "overlays", "report", "cancel")
            ),
            *(
                known(f"bots/backtest-runs/{{run_id}}/export/{part}", "run_id", run)
                for part in ("trades.csv", "trades.parquet", "equity.csv", "equity.parquet")
            ),
            known("bots/live-runs/{id}/", "id", live),
            known("bots/live-runs/{id}/events/", "id", live),
            known("bots/live-runs/{live_run_id}/stop/", "live_run_id", live),
            known("bots/strategy-templates/{filename}/", "filename", "ema_crossover_v1.py"),
            known("accounts/{id}/", "id", rows["account"]["id"]),
            known("trading/instruments/{symbol}/", "symbol", SYMBOL),
            known("analysis/datasets/{symbol}/", "symbol", SYMBOL),
        ]
    )


@pytest.fixture
def platform(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for limit in ("THROTTLE_USER", "THROTTLE_ANONYMOUS", "THROTTLE_LOGIN"):
        monkeypatch.setenv(limit, "1000000/min")
    with running_platform(tmp_path) as platform:
        yield platform


def prepare(platform: Platform) -> dict[str, dict[str, Any]]:
    """One of everything, the backtest with a result."""
    post = platform.client.post
    account = post("/api/accounts/", {"name": "Paper", "balance": "10000"})
    bot = post(
        "/api/bots/bots/", {"name": "Seen", "strategy_template": "ema_crossover_v1.py", "account": account["id"]}
    )
    version = platform.client.get("/api/bots/versions/", bot=bot["id"])["results"][0]
    used, spare = (post("/api/bots/backtest-configs/", {"bot_version": version["id"]}) for _ in range(2))
    platform.start_worker("one")
    run = platform.launch(version, used, ("2025-01-06T00:00:00Z", "2025-01-08T00:00:00Z"))
    run = platform.wait_for(run["id"], "COMPLETED")
    live = post("/api/bots/live-runs/start/", {"bot_version_id": version["id"], "instrument_symbol": SYMBOL})
    return {"account": account, "bot": bot, "version": version, "spare": spare, "run": run, "live": live}


def check(platform: Platform, folder: Path, config: str, *options: str) -> None:
    """Run schemathesis and expect no failure."""
    folder.mkdir()
    (folder / "schemathesis.toml").write_text(config)
    done = subprocess.run(
        [
            str(Path(sys.executable).parent / "schemathesis"), "run", f"{platform.url}/api/schema/",
            "--header", f"Authorization: Token {platform.token}", "--max-examples", EXAMPLES,
            "--seed", SEED, "--workers", "2", "--continue-on-failure", "--no-color", *options,
        ],
        cwd=folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout[-20_000:] + done.stderr[-2_000:]
    assert "Server error" not in done.stdout
    assert "Tested: " in done.stdout


def test_every_check_holds(platform: Platform, tmp_path: Path):
    rows = prepare(platform)
    # Objects that stay are looked at first: the second round deletes what it finds.
    check(
        platform,
        tmp_path / "known",
        CONFIG + known_objects(rows),
        "--phases",
        "coverage,fuzzing",
        "--exclude-method",
        "DELETE",
    )
    check(platform, tmp_path / "any", CONFIG)
