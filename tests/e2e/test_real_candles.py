"""The main job on real broker data: import, REST, a worker process, an independent referee."""

from collections.abc import Iterator
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from config.demo import Window, run_backtest
from tests.faults.platform import Platform, running_platform

pytestmark = [pytest.mark.slow, pytest.mark.timeout(300)]

SYMBOLS = ("XAUUSD", "EURUSD", "GBPUSD")


@pytest.fixture(scope="module")
def platform(sample_data: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Platform]:
    with running_platform(tmp_path_factory.mktemp("platform")) as platform:
        for symbol in SYMBOLS:
            platform.manage("import_m1", symbol, str(sample_data / "m1" / f"{symbol}.parquet"))
        platform.start_worker("worker")
        yield platform


@pytest.fixture(scope="module", params=SYMBOLS)
def run(platform: Platform, request: pytest.FixtureRequest) -> dict[str, Any]:
    datasets = platform.client.get("/api/analysis/datasets/")["results"]
    dataset = next(known for known in datasets if known["symbol"] == request.param)
    window = Window(request.param, dataset["first"], "2030-01-01T00:00:00Z")
    return run_backtest(platform.client, window, lambda run: None)


def test_it_completes_with_trades(run):
    assert run["status"] == "COMPLETED"
    assert run["stats"]["total_trades"] == len(run["simulated_trades_log"]) > 100


def test_initial_equity_and_trades_add_up_to_the_final_equity_to_the_cent(run):
    total = sum(Decimal(str(trade["pnl"])) for trade in run["simulated_trades_log"])
    assert Decimal(str(run["stats"]["initial_equity"])) + total == Decimal(str(run["stats"]["final_equity"]))
    assert Decimal(str(run["equity_curve"][-1]["equity"])) == Decimal(str(run["stats"]["final_equity"]))


def test_the_curve_is_short_and_covers_the_window(run):
    assert 2 <= len(run["equity_curve"]) <= 2_000
    times = [point["timestamp"] for point in run["equity_curve"]]
    assert times == sorted(times)
