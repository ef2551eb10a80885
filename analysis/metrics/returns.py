"""Ratios and shape of daily returns, and growth. Annualised with 252 days, no risk-free rate."""

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.periods import DAY_MS, DailyCloses
from analysis.metrics.plain import deviation, iso, money, ratio

TRADING_DAYS = 252
TAIL = 0.05
_YEAR_MS = 365.25 * DAY_MS

Floats = NDArray[np.float64]


def return_figures(daily: DailyCloses) -> dict[str, Any]:
    """Every figure of daily returns; names ending in _pct are per cent."""
    returns = daily.returns
    return {
        "sharpe_ratio": sharpe_ratio(returns),
        "sortino_ratio": sortino_ratio(returns),
        "omega_ratio": omega_ratio(returns),
        "volatility_pct": volatility_pct(returns),
        "annual_return_pct": annual_return_pct(returns),
        "value_at_risk_95_pct": value_at_risk_pct(returns),
        "value_at_risk_99_pct": value_at_risk_pct(returns, 0.01),
        "conditional_value_at_risk_95_pct": conditional_value_at_risk_pct(returns),
        "tail_ratio": tail_ratio(returns),
        "skew": skew(returns),
        "excess_kurtosis": excess_kurtosis(returns),
        "ulcer_index_pct": ulcer_index_pct(daily.closes),
        "serenity_index": serenity_index(daily),
    }


def growth_figures(times: NDArray[np.int64], equity: Floats) -> dict[str, Any]:
    """From the first equity to the last, account currency and per cent; `cagr_pct` over calendar years of 365.25
    days."""
    initial, final = float(equity[0]), float(equity[-1])
    return {
        "start_time": iso(int(times[0])),
        "end_time": iso(int(times[-1])),
        "duration_s": int(times[-1] - times[0]) / 1000,
        "initial_equity": initial,
        "final_equity": final,
        "net_pnl": money(final - initial),
        "total_return_pct": (final / initial - 1) * 100,
        "cagr_pct": annual_growth_pct(initial, final, int(times[-1] - times[0])),
    }


def sharpe_ratio(returns: Floats) -> float | None:
    """Mean over standard deviation (n - 1) of daily returns, times the root of 252 (Sharpe 1994, no risk-free
    rate)."""
    if len(returns) < 2:
        return None
    return ratio(returns.mean(), deviation(returns), math.sqrt(TRADING_DAYS))


def sortino_ratio(returns: Floats) -> float | None:
    """Mean over downside deviation, the root of the mean squared loss over all days, annualised (Sortino &
    Price 1994, target 0)."""
    if len(returns) < 2:
        return None
    downside = math.sqrt(float(np.mean(np.minimum(returns, 0.0) ** 2)))
    return ratio(returns.mean(), downside, math.sqrt(TRADING_DAYS))


def omega_ratio(returns: Floats) -> float | None:
    """Sum of gains over sum of losses of daily returns (Keating & Shadwick 2002, threshold 0)."""
    return ratio(np.maximum(returns, 0.0).sum(), -np.minimum(returns, 0.0).sum())


def volatility_pct(returns: Floats) -> float | None:
    """Standard deviation (n - 1) of daily returns times the root of 252, per cent."""
    return deviation(returns) * math.sqrt(TRADING_DAYS) * 100 if len(returns) > 1 else None


def annual_return_pct(returns: Floats) -> float | None:
    """The geometric mean of daily returns over 252 days, per cent (backtesting.py, "Return (Ann.)"); `cagr_pct`
    counts calendar days instead."""
    if not len(returns):
        return None
    try:
        return math.expm1(float(np.log1p(returns).mean()) * TRADING_DAYS) * 100
    except OverflowError:
        return None


def value_at_risk_pct(returns: Floats, share: float = TAIL) -> float | None:
    """The daily return that `share` of the days fall short of, per cent; a loss is negative. Historical
    simulation: the empirical quantile (RiskMetrics 1996)."""
    return float(np.quantile(returns, share)) * 100 if len(returns) else None


def conditional_value_at_risk_pct(returns: Floats, share: float = TAIL) -> float | None:
    """The mean of the worst `share` of daily returns, per cent (Rockafellar & Uryasev 2000, historical)."""
    if not len(returns):
        return None
    worst = int((len(returns) - 1) * share)
    return float(np.partition(returns, worst)[: worst + 1].mean()) * 100


def tail_ratio(returns: Floats) -> float | None:
    """The 95 % quantile of daily returns over the size of the 5 % quantile (pyfolio)."""
    if not len(returns):
        return None
    low, high = np.quantile(returns, (TAIL, 1 - TAIL))
    return ratio(abs(high), abs(low))


def skew(returns: Floats) -> float | None:
    """Third standardised moment, g1 (Fisher)."""
    return _moment(returns, 3)


def excess_kurtosis(returns: Floats) -> float | None:
    """Fourth standardised moment less 3, g2 (Fisher): 0 is the normal distribution."""
    fourth = _moment(returns, 4)
    return None if fourth is None else fourth - 3


def ulcer_index_pct(closes: Floats) -> float | None:
    """The root of the mean squared drawdown at the ends of days, per cent (Martin & McCann 1989)."""
    if len(closes) < 2:
        return None
    return float(np.sqrt(np.mean(_drawdowns(closes) ** 2))) * 100


def serenity_index(daily: DailyCloses) -> float | None:
    """Sum of daily returns over (ulcer index x pitfall), where pitfall is the mean of the worst 5 % of daily drawdowns
    over the standard deviation of daily returns (KeyQuant; quantstats takes a parametric tail)."""
    returns, ulcer = daily.returns, ulcer_index_pct(daily.closes)
    tail = conditional_value_at_risk_pct(-_drawdowns(daily.closes))
    spread = deviation(returns)
    if ulcer is None or tail is None or spread == 0:
        return None
    return ratio(returns.sum(), ulcer / 100 * -tail / 100 / spread)


def annual_growth_pct(initial: float, final: float, duration_ms: int) -> float | None:
    """Compound annual growth rate; None for less than a day, a total loss, or growth beyond all numbers."""
    if duration_ms < DAY_MS or final <= 0:
        return None
    try:
        return (math.pow(final / initial, _YEAR_MS / duration_ms) - 1) * 100
    except OverflowError:
        return None


def _drawdowns(closes: Floats) -> Floats:
    """How far below its previous peak each day ended, as a share of the peak."""
    return np.asarray(1 - closes / np.maximum.accumulate(closes))[1:]


def _moment(values: Floats, order: int) -> float | None:
    if deviation(values) == 0:
        return None
    away = (values - values.mean()) / values.std()
    return float(np.mean(away**order))
