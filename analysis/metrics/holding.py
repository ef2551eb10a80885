"""Time in the market."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.plain import mean, ratio
from analysis.metrics.whole_trades import WholeTrades

if TYPE_CHECKING:
    from analysis.engine.trades import Trades


def holding_figures(whole: WholeTrades) -> dict[str, Any]:
    """Seconds from entry to (last) exit: of all trades, of winners and of losers (MetaTrader 5, freqtrade)."""
    seconds = (whole.exit_time - whole.entry_time) / 1000
    return {
        **_spread("", seconds),
        **_spread("winner_", seconds[whole.pnl > 0]),
        **_spread("loser_", seconds[whole.pnl < 0]),
    }


def exposure_pct(trades: "Trades | WholeTrades", start: int, end: int) -> float | None:
    """Share of the time from `start` to `end` (milliseconds) in which at least one trade was open."""
    if end <= start:
        return None
    if not len(trades):
        return 0.0
    order = np.argsort(trades.entry_time, kind="stable")
    entries, exits = trades.entry_time[order], trades.exit_time[order]
    until = np.maximum.accumulate(np.concatenate([[start], exits[:-1]]))
    covered = np.maximum(exits - np.maximum(entries, until), 0).sum()
    return ratio(covered, end - start, 100)


def max_open_trades(whole: WholeTrades) -> int:
    """The most trades that were open at once; one that ends when another begins does not count beside it."""
    gone = np.searchsorted(np.sort(whole.exit_time), np.sort(whole.entry_time), side="right")
    return int((np.arange(1, len(whole) + 1) - gone).max(initial=min(len(whole), 1)))


def _spread(name: str, seconds: NDArray[np.float64]) -> dict[str, float | None]:
    known = len(seconds) > 0
    return {
        f"min_{name}holding_s": float(seconds.min()) if known else None,
        f"average_{name}holding_s": mean(seconds),
        f"median_{name}holding_s": float(np.median(seconds)) if known else None,
        f"max_{name}holding_s": float(seconds.max()) if known else None,
    }
