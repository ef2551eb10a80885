"""Every figure of a run, from its trades and its equity curve."""

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.balance import (
    balance_after_trades,
    balance_curve,
    growth_per_trade,
    price_moves,
    straightness,
)
from analysis.metrics.breakdowns import breakdowns
from analysis.metrics.distributions import r_distribution
from analysis.metrics.drawdowns import drawdown_figures, drawdown_table, drawdowns_of, level_figures
from analysis.metrics.excursions import excursion_figures
from analysis.metrics.holding import exposure_pct, holding_figures, max_open_trades
from analysis.metrics.monte_carlo import monte_carlo
from analysis.metrics.periods import DailyCloses, daily_closes, day_figures, monthly_returns
from analysis.metrics.plain import plain, ratio
from analysis.metrics.returns import growth_figures, return_figures
from analysis.metrics.significance import significance_figures
from analysis.metrics.streaks import streak_figures, z_score_figures
from analysis.metrics.trade_figures import trade_figures
from analysis.metrics.whole_trades import WholeTrades, whole_trades

if TYPE_CHECKING:
    from analysis.engine.trades import Trades

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


def summarize(trades: "Trades", times: Ints, equity: Floats) -> dict[str, Any]:
    """Every figure of a run, ready for JSON: docs/statistics.md has them all.

    `times` are epoch milliseconds UTC, `equity` account currency; the first point is the initial equity. `win_rate`
    and names ending in _pct are per cent, in _s seconds, in _r multiples of initial risk. The parts of one entry are
    one trade. None where a figure has no value. Raises ValueError unless there are as many times as values, at least
    one, and the initial equity is above zero.
    """
    if len(times) != len(equity) or not len(equity) or not equity[0] > 0:
        raise ValueError("an equity curve starts with an initial equity above zero and has a time for each value")
    with np.errstate(all="ignore"):
        whole = whole_trades(trades)
        daily = daily_closes(times, equity)
        figures = {
            **_equity_figures(times, equity, daily),
            **_balance_figures(trades, whole, times, float(equity[0])),
            **trade_figures(whole, float(equity[0])),
            **streak_figures(whole.pnl),
            **z_score_figures(whole.pnl),
            **holding_figures(whole),
            **excursion_figures(whole),
            **significance_figures(daily.returns, whole.pnl),
            **breakdowns(whole),
            "r_distribution": r_distribution(whole.pnl_r),
            "exposure_pct": exposure_pct(whole, int(times[0]), int(times[-1])),
            "max_open_trades": max_open_trades(whole),
            "total_deals": len(whole) + len(trades),
            "trades_per_day": ratio(len(whole), len(daily.days)),
        }
    figures |= _across(figures)
    return {name: plain(value) for name, value in figures.items()}


def _equity_figures(times: Ints, equity: Floats, daily: DailyCloses) -> dict[str, Any]:
    found = drawdowns_of(times, equity)
    return {
        **growth_figures(times, equity),
        **return_figures(daily),
        **day_figures(daily),
        **level_figures("equity", found),
        **drawdown_figures(found),
        "drawdowns": drawdown_table(found),
        "monthly_returns": monthly_returns(daily),
    }


def _balance_figures(trades: "Trades", whole: WholeTrades, times: Ints, initial: float) -> dict[str, Any]:
    after_trades = balance_after_trades(whole, initial)
    return {
        **level_figures("balance", drawdowns_of(*balance_curve(trades, int(times[0]), initial))),
        **growth_per_trade(after_trades),
        **straightness(after_trades),
        **price_moves(whole),
        "monte_carlo": monte_carlo(after_trades),
    }


def _across(figures: dict[str, Any]) -> dict[str, Any]:
    """Growth over what it cost in drawdown: Calmar (Young 1991) and Martin ratio (Martin & McCann 1989) of the annual
    growth, recovery factor of the net P&L (MetaTrader 5 report: over the maximal equity drawdown)."""
    growth, ulcer = figures["cagr_pct"], figures["ulcer_index_pct"]
    return {
        "calmar_ratio": None if growth is None else ratio(growth, figures["max_drawdown_pct"]),
        "martin_ratio": None if growth is None or ulcer is None else ratio(growth, ulcer),
        "recovery_factor": ratio(figures["net_pnl"], figures["max_drawdown"]),
    }
