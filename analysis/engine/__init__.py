"""The backtest engine: one strategy, one instrument, M1 candles in, trades and an equity curve out."""

from analysis.engine.result import ENGINE_VERSION, BacktestResult, BacktestSettings, Refusal
from analysis.engine.run import run_backtest, run_portfolio
from analysis.engine.seat import Leg
from analysis.engine.trades import Trade, Trades

__all__ = [
    "ENGINE_VERSION",
    "BacktestResult",
    "BacktestSettings",
    "Leg",
    "Refusal",
    "Trade",
    "Trades",
    "run_backtest",
    "run_portfolio",
]
