"""Figures about a run, from its trades and its equity curve. None where a figure has no value.

`summarize` is the door. `docs/statistics.md` lists every figure with its formula and source.
"""

from analysis.metrics.drawdowns import drawdown
from analysis.metrics.holding import exposure_pct
from analysis.metrics.periods import daily_returns
from analysis.metrics.returns import TRADING_DAYS, sharpe_ratio, sortino_ratio
from analysis.metrics.significance import deflated_sharpe_ratio, probabilistic_sharpe_ratio
from analysis.metrics.summary import summarize
from analysis.metrics.warnings import plain_warnings

__all__ = [
    "TRADING_DAYS",
    "daily_returns",
    "deflated_sharpe_ratio",
    "drawdown",
    "exposure_pct",
    "plain_warnings",
    "probabilistic_sharpe_ratio",
    "sharpe_ratio",
    "sortino_ratio",
    "summarize",
]
