"""Small hand-made markets: candles from rows, strategies from scripts."""

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from analysis.candles import Candles
from analysis.engine import BacktestResult, BacktestSettings, run_backtest
from analysis.instrument import Instrument

MONDAY = 1_767_571_200_000  # 2026-01-05 00:00 UTC
MINUTE = 60_000

# One lot gains 1.00 per tick of 0.01, so 100.00 per 1.00 of price.
GOLD = Instrument("XAUUSD", 2, 0.01, 0.01, 1.0, 100, 0.01, 50, 0.01, spread_points=30)

Row = tuple[float, ...] | None


def candles(rows: Sequence[Row], start: int = MONDAY, spread: int = 0) -> Candles:
    """Rows are (open, high, low, close) or (open, high, low, close, spread); None is a minute without a candle."""
    there = [(start + i * MINUTE, row) for i, row in enumerate(rows) if row is not None]
    prices = np.array([row[:4] for _, row in there], dtype=np.float64).reshape(-1, 4)
    spreads = [row[4] if len(row) > 4 else spread for _, row in there]
    return Candles(
        symbol="XAUUSD",
        time=np.array([time for time, _ in there], dtype=np.int64),
        open=prices[:, 0].copy(),
        high=prices[:, 1].copy(),
        low=prices[:, 2].copy(),
        close=prices[:, 3].copy(),
        tick_volume=np.ones(len(there), dtype=np.int64),
        spread=np.array(spreads, dtype=np.int32),
    )


class Script:
    """Does on given bars (counted from 0 by the time of the window's last row) what it was told to."""

    positions: tuple[Any, ...] = ()

    def __init__(self, actions: Mapping[int, Any], minutes: int = 1, start: int = MONDAY, warm_up: int = 1) -> None:
        self.actions, self.length, self.start, self.warm_up = actions, minutes * MINUTE, start, warm_up
        self.equity: dict[int, float] = {}
        self.open: dict[int, tuple[Any, ...]] = {}
        self.unrealized: dict[int, list[float]] = {}
        self.windows: dict[int, pd.DataFrame] = {}

    def get_min_bars_needed(self, buffer_bars: int = 10) -> int:
        return self.warm_up

    def _ensure_indicators(self, df_input: pd.DataFrame) -> pd.DataFrame:
        return df_input

    def run_tick(self, df_current_window: pd.DataFrame, account_equity: float) -> Any:
        opened = int(df_current_window.index[-1].timestamp() * 1000)
        bar = (opened - self.start) // self.length
        self.equity[bar], self.open[bar], self.windows[bar] = account_equity, self.positions, df_current_window
        self.unrealized[bar] = [position.unrealized for position in self.positions or ()]
        return self.actions.get(bar, [])


def play(
    rows: Sequence[Row], actions: Mapping[int, Any], *, spread: int = 0, instrument: Instrument = GOLD, **settings: Any
) -> BacktestResult:
    """Run a script on rows with 10,000.00 of equity."""
    return run_backtest(
        Script(actions), candles(rows, spread=spread), instrument, BacktestSettings(initial_equity=10_000.0, **settings)
    )


def buy(**fields: Any) -> dict[str, Any]:
    return {"action": "OPEN_TRADE", "side": "BUY", "lots": 1.0, **fields}


def sell(**fields: Any) -> dict[str, Any]:
    return {"action": "OPEN_TRADE", "side": "SELL", "lots": 1.0, **fields}


FLAT: Row = (100.0, 100.0, 100.0, 100.0)
