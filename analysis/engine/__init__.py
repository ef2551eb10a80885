"""The backtest engine: strategies and M1 candles in, trades and an equity curve out."""

from importlib import import_module
from typing import TYPE_CHECKING, Any

from analysis.engine.result import ENGINE_VERSION, BacktestResult, BacktestSettings, Refusal
from analysis.engine.trades import Trade, Trades

if TYPE_CHECKING:
    from analysis.engine.run import run_backtest, run_portfolio
    from analysis.engine.seat import Leg

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

_COMPILED = {
    "run_backtest": "analysis.engine.run",
    "run_portfolio": "analysis.engine.run",
    "Leg": "analysis.engine.seat",
}


def __getattr__(name: str) -> Any:
    """Bring the compiler in for those who run a backtest; who only reads results does without (PEP 562)."""
    if name not in _COMPILED:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(_COMPILED[name]), name)
