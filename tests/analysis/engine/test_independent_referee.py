"""The EMA crossover by the engine, and by a second implementation of both that shares no code with it, trades alike."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.candles import Candles
from analysis.engine import BacktestSettings, run_backtest
from analysis.instrument import Instrument
from analysis.strategy import load_strategy_class, make_strategy
from tests.analysis.engine.agreement import assert_the_referee_agrees
from tests.analysis.engine.crossover import crossover_plan
from tests.analysis.engine.full_referee import Referee
from tests.analysis.engine.referee_market import MINUTES

TEMPLATE = Path(__file__).parents[3] / "strategy_templates" / "ema_crossover_v1.py"


def forex(symbol: str) -> Instrument:
    return Instrument(symbol, 5, 1e-5, 1e-5, 1.0, 100_000, 0.01, 100, 0.01, spread_points=10)


GOLD = Instrument("XAUUSD", 2, 0.01, 0.01, 1.0, 100, 0.01, 100, 0.01, spread_points=20)
INSTRUMENTS = {"XAUUSD": GOLD, "EURUSD": forex("EURUSD"), "GBPUSD": forex("GBPUSD")}
EASY = {"timeframe": "M1"}
HARD = {
    "timeframe": "M5",
    "slippage_ms": 34_500,
    "slippage_r": 0.05,
    "commission_per_lot": 3.55,
    "intrabar": "ohlc",
}
CASES = [
    EASY,
    HARD,
    {"timeframe": "M15", "intrabar": "optimistic", "slippage_r": 0.1},
    {"timeframe": "H1", "slippage_ms": 700, "risk": {"fixed_lot_size": 0.37}},
]


def random_walk(seed: int, count: int = 20_000) -> Candles:
    """Gold-like minutes: clustered volatility, jumps, missing minutes, weekends, some spreads not recorded."""
    rng = np.random.default_rng(seed)
    time = 1_767_225_600_000 + np.arange(count, dtype=np.int64) * 60_000
    time = time[(time // 86_400_000 + 3) % 7 < 5]  # 1970-01-01 was a Thursday
    time = time[rng.random(len(time)) > 0.02]
    volatility = np.exp(np.cumsum(rng.normal(0, 0.02, len(time)))) * 40
    closes = 400_000 + np.cumsum(rng.standard_t(3, len(time)) * volatility)
    opens = np.concatenate([[400_000], closes[:-1]]) + rng.normal(0, 10, len(time))
    high = np.maximum(opens, closes) + rng.exponential(volatility)
    low = np.minimum(opens, closes) - rng.exponential(volatility)
    opens, high, low, closes = (np.round(np.round(x) / 100, 2) for x in (opens, high, low, closes))
    spread = rng.integers(-1, 40, len(time)).astype(np.int32)
    return Candles("XAUUSD", time, opens, high, low, closes, np.ones(len(time), np.int64), spread)


def sample(folder: Path, symbol: str) -> Candles:
    return Candles.from_frame(symbol, pd.read_parquet(folder / "m1" / f"{symbol}.parquet").set_index("time"))


def trades_that_agree(candles: Candles, instrument: Instrument, case: dict[str, object]) -> int:
    """How many trades the engine and the referee both made."""
    settings = BacktestSettings(initial_equity=10_000.0, **case)
    strategy_class = load_strategy_class(TEMPLATE.read_text(), TEMPLATE.name)
    strategy = make_strategy(strategy_class, {}, settings.risk, instrument)
    result = run_backtest(strategy, candles, instrument, settings)
    plan = crossover_plan(candles, instrument, MINUTES[settings.timeframe], settings.risk.get("fixed_lot_size"))
    return len(assert_the_referee_agrees(result, Referee([(candles, instrument, plan)], settings)))


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["timeframe"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_same_trades_on_a_random_walk(seed, case):
    assert trades_that_agree(random_walk(seed), GOLD, case) > 0


@pytest.mark.parametrize(
    ("symbol", "case", "trades"),
    [
        ("XAUUSD", EASY, 1230),
        ("EURUSD", EASY, 1046),
        ("GBPUSD", EASY, 701),
        ("XAUUSD", HARD, 265),
        ("EURUSD", HARD, 178),
        ("GBPUSD", HARD, 96),
    ],
    ids=lambda value: value["timeframe"] if isinstance(value, dict) else str(value),
)
def test_same_trades_on_real_candles(sample_data, symbol, case, trades):
    candles = sample(sample_data, symbol)
    assert trades_that_agree(candles, INSTRUMENTS[symbol], case) == trades
