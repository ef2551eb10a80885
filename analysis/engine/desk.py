"""From what a strategy asks for to requests that the simulation carries out, or the reason why not."""

from collections.abc import Iterator
from math import inf, nan
from typing import Any

import numpy as np

from analysis.engine.kernel.records import (
    CANCEL,
    CLOSE_POSITION,
    EXPIRED,
    KEEP_LEVEL,
    LIMIT,
    LONG,
    MARKET,
    MOVE_LEVELS,
    NEVER,
    NO_MARKET,
    NO_MONEY,
    NO_STOP,
    NO_TARGET,
    PART_TOO_SMALL,
    SHORT,
    STOP,
    TOO_MANY_OPEN,
    UNKNOWN_ORDER,
    UNKNOWN_TRADE,
    VOLUME_TOO_SMALL,
    WRONG_SIDE_PRICE,
    WRONG_SIDE_SL,
    WRONG_SIDE_TP,
    Request,
)
from analysis.engine.simulation import Simulation, price_or_none
from analysis.strategy import (
    KEEP,
    Action,
    ActionRefused,
    CancelOrder,
    CloseTrade,
    EntryType,
    ModifyTrade,
    OpenTrade,
    PendingOrder,
    Position,
    Side,
)
from analysis.strategy.actions import MAX_PRICE

_DIRECTIONS = {"BUY": LONG, "SELL": SHORT}
_FLOATS = frozenset({float, np.float64})
_PLAIN_FIELDS = 5  # action, side, sl, tp, and one of lots and risk_percent
_AT_MARKET, _BUY = EntryType.MARKET, Side.BUY  # an Enum takes its time to find a member
_KINDS = {EntryType.MARKET: MARKET, EntryType.LIMIT: LIMIT, EntryType.STOP: STOP}
_TYPES = {kind: entry_type for entry_type, kind in _KINDS.items()}


class Desk:
    """What the strategy of one symbol may see of the account, and how its actions become requests."""

    def __init__(self, simulation: Simulation, symbol: int) -> None:
        self.simulation = simulation
        self._symbol = symbol
        self._positions: tuple[Position, ...] = ()
        self._positions_of = -1  # version of the simulation
        self.consulted = False
        self.row = 0  # of the decision: trades are marked at the last close before it

    def plain_entry(self, raw: Any, row: int) -> Request | None:
        """The request of an entry at market with SL, TP and a size in floats, which is what strategies write most;
        None for anything else. What `requests` makes of `parse_action`, in a quarter of the time."""
        if raw.__class__ is not dict or len(raw) != _PLAIN_FIELDS or raw.get("action") != "OPEN_TRADE":
            return None
        try:
            sl, tp, direction = raw["sl"], raw["tp"], _DIRECTIONS[raw["side"]]
        except (KeyError, TypeError):
            return None
        lots, percent = raw.get("lots", nan), raw.get("risk_percent", nan)
        if (
            sl.__class__ in _FLOATS
            and tp.__class__ in _FLOATS
            and lots.__class__ in _FLOATS
            and percent.__class__ in _FLOATS
            and 0.0 < sl <= MAX_PRICE
            and 0.0 < tp <= MAX_PRICE
            and (0.0 < percent <= 100.0 or 0.0 <= lots < inf)
        ):
            return row, MARKET, self._symbol, direction, 0, NEVER, 0, nan, sl, tp, lots, percent, nan
        return None

    def requests(self, action: Action, row: int) -> list[Request] | ActionRefused:
        """Requests for an action decided before `row`, or why it is refused."""
        symbol = self._symbol
        if action.__class__ is OpenTrade and action.symbol is None:  # nearly always
            return [self._open(action, symbol, row)]
        if action.symbol is not None and action.symbol != self.simulation.instruments[symbol].symbol:
            if action.symbol not in self.simulation.symbols:
                return ActionRefused("wrong_symbol", f"this run does not trade {action.symbol}")
            symbol = self.simulation.symbols[action.symbol]
        if isinstance(action, OpenTrade):
            return [self._open(action, symbol, row)]
        if isinstance(action, CancelOrder):
            chosen = list(self._chosen_orders(action, symbol))
            found = [(row, CANCEL, symbol, LONG, id_, 0, 0, nan, nan, nan, nan, nan, nan) for id_ in chosen]
            return found or ActionRefused(
                "unknown_order", _nothing_chosen("waiting order", action.order_id, action.tag)
            )
        chosen = list(self._chosen_trades(action, symbol))
        if not chosen:
            return ActionRefused("unknown_trade", _nothing_chosen("open trade", action.trade_id, action.tag))
        if isinstance(action, CloseTrade):
            lots = nan if action.lots is None else action.lots
            return [(row, CLOSE_POSITION, symbol, LONG, id_, 0, 0, nan, nan, nan, lots, nan, nan) for id_ in chosen]
        sl, tp = _moved(action.sl), _moved(action.tp)
        return [(row, MOVE_LEVELS, symbol, LONG, id_, 0, 0, nan, sl, tp, nan, nan, nan) for id_ in chosen]

    def _open(self, action: OpenTrade, symbol: int, row: int) -> Request:
        side, sl, tp, lots, risk_percent, entry_type, price, expiry, tag, _ = action
        return (
            row,
            MARKET if entry_type is _AT_MARKET else _KINDS[entry_type],
            symbol,
            LONG if side is _BUY else SHORT,
            0,
            NEVER if expiry is None else int(expiry.timestamp() * 1000),
            self.simulation.tag(tag) if tag else 0,
            nan if price is None else price,
            nan if sl is None else sl,
            nan if tp is None else tp,
            nan if lots is None else lots,
            nan if risk_percent is None else risk_percent,
            nan,
        )

    def positions(self) -> tuple[Position, ...]:
        """The symbol's open trades, as a strategy may see them."""
        self.consulted = True
        if self._positions_of != self.simulation.version:
            self._positions_of = self.simulation.version
            mine = (p for p in self.simulation.positions if p["symbol"] == self._symbol)
            self._positions = tuple(self.view(position) for position in mine)
        return self._positions

    def view(self, record: Any) -> Position:
        """A POSITION record, or a TRADE record while it was open, as a strategy may see it."""
        instrument, direction = self.simulation.instruments[self._symbol], int(record["direction"])
        return Position(
            id=int(record["id"]),
            side=Side.BUY if direction == LONG else Side.SELL,
            lots=instrument.from_steps(int(record["steps"])),
            entry_time=int(record["entry_time"]),
            entry_price=instrument.from_ticks(int(record["entry"]) * direction),
            sl=price_or_none(instrument, int(record["stop"]), direction, NO_STOP),
            tp=price_or_none(instrument, int(record["target"]), direction, NO_TARGET),
            tag=self.simulation.tags[int(record["tag"])],
            mark=self._mark,
        )

    def orders(self) -> tuple[PendingOrder, ...]:
        """The symbol's entries that wait or are on their way, as a strategy may see them."""
        self.consulted = True
        instrument = self.simulation.instruments[self._symbol]
        found = []
        for o in self.simulation.orders:
            kind, direction = int(o["kind"]), int(o["direction"])
            if o["symbol"] != self._symbol or kind not in _TYPES:
                continue
            found.append(
                PendingOrder(
                    id=int(o["id"]),
                    side=Side.BUY if direction == LONG else Side.SELL,
                    entry_type=_TYPES[kind],
                    lots=instrument.from_steps(int(o["steps"])),
                    price=None if kind == MARKET else instrument.from_ticks(int(o["price"]) * direction),
                    sl=price_or_none(instrument, int(o["stop"]), direction, NO_STOP),
                    tp=price_or_none(instrument, int(o["target"]), direction, NO_TARGET),
                    expiry=None if o["expiry"] == NEVER else int(o["expiry"]),
                    tag=self.simulation.tags[int(o["tag"])],
                )
            )
        return tuple(found)

    def refusal(self, code: int, request: Request, lots: float) -> ActionRefused:
        """Why the simulation did not take a request, in words."""
        instrument = self.simulation.instruments[request[2]]
        side = Side.BUY if request[3] == LONG else Side.SELL
        if code in (WRONG_SIDE_SL, WRONG_SIDE_TP):
            name, level = ("sl", request[8]) if code == WRONG_SIDE_SL else ("tp", request[9])
            against = self._close(request[2], request[0]) if request[1] in (MARKET, MOVE_LEVELS) else request[7]
            if request[1] == MOVE_LEVELS:
                side = self._side_of(request[4])
            at = instrument.round_price(level)
            reason = f"{name} {at:.10g} is on the wrong side of the price {against:.10g} for a {side}"
            return ActionRefused("wrong_side", reason)
        if code == WRONG_SIDE_PRICE:
            kind, wrong = ("limit", "better") if request[1] == LIMIT else ("stop", "worse")
            close = self._close(request[2], request[0])
            reason = (
                f"a {kind} price for a {side} must be {wrong} than the market ({close:.10g} bid), not {request[7]:.10g}"
            )
            return ActionRefused("wrong_side", reason)
        if code == VOLUME_TOO_SMALL:
            reason = f"{lots:.6g} lots are below the minimum of {instrument.volume_min:g}"
            return ActionRefused("volume_too_small", reason)
        if code == PART_TOO_SMALL:
            reason = (
                f"{request[10]:.6g} lots, or what they leave open, are below the minimum of {instrument.volume_min:g}"
            )
            return ActionRefused("volume_too_small", reason)
        return ActionRefused(*LATE[code])

    def reduction(self, lots: float, symbol: int) -> ActionRefused | None:
        """Why an entry has fewer lots than asked for, None when it has not."""
        instrument = self.simulation.instruments[symbol]
        most = instrument.volume_max
        if instrument.to_steps(min(lots, 1e12)) <= instrument.to_steps(most):
            return None
        return ActionRefused("volume_too_large", f"{lots:.6g} lots were cut to the maximum of {most:g}")

    def _mark(self, position: Position) -> float:
        instrument = self.simulation.instruments[self._symbol]
        row = self.simulation.market.last_row(self._symbol, self.row)
        bid, spread = (int(self.simulation.market.columns[column, row]) for column in (4, 5))
        sign = 1 if position.side is Side.BUY else -1
        closing = bid if sign == 1 else bid + spread
        ticks = (closing - instrument.to_ticks(position.entry_price)) * sign
        return round(ticks * instrument.tick_value * position.lots, 2)

    def _close(self, symbol: int, row: int) -> float:
        last = self.simulation.market.last_row(symbol, row)
        return self.simulation.instruments[symbol].from_ticks(int(self.simulation.market.columns[4, last]))

    def _side_of(self, position_id: int) -> Side:
        directions = (p["direction"] for p in self.simulation.positions if p["id"] == position_id)
        return Side.BUY if next(directions, LONG) == LONG else Side.SELL

    def _chosen_trades(self, action: CloseTrade | ModifyTrade, symbol: int) -> Iterator[int]:
        tags = self.simulation.tags
        for p in self.simulation.positions:
            if p["symbol"] != symbol:
                continue
            if action.trade_id is not None:
                if p["id"] == action.trade_id:
                    yield int(p["id"])
            elif action.tag is None or tags[int(p["tag"])] == action.tag:
                yield int(p["id"])

    def _chosen_orders(self, action: CancelOrder, symbol: int) -> Iterator[int]:
        for o in self.simulation.orders:
            if o["symbol"] != symbol or int(o["kind"]) not in _TYPES:
                continue
            if action.order_id is not None:
                if o["id"] == action.order_id:
                    yield int(o["id"])
            elif action.tag is None or self.simulation.tags[int(o["tag"])] == action.tag:
                yield int(o["id"])


# What the simulation tells of an order when or after it is sent: code and reason.
LATE = {
    TOO_MANY_OPEN: ("max_open_positions", "as many trades are open or waiting as the risk settings allow"),
    NO_MARKET: ("no_market", "the candles end before the order reaches the market"),
    UNKNOWN_TRADE: ("unknown_trade", "the trade was closed before the order arrived"),
    NO_MONEY: ("no_money", "the free margin is too small for the trade"),
    PART_TOO_SMALL: ("volume_too_small", "what the close would leave open is below the minimum"),
    EXPIRED: ("expired", "the order expired before the market reached its price"),
    UNKNOWN_ORDER: ("unknown_order", "the order was filled or gone before it could be cancelled"),
}


def _moved(level: float | None | object) -> float:
    if level is KEEP:
        return float(KEEP_LEVEL)
    return nan if level is None else float(level)  # type: ignore[arg-type]


def _nothing_chosen(what: str, id_: int | None, tag: str | None) -> str:
    if id_ is not None:
        return f"there is no {what} {id_}"
    return f"there is no {what}" + ("" if tag is None else f" with tag {tag!r}")
