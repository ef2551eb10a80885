"""Trades and equity curves to count by hand."""

import numpy as np

from analysis.engine.trades import Trade, Trades
from analysis.metrics.whole_trades import whole_trades

MINUTE = 60_000
HOUR = 60 * MINUTE
DAY = 24 * HOUR
MONDAY = 1_767_571_200_000  # 2026-01-05


def trade(pnl, entry=0, exit_=1, **others):
    """A trade that is like all others but for what is said. `entry` and `exit_` count from Monday."""
    values = {
        "id": 0, "part": 0, "symbol": "X", "side": "BUY", "lots": 1.0, "entry_price": 1.0, "exit_price": 1.0,
        "sl": None, "tp": None, "initial_risk": None, "pnl_r": None, "pnl_pessimistic": pnl, "pnl_optimistic": pnl,
        "commission": 0.0, "swap": 0.0, "mae_r": None, "mfe_r": None, "bars_held": 1, "exit_reason": "tp",
        "intrabar_decided": False, "tag": "",
    }  # fmt: skip
    return Trade(entry_time=MONDAY + entry, exit_time=MONDAY + exit_, pnl=float(pnl), **(values | others))


def trades(*made):
    """In order; those without an id of their own are numbered."""
    columns = {name: getattr(Trades.of(made), name).copy() for name in Trade.__dataclass_fields__}
    columns["id"] = np.where(columns["id"] == 0, np.arange(1, len(made) + 1), columns["id"])
    return Trades(columns)


def of_pnl(*pnl):
    """One trade after the other, a minute each."""
    return trades(*(trade(p, i * MINUTE, (i + 1) * MINUTE) for i, p in enumerate(pnl)))


def whole(*made):
    return whole_trades(trades(*made))


def whole_of_pnl(*pnl):
    return whole_trades(of_pnl(*pnl))


def curve(*days):
    """Initial equity at Monday's open, then one close at the end of each day."""
    times = np.array([MONDAY + i * DAY for i in range(len(days))], dtype=np.int64)
    return times, np.array(days, dtype=np.float64)
