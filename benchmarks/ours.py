"""The work on our engine, as a program like the peers': the last argument names the strategy of `strategies/`."""

import gc
from pathlib import Path
from typing import Any

import numpy as np

from analysis.candles import Candles as OurCandles
from analysis.engine import ENGINE_VERSION, BacktestResult, BacktestSettings, run_backtest
from analysis.instrument import Instrument
from analysis.metrics import daily_returns, drawdown, sharpe_ratio
from analysis.strategy import load_strategy_class, make_strategy
from benchmarks.peers.protocol import Candles, Outcome, serve
from benchmarks.peers.rules import INITIAL_EQUITY

STRATEGIES = Path(__file__).resolve().parent / "strategies"
RISK = {"max_open_positions": 1}
# Ticks a million times finer than the data's: that SL and TP are rounded to them moves no trade.
INSTRUMENT = Instrument(
    symbol="EURUSD",
    digits=11,
    point=1e-11,
    tick_size=1e-11,
    tick_value=1e-6,
    contract_size=100_000.0,
    volume_min=0.01,
    volume_max=1_000_000.0,
    volume_step=0.01,
)


class Ours:
    """One tier: ema_cross_tick, ema_cross_mask or ema_cross_signals."""

    version = ENGINE_VERSION

    def __init__(self, candles: Candles, strategy: str) -> None:
        self.engine = f"ours {strategy}"
        self.time = candles.time
        empty = np.zeros(len(candles.time), np.int64)
        self.candles = OurCandles("EURUSD", *candles, tick_volume=empty, spread=empty.astype(np.int32))
        self.fingerprint = self.candles.fingerprint()  # belongs to loading the candles
        path = STRATEGIES / f"{strategy}.py"
        self.strategy_class = load_strategy_class(path.read_text(), path.name)
        gc.freeze()  # as a strategy's process does before its run

    def run(self) -> tuple[BacktestResult, dict[str, Any]]:
        """The backtest and the figures that everyone works out; the self-check needs `remake` and is not part of it."""
        settings = BacktestSettings(initial_equity=INITIAL_EQUITY, risk=RISK)
        strategy = make_strategy(self.strategy_class, {}, RISK, INSTRUMENT)
        result = run_backtest(strategy, self.candles, INSTRUMENT, settings, data_fingerprint=self.fingerprint)
        headline = {
            "return": result.equity[-1] / result.equity[0] - 1,
            "drawdown": drawdown(result.equity),
            "sharpe": sharpe_ratio(daily_returns(result.equity_time, result.equity)),
            "win_rate": float((result.trades.pnl > 0).mean()),
        }
        return result, headline

    def outcome(self, result: Any) -> Outcome:
        trades = result[0].trades
        by_level = np.isin(trades.exit_reason, ["sl", "tp"])
        bars = (np.searchsorted(self.time, times[by_level]) for times in (trades.entry_time, trades.exit_time))
        side = np.where(trades.side[by_level] == "BUY", 1, -1)
        prices = trades.entry_price[by_level], trades.exit_price[by_level]
        return Outcome(*bars, side, *prices, INITIAL_EQUITY + trades.pnl[by_level].sum())


if __name__ == "__main__":
    serve(Ours)
