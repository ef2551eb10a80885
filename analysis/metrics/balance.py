"""The balance: what the account holds once trades are closed.

It moves when a trade or a part of one is closed, by its P&L after all costs, also where the broker booked commission
or swap earlier. Figures per trade follow whole trades in order of their (last) exit.
"""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.plain import deviation, mean, ratio
from analysis.metrics.whole_trades import WholeTrades

if TYPE_CHECKING:
    from analysis.engine.trades import Trades

_NOISE = 8  # decimals that sums of cents do not have

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def balance_curve(trades: "Trades", start: int, initial: float) -> tuple[Ints, Floats]:
    """Times (epoch milliseconds UTC) and balance: `initial` at `start`, then after every exit, parts included."""
    order = np.argsort(trades.exit_time, kind="stable")
    return np.concatenate([[start], trades.exit_time[order]]), _running(initial, trades.pnl[order])


def balance_after_trades(whole: WholeTrades, initial: float) -> Floats:
    """The initial balance, then the balance after each whole trade in order of exit."""
    return _running(initial, whole.pnl[np.argsort(whole.exit_time, kind="stable")])


def growth_per_trade(balance: Floats) -> dict[str, Any]:
    """Holding period returns (HPR, balance after a trade over balance before it): their arithmetic and geometric mean,
    and mean gain over standard deviation (Vince 1990; MetaTrader 5 report, AHPR and GHPR; not annualised).

    None once the balance was at zero or below.
    """
    names = ("ahpr", "ghpr", "sharpe_ratio_per_trade", "best_trade_pct", "worst_trade_pct", "average_trade_pct")
    if len(balance) < 2 or (balance <= 0).any():
        return dict.fromkeys(names)
    hpr = balance[1:] / balance[:-1]
    average = float(hpr.mean())
    values = (
        average,
        float(balance[-1] / balance[0]) ** (1 / len(hpr)),
        ratio(average - 1, deviation(hpr)),
        (float(hpr.max()) - 1) * 100,
        (float(hpr.min()) - 1) * 100,
        (average - 1) * 100,
    )
    return dict(zip(names, values, strict=True))


def straightness(balance: Floats) -> dict[str, float | None]:
    """How straight the balance grew from trade to trade: its correlation with the number of the trade (negative when it
    fell), and the standard error of its least-squares line in account currency, with n - 2 degrees of freedom
    (MetaTrader 5 report, LR Correlation and LR Standard Error)."""
    n = len(balance)
    place = np.arange(n, dtype=np.float64)
    error = None
    if n > 2:
        away, steps = balance - balance.mean(), place - place.mean()
        slope = float((away * steps).sum()) / float((steps * steps).sum())
        error = float(np.sqrt(np.sum((away - slope * steps) ** 2) / (n - 2)))
    return {"lr_correlation": correlation(place, balance), "lr_standard_error": error}


def correlation(one: Floats, other: Floats) -> float | None:
    """Pearson's correlation of the pairs without NaN; None for fewer than two or without any spread."""
    known = np.isfinite(one) & np.isfinite(other)
    if known.sum() < 2:
        return None
    a, b = one[known], other[known]
    a, b = a - a.mean(), b - b.mean()
    spread = float(np.sqrt((a * a).sum() * (b * b).sum()))  # not a @ b: BLAS starts threads for it
    value = ratio((a * b).sum(), spread if spread > 1e-12 else 0.0)
    return None if value is None else min(max(value, -1.0), 1.0)


def price_moves(whole: WholeTrades) -> dict[str, float | None]:
    """How far the price went for the trades, per cent of the entry price and before costs (backtesting.py, "Best
    Trade", "Worst Trade"; the mean is arithmetic)."""
    moves = whole.move_pct[np.isfinite(whole.move_pct)]
    return {
        "best_move_pct": float(moves.max()) if len(moves) else None,
        "worst_move_pct": float(moves.min()) if len(moves) else None,
        "average_move_pct": mean(moves),
    }


def _running(initial: float, pnl: Floats) -> Floats:
    return np.round(np.concatenate([[initial], initial + np.cumsum(pnl)]), _NOISE)
