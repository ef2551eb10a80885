"""Counts, profit and costs of trades. Money is account currency; the parts of one entry are one trade."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.plain import deviation, iso, mean, money, ratio
from analysis.metrics.whole_trades import WholeTrades

BEST_SHARE = 0.05

Floats = NDArray[np.float64]


def trade_figures(whole: WholeTrades, initial: float) -> dict[str, Any]:
    """Everything that does not depend on the order of the trades."""
    wins, losses = whole.pnl[whole.pnl > 0], whole.pnl[whole.pnl < 0]
    return {
        **_counts(whole, wins, losses),
        **_profit(whole.pnl, wins, losses),
        **_sides(whole, initial),
        **_multiples(whole.pnl_r),
        **cost_figures(whole),
        **best_trades_left_out(whole.pnl),
        "total_lots": round(float(whole.lots.sum()), 8),
        "average_bars_held": mean(whole.bars_held),
        "intrabar_decided": int(whole.intrabar_decided.sum()),
        "intrabar_decided_pct": ratio(whole.intrabar_decided.sum(), len(whole), 100),
        "pnl_pessimistic": money(whole.pnl_pessimistic.sum()),
        "pnl_optimistic": money(whole.pnl_optimistic.sum()),
        "first_trade_entry_time": iso(whole.entry_time.min()) if len(whole) else None,
        "last_trade_exit_time": iso(whole.exit_time.max()) if len(whole) else None,
    }


def _counts(whole: WholeTrades, wins: Floats, losses: Floats) -> dict[str, Any]:
    n, won = len(whole), whole.pnl > 0
    longs = int(whole.long.sum())
    return {
        "total_trades": n,
        "winning_trades": len(wins),
        "losing_trades": len(losses),
        "draw_trades": n - len(wins) - len(losses),
        "long_trades": longs,
        "short_trades": n - longs,
        "win_rate": ratio(len(wins), n, 100),
        "loss_rate_pct": ratio(len(losses), n, 100),
        "long_won_pct": ratio((won & whole.long).sum(), longs, 100),
        "short_won_pct": ratio((won & ~whole.long).sum(), n - longs, 100),
    }


def _profit(pnl: Floats, wins: Floats, losses: Floats) -> dict[str, Any]:
    """Profit factor, expectancy, payoff and what is built of them.

    `kelly_pct` is W - (1 - W) / payoff (Kelly 1956), `expectancy_ratio` the expectancy per unit of average loss
    (freqtrade), `sqn` the root of n times mean over standard deviation (Tharp 2008, as in backtesting.py on money).
    """
    win, loss, expectancy = mean(wins), mean(losses), mean(pnl)
    payoff = None if win is None or loss is None else ratio(win, -loss)
    won = ratio(len(wins), len(pnl)) or 0.0
    return {
        "gross_profit": money(wins.sum()),
        "gross_loss": money(losses.sum()),
        "profit_factor": ratio(wins.sum(), -losses.sum()),
        "expectancy": expectancy,
        "expectancy_ratio": None if expectancy is None or loss is None else ratio(expectancy, -loss),
        "average_win": win,
        "average_loss": loss,
        "payoff_ratio": payoff,
        "kelly_pct": None if not payoff else (won - (1 - won) / payoff) * 100,
        "biggest_win": float(wins.max()) if len(wins) else None,
        "biggest_loss": float(losses.min()) if len(losses) else None,
        "pnl_std": deviation(pnl) if len(pnl) > 1 else None,
        "sqn": system_quality(pnl),
    }


def system_quality(values: Floats) -> float | None:
    """System quality number: the root of n times mean over standard deviation, n - 1 (Tharp 2008)."""
    return ratio(values.mean(), deviation(values), math.sqrt(len(values))) if len(values) > 1 else None


def _sides(whole: WholeTrades, initial: float) -> dict[str, Any]:
    """P&L of longs and of shorts, in money and in per cent of the initial equity (freqtrade)."""
    long, short = float(whole.pnl[whole.long].sum()), float(whole.pnl[~whole.long].sum())
    return {
        "long_pnl": money(long),
        "long_pnl_pct": ratio(long, initial, 100),
        "short_pnl": money(short),
        "short_pnl_pct": ratio(short, initial, 100),
    }


def _multiples(pnl_r: Floats) -> dict[str, Any]:
    """Of the trades with a stop: P&L over initial risk (Tharp 2008, R-multiples)."""
    known = pnl_r[np.isfinite(pnl_r)]
    return {
        "expectancy_r": mean(known),
        "total_r": float(known.sum()) if len(known) else None,
        "sqn_r": system_quality(known),
    }


def cost_figures(whole: WholeTrades) -> dict[str, Any]:
    """What the broker took: commission less swap (swap is negative when paid). The spread is in the prices and not
    counted. The share is of the gross profit before these costs: the sum over the trades that made money without them.
    """
    costs = whole.commission - whole.swap
    before = whole.pnl + costs
    gross = float(before[before > 0].sum())
    return {
        "total_commission": money(whole.commission.sum()),
        "total_swap": money(whole.swap.sum()),
        "total_costs": money(costs.sum()),
        "gross_profit_before_costs": money(gross),
        "pnl_before_costs": money(before.sum()),
        "costs_of_gross_profit_pct": ratio(costs.sum(), gross, 100),
    }


def best_trades_left_out(pnl: Floats) -> dict[str, Any]:
    """The sum of P&L without the best trade, and without the best 5 % of all trades (at least one)."""
    if not len(pnl):
        return {"pnl_without_best_trade": None, "pnl_without_best_5_pct": None}
    best = max(math.ceil(len(pnl) * BEST_SHARE), 1)
    rest = np.partition(pnl, len(pnl) - best)[: len(pnl) - best]
    return {
        "pnl_without_best_trade": money(pnl.sum() - pnl.max()),
        "pnl_without_best_5_pct": money(rest.sum()),
    }
