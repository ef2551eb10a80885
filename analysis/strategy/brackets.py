"""Limit orders with stop loss and take profit, each followed by its own orders: for strategies for backtrader."""

import math
from collections import defaultdict, deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import backtrader as bt

from analysis.instrument import Instrument
from analysis.strategy.backtrader_tools import bar_ms, days_to_ms, moment
from analysis.strategy.overlays import MAX_BOXES, Overlays


@dataclass(frozen=True)
class Ticket:
    """A limit order at `price` with stop loss and take profit. `side` is BUY or SELL, `lots` are whole steps."""

    side: str
    lots: float
    price: float
    sl: float
    tp: float

    def refusal(self, instrument: Instrument) -> str:
        """Why it cannot be sent; empty when it can."""
        low, high = (self.sl, self.tp) if self.side == "BUY" else (self.tp, self.sl)
        if self.lots < instrument.volume_min:
            return f"volume below {instrument.volume_min:g} lots"
        if low <= 0:
            return "a price not above zero"
        if not low < self.price < high:
            return "entry not between stop loss and take profit"
        return ""


@dataclass
class Bracket:
    """A ticket that was sent, and what became of it.

    Times are epoch milliseconds UTC, candles count from 0. `state` goes from PENDING to RUNNING to SL_HIT, TP_HIT or
    CLOSED (by neither of them), or from PENDING to CANCELED; `close_reason` is then SL, TP, CLOSED, or the status
    backtrader gave the entry (CANCELED, EXPIRED, MARGIN, REJECTED). `facts` are the strategy's own. `excursion` is how
    far the price ran beyond the close it was placed at, away from the entry, in the bars between placing and fill.
    `trade_id` is the platform's; None in backtrader alone.
    """

    data: Any
    ticket: Ticket
    facts: Mapping[str, float]
    number: int
    placed_ms: int
    placed_candle: int
    placed_close: float
    orders: tuple[Any, Any, Any] = (None, None, None)  # entry, stop loss, take profit
    trade_id: int | None = None
    state: str = "PENDING"
    excursion: float = math.nan
    open_price: float | None = None
    open_ms: int | None = None
    open_candle: int | None = None
    cancelled_ms: int | None = None  # when the strategy took it back
    close_price: float | None = None
    close_ms: int | None = None
    close_candle: int | None = None
    close_reason: str = ""

    @property
    def sign(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.ticket.side == "BUY" else -1

    def record(self) -> dict[str, Any]:
        """All of it as a row of a table: prices, lots, aware UTC datetimes; `pnl` is account currency before costs,
        a slippage is in price units and above zero when it cost money."""
        ticket, instrument = self.ticket, self.data.instrument
        entry_slippage = close_slippage = pnl = None
        if self.open_price is not None:
            entry_slippage = (self.open_price - ticket.price) * self.sign
            if self.close_price is not None:
                level = ticket.sl if self.close_reason == "SL" else ticket.tp
                close_slippage = (level - self.close_price) * self.sign
                gained = (self.close_price - self.open_price) * self.sign
                pnl = gained / instrument.tick_size * instrument.tick_value * ticket.lots
        return {
            "trade_id": self.number if self.trade_id is None else self.trade_id,
            "symbol": self.data._name,
            "order_side": ticket.side,
            "state": self.state,
            "size": ticket.lots,
            "entry_price": ticket.price,
            "sl": ticket.sl,
            "tp": ticket.tp,
            "placed_candle": self.placed_candle,
            "placed_datetime": moment(self.placed_ms),
            "open_candle": self.open_candle,
            "open_datetime": None if self.open_ms is None else moment(self.open_ms),
            "entry_executed_price": self.open_price,
            "close_candle": self.close_candle,
            "close_datetime": None if self.close_ms is None else moment(self.close_ms),
            "exit_price": self.close_price,
            "close_reason": self.close_reason,
            "pnl": pnl,
            "entry_slippage": entry_slippage,
            "close_slippage": close_slippage,
            "total_slippage": None if close_slippage is None else (entry_slippage or 0.0) + close_slippage,
            "time_to_fill": None if self.open_candle is None else self.open_candle - self.placed_candle,
            "highest_excursion_from_breakout": self.excursion,
            **self.facts,
        }


@dataclass
class _Page:
    """The brackets of one feed, and those of them that wait."""

    kept: deque[Bracket] = field(default_factory=lambda: deque(maxlen=MAX_BOXES))
    waiting: list[Bracket] = field(default_factory=list)


class BracketBook:
    """The brackets of one strategy, each by its own orders: any number may be placed on one bar.

    The strategy hands every order it is notified of to `on_order`. Of each feed the latest are kept, as many as a chart
    has boxes for.
    """

    def __init__(self, strategy: Any) -> None:
        self._strategy = strategy
        self._pages: defaultdict[int, _Page] = defaultdict(_Page)
        self._by_order: dict[int, Bracket] = {}
        self._placed = 0

    def brackets(self, data: Any) -> list[Bracket]:
        """The kept brackets of a feed, oldest first."""
        return list(self._pages[id(data)].kept)

    def waiting(self, data: Any) -> list[Bracket]:
        """The brackets of a feed whose entry is not filled, oldest first."""
        return list(self._pages[id(data)].waiting)

    def records(self) -> list[dict[str, Any]]:
        """The kept brackets of all feeds, one row each, in the order they were placed."""
        kept = [bracket for data in self._strategy.datas for bracket in self.brackets(data)]
        return [bracket.record() for bracket in sorted(kept, key=lambda bracket: bracket.number)]

    def place(self, data: Any, ticket: Ticket, facts: Mapping[str, float]) -> Bracket:
        """Send an order that stays until it is filled or cancelled."""
        self._placed += 1
        bracket = Bracket(data, ticket, facts, self._placed, bar_ms(data), len(data) - 1, data.close[0])
        self._pages[id(data)].kept.append(bracket)
        self._pages[id(data)].waiting.append(bracket)
        send = self._strategy.buy_bracket if ticket.side == "BUY" else self._strategy.sell_bracket
        bracket.orders = tuple(
            send(
                data=data, size=ticket.lots, price=ticket.price, exectype=bt.Order.Limit, stopprice=ticket.sl,
                limitprice=ticket.tp, tradeid=self._placed,
            )
        )  # fmt: skip
        self._by_order.update({order.ref: bracket for order in bracket.orders})
        return bracket

    def cancel(self, bracket: Bracket) -> None:
        """Take back an entry that waits. It waits on until the strategy is notified, and may be filled before."""
        bracket.cancelled_ms = bar_ms(bracket.data)
        self._strategy.cancel(bracket.orders[0])

    def on_order(self, order: Any) -> None:
        """Keep the state of the bracket `order` belongs to, if any."""
        bracket = self._by_order.get(order.ref)
        if bracket is None or order.alive():
            return
        entry, stop, _ = (each.ref for each in bracket.orders)
        filled = order.status == order.Completed
        if order.ref == entry:
            self._leave_queue(bracket)
            if filled:
                bracket.state, bracket.open_price = "RUNNING", order.executed.price
                bracket.open_ms, bracket.open_candle = days_to_ms(order.executed.dt), len(bracket.data) - 1
                bracket.trade_id = order.info.get("trade_id")
            else:
                at_ms = bar_ms(bracket.data) if bracket.cancelled_ms is None else bracket.cancelled_ms
                self._end(bracket, "CANCELED", order.getstatusname().upper(), at_ms)
        elif filled:
            reason = "SL" if order.ref == stop else "TP"
            bracket.close_price = order.executed.price
            self._end(bracket, f"{reason}_HIT", reason, days_to_ms(order.executed.dt))
        elif bracket.state == "RUNNING":  # its levels are withdrawn: the market or the end of the data closed it
            self._end(bracket, "CLOSED", "CLOSED", bar_ms(bracket.data))

    def _leave_queue(self, bracket: Bracket) -> None:
        self._pages[id(bracket.data)].waiting.remove(bracket)
        line = bracket.data.high if bracket.sign > 0 else bracket.data.low
        between = line.get(ago=-1, size=max(len(bracket.data) - 2 - bracket.placed_candle, 0))
        bracket.excursion = max((bracket.sign * (price - bracket.placed_close) for price in between), default=0.0)

    def _end(self, bracket: Bracket, state: str, reason: str, at_ms: int) -> None:
        bracket.state, bracket.close_reason = state, reason
        bracket.close_ms, bracket.close_candle = at_ms, len(bracket.data) - 1
        for order in bracket.orders:
            self._by_order.pop(order.ref, None)

    def draw(self, data: Any, overlays: Overlays) -> Overlays:
        """Add a box for every bracket of a feed to `overlays`, from its placing to its end."""
        for bracket in self.brackets(data):
            ticket = bracket.ticket
            overlays.box(
                bracket.placed_ms, bracket.close_ms, ticket.price, ticket.sl, ticket.tp, bracket.trade_id, ticket.side,
                bracket.close_reason,
            )  # fmt: skip
        return overlays
