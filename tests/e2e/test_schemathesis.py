"""The API against its own document: thousands of requests, none answered 5xx or other than documented."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.platform import SYMBOL, running_platform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600)]

# Requests that fit the schema are refused by rules no schema can state: source must be a strategy, an id must exist.
LEFT_OUT = "positive_data_acceptance"
# Signing out would end the session the other requests need; tests/accounts covers it.
NOT_CALLED = "/api/auth/logout/"


def test_every_check_holds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    for limit in ("THROTTLE_USER", "THROTTLE_ANONYMOUS", "THROTTLE_LOGIN"):
        monkeypatch.setenv(limit, "1000000/min")
    with running_platform(tmp_path) as platform:
        bot = platform.client.post("/api/bots/bots/", {"name": "Seen", "strategy_template": "ema_crossover_v1.py"})
        version = platform.client.get("/api/bots/versions/", bot=bot["id"])["results"][0]
        config = platform.client.post("/api/bots/backtest-configs/", {"bot_version": version["id"]})
        platform.launch(version, config, ("2025-01-06T00:00:00Z", "2025-01-07T00:00:00Z"))
        assert platform.client.get("/api/trading/instruments/", search=SYMBOL)["count"] == 1
        done = subprocess.run(
            [
                str(Path(sys.executable).parent / "schemathesis"), "run", f"{platform.url}/api/schema/",
                "--header", f"Authorization: Token {platform.token}", "--checks", "all",
                "--exclude-checks", LEFT_OUT, "--exclude-path", NOT_CALLED, "--max-examples", "12",
                "--workers", "2", "--no-color",
            ],
            cwd=tmp_path, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0, done.stdout[-8000:]
        assert "Server error" not in done.stdout
        assert "Tested: " in done.stdout
