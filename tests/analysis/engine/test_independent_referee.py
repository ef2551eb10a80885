"""The engine and a second implementation that shares no code with it trade alike."""

from decimal import Decimal
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.candles import Candles
from analysis.engine import BacktestSettings, run_backtest
from analysis.instrument import Instrument
from analysis.strategy import load_strategy_class, make_strategy
from tests.analysis.engine import referee

TEMPLATE = Path(__file__).parents[3] / "strategy_templates" / "ema_crossover_v1.py"
MINUTES = {"M1": 1, "M5": 5, "M15": 15, "M30": 30, "H1": 60, "H4": 240, "D1": 1440}


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


def assert_the_referee_agrees(candles: Candles, instrument: Instrument, case: dict[str, object]) -> int:
    settings = BacktestSettings(initial_equity=10_000.0, **case)
    strategy_class = load_strategy_class(TEMPLATE.read_text(), TEMPLATE.name)
    strategy = make_strategy(strategy_class, {}, settings.risk, instrument)
    result = run_backtest(strategy, candles, instrument, settings)
    expected, balance = referee.simulate(
        {name: getattr(candles, name).tolist() for name in ("time", "open", "high", "low", "close", "spread")},
        {
            "tick_size": instrument.tick_size,
            "point": instrument.point,
            "tick_value": instrument.tick_value,
            "volume_min": instrument.volume_min,
            "volume_max": instrument.volume_max,
            "volume_step": instrument.volume_step,
            "spread_points": instrument.spread_points,
        },
        {
            "short": 21, "long": 50, "atr": 14, "sl": 2.0, "tp": 3.0, "risk": 0.01,
            "fixed": settings.risk.get("fixed_lot_size"),
        },
        {
            "equity": 10_000, "minutes": MINUTES[settings.timeframe], "intrabar": settings.intrabar,
            "slippage_ms": settings.slippage_ms, "slippage_r": settings.slippage_r,
            "commission": settings.commission_per_lot,
        },
    )  # fmt: skip
    ours = [
        (
            t.side, t.lots, t.entry_time, t.entry_price, t.sl, t.tp,
            t.exit_time, t.exit_price, t.exit_reason, t.intrabar_decided, Decimal(str(t.pnl)),
        )
        for t in result.trades
    ]  # fmt: skip
    theirs = [
        (
            "BUY" if t["side"] > 0 else "SELL", float(t["lots"]), t["time"], float(t["entry"]), float(t["sl"]),
            float(t["tp"]), t["exit_time"], float(t["exit"]), t["reason"], t["decided"], t["pnl"],
        )
        for t in expected
    ]  # fmt: skip
    assert len(ours) == len(theirs)
    for mine, other in zip(ours, theirs, strict=True):
        assert mine == other
    assert Decimal(str(result.stats["final_equity"])) == balance
    return len(ours)


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["timeframe"])
@pytest.mark.parametrize("seed", [1, 2, 3])
def test_same_trades_on_a_random_walk(seed, case):
    assert assert_the_referee_agrees(random_walk(seed), GOLD, case) > 0


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
    assert assert_the_referee_agrees(candles, INSTRUMENTS[symbol], case) == trades
