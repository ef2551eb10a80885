"""Everything a first run pays for and a later one does not: `python -m analysis.engine.warm_up` pays it."""

from functools import partial
from typing import Any

import numpy as np

import analysis.indicators  # noqa: F401 - what nearly every strategy imports
from analysis.candles import Candles
from analysis.engine.result import BacktestSettings
from analysis.engine.run import run_portfolio
from analysis.engine.seat import Leg
from analysis.instrument import Instrument
from analysis.strategy import BaseStrategy

# An instrument like any other.
SAMPLE = Instrument(
    symbol="EURUSD", digits=5, point=1e-5, tick_size=1e-5, tick_value=1.0, contract_size=100_000,
    volume_min=0.01, volume_max=100, volume_step=0.01, spread_points=10,
)  # fmt: skip


class _Sometimes(BaseStrategy):
    """Trades a little."""

    MIN_BARS = 2

    def run_tick(self, df_current_window: Any, account_equity: float) -> list[dict[str, Any]]:
        """Open a trade with SL and TP, now and then."""
        close = float(df_current_window["close"].iloc[-1])
        opening = {"action": "OPEN_TRADE", "side": "BUY", "lots": 0.1, "sl": close - 0.001, "tp": close + 0.001}
        return [opening] if df_current_window.index[-1].minute % 7 == 0 else []


def warm_up() -> None:
    """A backtest of our own: what is loaded, compiled or cached on disk at its first use is there afterwards."""
    bars = 64
    price = 1.1 + 0.0005 * np.sin(np.arange(bars))
    candles = Candles(
        symbol=SAMPLE.symbol, time=1_700_000_040_000 + 60_000 * np.arange(bars, dtype=np.int64),
        open=price, high=price + 0.0003, low=price - 0.0003, close=price,
        tick_volume=np.ones(bars, np.int64), spread=np.full(bars, 10, np.int32),
    )  # fmt: skip
    make = partial(_Sometimes, {}, {}, SAMPLE.symbol, "", SAMPLE, SAMPLE.pip_value)
    settings = BacktestSettings(initial_equity=10_000.0, leverage=100.0)
    run_portfolio([Leg(make(), candles, SAMPLE, make)], settings, report=True)


if __name__ == "__main__":
    warm_up()
