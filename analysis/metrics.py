"""Figures about a run, from its trades and its equity curve. None where a figure has no value."""

import math
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from analysis.engine.trades import Trade

TRADING_DAYS = 252
_DAY_MS = 86_400_000
_YEAR_MS = 365.25 * _DAY_MS

Series = NDArray[np.float64]


def summarize(trades: "Sequence[Trade]", times: NDArray[np.int64], equity: Series) -> dict[str, Any]:
    """Every figure of a run, ready for JSON.

    `times` are epoch milliseconds UTC, `equity` account currency; the first point is the initial equity.
    `win_rate` and names ending in _pct are per cent. Ratios use daily returns (see `daily_returns`), annualised
    with 252 days and no risk-free rate.
    """
    return {
        **_equity_figures(times, equity),
        **_trade_figures(trades),
        **_streaks([trade.pnl for trade in trades]),
        "exposure_pct": exposure_pct(trades, int(times[0]), int(times[-1])),
    }


def daily_returns(times: NDArray[np.int64], equity: Series) -> Series:
    """Relative changes of the equity from one UTC day's last point to the next, days without candles left
    out.

    The first day is measured from the initial equity. Empty when the equity ever ends a day at zero or below.
    """
    days = (times - 1) // _DAY_MS  # a close at midnight belongs to the day that ends
    days[0] = days[1] if len(days) > 1 else days[0]
    last_of_day = np.flatnonzero(np.diff(days, append=days[-1] + 1))
    closes = np.concatenate([equity[:1], equity[last_of_day]])
    if (closes <= 0).any():
        return np.empty(0)
    return np.asarray(closes[1:] / closes[:-1] - 1)


def sharpe_ratio(returns: Series) -> float | None:
    """Mean over standard deviation (n - 1) of daily returns, times the root of 252 (Sharpe 1994, no risk-free
    rate)."""
    if len(returns) < 2:
        return None
    return _ratio(float(returns.mean()), float(returns.std(ddof=1)), math.sqrt(TRADING_DAYS))


def sortino_ratio(returns: Series) -> float | None:
    """Mean over downside deviation, the root of the mean squared loss over all days, annualised (Sortino &
    Price 1994, target 0)."""
    if len(returns) < 2:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return _ratio(float(returns.mean()), downside, math.sqrt(TRADING_DAYS))


def drawdown(equity: Series) -> tuple[float, float]:
    """The deepest fall from a previous peak: in money, and in per cent of the peak. The two may be different
    falls."""
    peaks = np.maximum.accumulate(equity)
    falls = peaks - equity
    return float(falls.max()), float((falls / peaks).max() * 100)


def exposure_pct(trades: "Iterable[Trade]", start: int, end: int) -> float | None:
    """Share of the time from `start` to `end` (milliseconds) in which at least one trade was open."""
    covered, until = 0, start
    for entry, exit_ in sorted((trade.entry_time, trade.exit_time) for trade in trades):
        covered += max(exit_ - max(entry, until), 0)
        until = max(until, exit_)
    return covered / (end - start) * 100 if end > start else None


def _equity_figures(times: NDArray[np.int64], equity: Series) -> dict[str, Any]:
    initial, final = float(equity[0]), float(equity[-1])
    fall, fall_pct = drawdown(equity)
    returns = daily_returns(times, equity)
    cagr = _annual_growth_pct(initial, final, int(times[-1] - times[0]))
    return {
        "initial_equity": initial,
        "final_equity": final,
        "net_pnl": round(final - initial, 2),
        "total_return_pct": (final / initial - 1) * 100,
        "cagr_pct": cagr,
        "max_drawdown": round(fall, 2),
        "max_drawdown_pct": fall_pct,
        "sharpe_ratio": sharpe_ratio(returns),
        "sortino_ratio": sortino_ratio(returns),
        "calmar_ratio": None if cagr is None else _ratio(cagr, fall_pct),
    }


def _trade_figures(trades: "Sequence[Trade]") -> dict[str, Any]:
    pnl = [trade.pnl for trade in trades]
    wins, losses = [p for p in pnl if p > 0], [p for p in pnl if p < 0]
    multiples = [trade.pnl_r for trade in trades if trade.pnl_r is not None]
    return {
        "total_trades": len(trades),
        "winning_trades": len(wins),
        "losing_trades": len(losses),
        "long_trades": sum(trade.side == "BUY" for trade in trades),
        "short_trades": sum(trade.side == "SELL" for trade in trades),
        "win_rate": _ratio(len(wins), len(pnl), 100),
        "profit_factor": _ratio(math.fsum(wins), -math.fsum(losses)),
        "expectancy": _mean(pnl),
        "expectancy_r": _mean(multiples),
        "total_r": math.fsum(multiples) if multiples else None,
        "average_win": _mean(wins),
        "average_loss": _mean(losses),
        "biggest_win": max(wins, default=None),
        "biggest_loss": min(losses, default=None),
        "total_commission": round(math.fsum(trade.commission for trade in trades), 2),
        "average_bars_held": _mean([trade.bars_held for trade in trades]),
        "intrabar_decided": sum(trade.intrabar_decided for trade in trades),
        "first_trade_entry_time": _iso(min((trade.entry_time for trade in trades), default=None)),
        "last_trade_exit_time": _iso(max((trade.exit_time for trade in trades), default=None)),
    }


def _streaks(pnl: Iterable[float]) -> dict[str, int]:
    """The longest runs of winning and of losing trades in order of entry; a trade at zero ends both."""
    best = {1: 0, -1: 0, 0: 0}
    sign = length = 0
    for value in pnl:
        now = (value > 0) - (value < 0)
        length = length + 1 if now == sign else 1
        sign = now
        best[sign] = max(best[sign], length)
    return {"max_consecutive_wins": best[1], "max_consecutive_losses": best[-1]}


def _annual_growth_pct(initial: float, final: float, duration_ms: int) -> float | None:
    """Compound annual growth rate; None for less than a day, a total loss, or growth beyond all numbers."""
    if duration_ms < _DAY_MS or final <= 0:
        return None
    try:
        return float((final / initial) ** (_YEAR_MS / duration_ms) - 1) * 100
    except OverflowError:
        return None


def _ratio(value: float, by: float, times: float = 1.0) -> float | None:
    return value / by * times if by > 0 else None


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None


def _iso(time_ms: int | None) -> str | None:
    if time_ms is None:
        return None
    return datetime.fromtimestamp(time_ms / 1000, UTC).isoformat().replace("+00:00", "Z")
