"""Trades as a trader counts them: the parts of one entry are one trade."""

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from analysis.engine.trades import Trades

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class WholeTrades:
    """Columns of trades in order of entry, one row for each id.

    Of a trade closed in parts: money, costs, lots and risk are the sums of its parts, `pnl_r` is the sum of P&L over
    the sum of risk, `exit_time` and `exit_reason` are those of the last part, `mae_r` and `mfe_r` the furthest of any
    part, `bars_held` the longest, `move_pct` (how far the price went for the trade, per cent of the entry price) the
    mean weighted by lots; it counts as decided by the intrabar rule if a part was. NaN where there is no value.
    """

    long: NDArray[np.bool_]
    symbol: NDArray[np.object_]
    exit_reason: NDArray[np.object_]
    tag: NDArray[np.object_]
    entry_time: Ints
    exit_time: Ints
    bars_held: Ints
    lots: Floats
    pnl: Floats
    pnl_r: Floats
    pnl_pessimistic: Floats
    pnl_optimistic: Floats
    commission: Floats
    swap: Floats
    initial_risk: Floats
    mae_r: Floats
    mfe_r: Floats
    move_pct: Floats
    intrabar_decided: NDArray[np.bool_]

    def __len__(self) -> int:
        return len(self.pnl)


def whole_trades(trades: "Trades") -> WholeTrades:
    """The rows of `trades` with the parts of each id put together."""
    order = np.lexsort((trades.part, trades.id))
    again = np.diff(trades.id[order]) == 0
    if not again.any():
        return _as_they_are(trades)
    return _put_together(trades, order, np.flatnonzero(np.append(True, ~again)))


def _as_they_are(trades: "Trades") -> WholeTrades:
    return WholeTrades(
        long=_long(trades), symbol=trades.symbol, exit_reason=trades.exit_reason, tag=trades.tag,
        entry_time=trades.entry_time, exit_time=trades.exit_time, bars_held=trades.bars_held,
        lots=trades.lots, pnl=trades.pnl, pnl_r=trades.pnl_r, pnl_pessimistic=trades.pnl_pessimistic,
        pnl_optimistic=trades.pnl_optimistic, commission=trades.commission, swap=trades.swap,
        initial_risk=trades.initial_risk, mae_r=trades.mae_r, mfe_r=trades.mfe_r, move_pct=_move_pct(trades),
        intrabar_decided=trades.intrabar_decided,
    )  # fmt: skip


def _put_together(trades: "Trades", order: Ints, starts: Ints) -> WholeTrades:
    def total(column: Floats) -> Floats:
        return np.asarray(np.add.reduceat(column[order], starts))

    first, last = order[starts], order[np.append(starts[1:], len(order)) - 1]
    pnl, risk, lots = total(trades.pnl), total(trades.initial_risk), total(trades.lots)
    return WholeTrades(
        long=_long(trades)[first], symbol=trades.symbol[first], tag=trades.tag[first],
        exit_reason=trades.exit_reason[last],
        entry_time=np.minimum.reduceat(trades.entry_time[order], starts),
        exit_time=np.maximum.reduceat(trades.exit_time[order], starts),
        bars_held=np.maximum.reduceat(trades.bars_held[order], starts),
        lots=lots, pnl=pnl, pnl_r=np.where(first == last, trades.pnl_r[first], _over(pnl, risk)),
        pnl_pessimistic=total(trades.pnl_pessimistic), pnl_optimistic=total(trades.pnl_optimistic),
        commission=total(trades.commission), swap=total(trades.swap), initial_risk=risk,
        mae_r=np.minimum.reduceat(trades.mae_r[order], starts),
        mfe_r=np.maximum.reduceat(trades.mfe_r[order], starts),
        move_pct=_over(total(_move_pct(trades) * trades.lots), lots),
        intrabar_decided=np.logical_or.reduceat(trades.intrabar_decided[order], starts),
    )  # fmt: skip


def _long(trades: "Trades") -> NDArray[np.bool_]:
    return np.asarray(trades.side == "BUY", dtype=np.bool_)


def _move_pct(trades: "Trades") -> Floats:
    change = _over(trades.exit_price - trades.entry_price, trades.entry_price) * 100
    return np.where(_long(trades), change, -change)


def _over(values: Floats, by: Floats) -> Floats:
    """Quotients, NaN where `by` is not above zero."""
    return np.asarray(np.divide(values, by, out=np.full(len(values), np.nan), where=by > 0))
