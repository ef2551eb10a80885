"""What the platform adds to the engine: from a REST launch to COMPLETED beside the engine alone.

The platform is a private one in a temporary folder: embedded servers, the web server and one worker. Both figures are
of the same candles and strategy, in one run, so their ratio holds on any machine.
"""

import os
import statistics
import tempfile
import time
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

PROJECT = Path(__file__).resolve().parent.parent
TEMPLATE = "ema_crossover_v1.py"
SYMBOL = "XAUUSD.demo"
START, END = datetime(2025, 2, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)
REPEATS = 5


def measure_path() -> None:
    """Measure and print a table."""
    with tempfile.TemporaryDirectory() as folder:
        os.environ |= {"BOTYARD_VAR": folder, "DJANGO_SETTINGS_MODULE": "config.settings"}
        for name in ("DATABASE_URL", "REDIS_URL"):
            os.environ.pop(name, None)
        from config.embedded import EmbeddedServices

        with EmbeddedServices(Path(folder)):
            _measure(Path(folder))


def _measure(var: Path) -> None:
    import django

    django.setup()
    from django.core.management import call_command

    from analysis.utils.data_processor import load_m1_candles
    from config.setup import prepare

    login = prepare()
    call_command("make_demo_data", SYMBOL)
    candles = load_m1_candles(SYMBOL, START, END, data_root=var / "data")
    engine = _engine(candles)
    path = _whole_path(var, login)
    bars = len(candles)
    print(f"{bars:,} M1 candles, {TEMPLATE}, median of {REPEATS} warm runs")
    print(f"  engine alone                {engine:6.2f} s   {bars / engine:9,.0f} bars/s")
    print(f"  REST launch to COMPLETED    {path:6.2f} s   {path / engine:.2f} x the engine, +{path - engine:.2f} s")


def _engine(candles: Any) -> float:
    from analysis.engine import BacktestSettings, run_backtest
    from analysis.strategy import load_strategy_class, make_strategy
    from trading.models import InstrumentSpecification

    instrument = InstrumentSpecification.objects.get(pk=SYMBOL).to_instrument()
    strategy_class = load_strategy_class((PROJECT / "strategy_templates" / TEMPLATE).read_text(), TEMPLATE)

    def once() -> None:
        strategy = make_strategy(strategy_class, {}, {}, instrument)
        run_backtest(strategy, candles, instrument, BacktestSettings(initial_equity=10_000.0))

    return _median(once)


def _whole_path(var: Path, login: Any) -> float:
    from config.demo import Client, Window, run_backtest
    from config.supervisor import Supervisor, free_port, web, worker

    port = free_port(0)
    window = Window(SYMBOL, START.isoformat(), END.isoformat())
    with Supervisor(PROJECT, var / "log", environment=os.environ, echo=None) as programs:
        programs.start([web(port), worker("backtests", queues="backtests,default", concurrency=1)])
        programs.wait_for_web(f"http://127.0.0.1:{port}/")
        with Client(f"http://127.0.0.1:{port}") as client:
            client.login(login.username, login.password)
            return _median(lambda: run_backtest(client, window, lambda run: None))


def _median(action: Callable[[], object]) -> float:
    action()  # warm: imports, caches
    seconds = []
    for _ in range(REPEATS):
        started = time.perf_counter()
        action()
        seconds.append(time.perf_counter() - started)
    return statistics.median(seconds)
