"""A plan of entries played by backtrader as it comes: its own broker, no costs, one unit, one position at a time."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import backtrader as bt

from analysis.candles import Candles


@dataclass(frozen=True)
class Entry:
    """What is asked for at the close of a candle: +1 or -1, and both levels."""

    side: int
    sl: float
    tp: float


@dataclass(frozen=True)
class Played:
    """A trade by the rows of its candles. Without an exit it was open at the end."""

    side: int
    entry_row: int
    entry_price: float
    exit_row: int | None = None
    exit_price: float | None = None
    reason: str = "end_of_data"


class Planned(bt.Strategy):
    """`how` is `pessimistic` or `optimistic`: SL or TP is submitted first, beside the entry, one cancels the other, so
    that both are watched from the candle of the entry on; or `bracket`: backtrader's own brackets."""

    params = (("plan", None), ("how", "pessimistic"))

    def __init__(self) -> None:
        self.fills: list[tuple[int, Any]] = []

    def next(self) -> None:
        entry = self.p.plan.get(len(self.data) - 1)
        if entry is None or self.position:
            return
        enter, leave = (self.buy, self.sell) if entry.side > 0 else (self.sell, self.buy)
        if self.p.how == "bracket":
            bracket = self.buy_bracket if entry.side > 0 else self.sell_bracket
            bracket(exectype=bt.Order.Market, stopprice=entry.sl, limitprice=entry.tp)
            return
        enter()
        levels = [(bt.Order.Stop, entry.sl), (bt.Order.Limit, entry.tp)]
        if self.p.how == "optimistic":
            levels.reverse()
        first = leave(exectype=levels[0][0], price=levels[0][1])
        leave(exectype=levels[1][0], price=levels[1][1], oco=first)

    def notify_order(self, order: Any) -> None:
        if order.status in (order.Margin, order.Rejected):
            raise AssertionError(f"backtrader refused an order: {order}")
        if order.status == order.Completed:
            self.fills.append((len(self.data) - 1, order))


def play_backtrader(candles: Candles, plan: Mapping[int, Entry], how: str) -> list[Played]:
    """The trades of a plan by row of the candle whose close decides."""
    cerebro = bt.Cerebro(stdstats=False)
    cerebro.adddata(bt.feeds.PandasData(dataname=candles.to_frame(), volume=None, openinterest=None))
    cerebro.addstrategy(Planned, plan=plan, how=how)
    cerebro.broker.setcash(1e12)
    fills = cerebro.run()[0].fills
    trades = []
    for entered, left in zip(fills[::2], [*fills[1::2], None], strict=False):
        row, order = entered
        way_in = (1 if order.isbuy() else -1), row, order.executed.price
        if left is None:
            trades.append(Played(*way_in))
            continue
        reason = "sl" if left[1].exectype == bt.Order.Stop else "tp"
        trades.append(Played(*way_in, left[0], left[1].executed.price, reason))
    return trades
