"""What the platform adds to the engine: from a REST launch to COMPLETED beside the engine alone.

The platform is a private one in a temporary folder: embedded servers, the web server and one worker. The engine's
figure is the same run in this process, warm: self-check, statistics, warnings and drawing included. Both are of the
same candles and strategy and take turns, so that their difference holds.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from benchmarks.data import ONE_YEAR, candles_file
from benchmarks.ours import STRATEGIES
from benchmarks.peers.protocol import load_candles

PROJECT = Path(__file__).resolve().parent.parent
SYMBOL = "EURUSD"
START, END = datetime(2015, 1, 1, tzinfo=UTC), datetime(2016, 6, 1, tzinfo=UTC)
TIERS = ("ema_cross_tick", "ema_cross_mask", "ema_cross_signals")
RISK = {"max_open_positions": 1}
REPEATS = 5
MOMENT_S = 3.0  # in which the worker gets the process of the next backtest ready
MOST_ADDED_S = 0.5


def measure_path(bench: Path) -> None:
    """Measure and print; `bench` is the folder that keeps the benchmark's candles."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"BOTYARD_VAR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        from config.embedded import EmbeddedServices

        with EmbeddedServices(Path(folder)):
            _measure(Path(folder), bench)


def _measure(var: Path, bench: Path) -> None:
    import django

    django.setup()
    from analysis.candles import Candles
    from analysis.utils.data_processor import merge_m1
    from config.demo import Client
    from config.setup import prepare
    from config.supervisor import Supervisor, free_port, web, worker
    from trading.models import InstrumentSpecification

    login = prepare()
    _specify(InstrumentSpecification)
    source = load_candles(candles_file(bench, ONE_YEAR))
    volume, spread = np.ones(ONE_YEAR, np.int64), np.zeros(ONE_YEAR, np.int32)
    candles = Candles(SYMBOL, *source, tick_volume=volume, spread=spread)
    merge_m1(candles, data_root=var / "data")
    instrument = InstrumentSpecification.objects.get(pk=SYMBOL).to_instrument()
    port = free_port(0)
    print(f"{ONE_YEAR:,} M1 candles, median of {REPEATS} warm runs in turns\n")
    print("| strategy | engine alone | REST launch to COMPLETED | added | at once after another |")
    print("| --- | --: | --: | --: | --: |")
    with Supervisor(PROJECT, var / "log", environment=os.environ, echo=None) as programs:
        programs.start([web(port), worker("backtests", queues="backtests,default", concurrency=1)])
        programs.wait_for_web(f"http://127.0.0.1:{port}/")
        with Client(f"http://127.0.0.1:{port}") as client:
            client.login(login.username, login.password)
            for tier in TIERS:
                source_text = (STRATEGIES / f"{tier}.py").read_text()
                _print(tier, *_turns(_engine(source_text, candles, instrument), _launches(client, source_text)))


def _specify(specifications: Any) -> None:
    specifications.objects.update_or_create(
        pk=SYMBOL,
        defaults={
            "digits": 5, "tick_size": "0.00001", "tick_value": "1", "contract_size": "100000",
            "min_volume": "0.01", "max_volume": "1000000", "volume_step": "0.01",
        },
    )  # fmt: skip


def _engine(source: str, candles: Any, instrument: Any) -> Callable[[], object]:
    from analysis.engine import BacktestSettings, Leg, run_portfolio
    from analysis.strategy import load_strategy_class, make_strategy

    def make() -> Any:
        return make_strategy(load_strategy_class(source, "bench.py"), {}, RISK, instrument)

    settings = BacktestSettings(initial_equity=10_000_000.0, risk=RISK)
    return lambda: run_portfolio([Leg(make(), candles, instrument, make)], settings, report=True)


def _launches(client: Any, source: str) -> Callable[[], object]:
    """What launches a backtest of the source and waits for its end, asking as often as the demo does, in the
    list: the result itself is megabytes."""
    bot = client.post("/api/bots/bots/", {"name": str(hash(source)), "strategy_template": "ema_crossover_v1.py"})
    version = client.post("/api/bots/versions/", {"bot_id": bot["id"], "strategy_file_content": source})
    settings = {"initial_equity": "10000000.00", "risk_json": RISK, "leverage": None}
    config = client.post("/api/bots/backtest-configs/", {"bot_version": version["id"], "label": "", **settings})
    launch = {
        "bot_version_id": version["id"],
        "backtest_config_id": config["id"],
        "instrument_symbol": SYMBOL,
        "data_window_start": START.isoformat(),
        "data_window_end": END.isoformat(),
    }
    return partial(_launch, client, launch)


def _launch(client: Any, launch: dict[str, str]) -> None:
    from config.demo import FIRST_PAUSE_S, LONGEST_PAUSE_S

    run, pause_s = client.post("/api/bots/backtests/launch/", launch), FIRST_PAUSE_S
    while run["status"] in ("PENDING", "RUNNING"):
        time.sleep(pause_s)
        pause_s = min(pause_s * 1.5, LONGEST_PAUSE_S)
        (run,) = client.get("/api/bots/backtest-runs/", config=run["config"], page_size="1")["results"]
    if run["status"] != "COMPLETED":
        raise RuntimeError(f"The backtest ended {run['status']}: {run['error']}")


def _turns(engine: Callable[[], object], launch: Callable[[], object]) -> list[float]:
    """Median seconds of the engine, of a launch when the worker has had a moment, and of another at once after it; the
    first round (imports, caches) is not counted."""
    rounds = [[_seconds(engine), _seconds(launch, after_s=MOMENT_S), _seconds(launch)] for _ in range(REPEATS + 1)][1:]
    return [statistics.median(times) for times in zip(*rounds, strict=True)]


def _seconds(action: Callable[[], object], after_s: float = 0.0) -> float:
    time.sleep(after_s)
    started = time.perf_counter()
    action()
    return time.perf_counter() - started


def _print(tier: str, engine: float, path: float, at_once: float) -> None:
    added = path - engine
    verdict = "" if added <= MOST_ADDED_S else f" (MISSED: at most {MOST_ADDED_S} s)"
    print(f"| {tier} | {engine:.2f} s | {path:.2f} s | {added:+.2f} s{verdict} | {at_once:.2f} s |", flush=True)
