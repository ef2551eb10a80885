"""The main job end to end, done the way a client does it: over REST only."""

import time
import uuid
from collections.abc import Callable
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Self

import httpx

TERMINAL = {"COMPLETED", "FAILED", "CANCELLED"}
FIRST_PAUSE_S, LONGEST_PAUSE_S = 0.02, 0.1  # between two looks at a run
BOT_NAME = "Demo EMA crossover"
TEMPLATE = "ema_crossover_v1.py"


class DemoFailed(RuntimeError):
    """A step of the demo did not do what it should; the message says which and what was answered."""


@dataclass(frozen=True)
class Window:
    """A symbol and the candles to test on, [start, end), ISO 8601 UTC."""

    symbol: str
    start: str
    end: str


class Client:
    """The few calls the demo makes. Raises DemoFailed with the server's problem text."""

    def __init__(self, base_url: str) -> None:
        self._http = httpx.Client(base_url=base_url, timeout=60)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._http.close()

    def login(self, username: str, password: str) -> str:
        """Sign in for all further calls; returns the token."""
        answer = self.post("/api/auth/login/", {"username": username, "password": password})
        self._http.headers["Authorization"] = f"Token {answer['token']}"
        return str(answer["token"])

    def get(self, path: str, **query: str) -> Any:
        return self._answer(self._http.get(path, params=query))

    def post(self, path: str, body: dict[str, Any], **headers: str) -> Any:
        return self._answer(self._http.post(path, json=body, headers=headers))

    @staticmethod
    def _answer(response: httpx.Response) -> Any:
        if response.is_success:
            return response.json()
        raise DemoFailed(f"{response.request.method} {response.request.url.path}: {response.text}")


def run_backtest(client: Client, window: Window, on_progress: Callable[[dict[str, Any]], None]) -> dict[str, Any]:
    """Create (or find) the demo's bot, launch a backtest, follow it to its end; returns the run.

    Raises DemoFailed unless it ends COMPLETED.
    """
    version = _version(client)
    config = client.post(
        "/api/bots/backtest-configs/",
        {"bot_version": version["id"], "label": f"Demo {window.symbol}", "initial_equity": "10000.00"},
    )
    run = client.post(
        "/api/bots/backtests/launch/",
        {
            "bot_version_id": version["id"],
            "backtest_config_id": config["id"],
            "instrument_symbol": window.symbol,
            "data_window_start": window.start,
            "data_window_end": window.end,
        },
        **{"Idempotency-Key": str(uuid.uuid4())},
    )
    pause_s = FIRST_PAUSE_S
    while run["status"] not in TERMINAL:
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
        run = client.get(f"/api/bots/backtest-runs/{run['id']}/")
        on_progress(run)
    if run["status"] != "COMPLETED":
        raise DemoFailed(f"The backtest ended {run['status']}: {run['error']}\n{run['error_traceback']}")
    return dict(run)


def _version(client: Client) -> dict[str, Any]:
    found = client.get("/api/bots/bots/", search=BOT_NAME)["results"]
    bot = found[0] if found else client.post("/api/bots/bots/", {"name": BOT_NAME, "strategy_template": TEMPLATE})
    versions = client.get("/api/bots/versions/", bot=bot["id"])["results"]
    return dict(versions[0])
