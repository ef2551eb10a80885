"""From what a strategy asks for to an order the market simulation carries out, or the reason why not."""

from collections.abc import Iterable
from dataclasses import dataclass

from analysis.engine.fills import NO_STOP, NO_TARGET
from analysis.engine.portfolio import LONG, SHORT, OpenPosition, Portfolio
from analysis.instrument import Instrument
from analysis.strategy import (
    KEEP,
    Action,
    ActionRefused,
    CancelOrder,
    CloseTrade,
    EntryType,
    ModifyTrade,
    OpenTrade,
    Side,
)


@dataclass(frozen=True, slots=True)
class EntryOrder:
    """Open a position. Levels are ticks times `direction`, NO_STOP and NO_TARGET where there is none."""

    direction: int
    steps: int
    stop: int
    target: int
    tag: str


@dataclass(frozen=True, slots=True)
class CloseOrder:
    """Close a position at the market."""

    position_id: int


@dataclass(frozen=True, slots=True)
class LevelsOrder:
    """Set a position's levels, both given as ticks times its direction."""

    position_id: int
    stop: int
    target: int


Order = EntryOrder | CloseOrder | LevelsOrder


@dataclass(frozen=True)
class Placed:
    """Orders an action became; `reduced` says why an entry has fewer lots than asked for."""

    orders: tuple[Order, ...]
    reduced: ActionRefused | None = None


@dataclass(frozen=True)
class Quote:
    """What is known when a bar has closed: bid and ask in ticks, equity in account currency."""

    bid: int
    ask: int
    equity: float


class OrderDesk:
    """Checks actions against the instrument, the price and the open positions at the close they were decided
    on."""

    def __init__(self, instrument: Instrument, portfolio: Portfolio) -> None:
        self._instrument = instrument
        self._portfolio = portfolio

    def place(self, action: Action, quote: Quote) -> Placed | ActionRefused:
        """Orders for `action`, or why it is refused."""
        if action.symbol is not None and action.symbol != self._instrument.symbol:
            return ActionRefused("wrong_symbol", f"this run trades {self._instrument.symbol}, not {action.symbol}")
        if isinstance(action, OpenTrade):
            return self._open(action, quote)
        if isinstance(action, CancelOrder):
            return ActionRefused(
                "not_supported", "there are no waiting orders: limit and stop entries are not there yet"
            )
        chosen = self._chosen(action)
        if not chosen:
            return ActionRefused("unknown_trade", _nothing_chosen(action))
        if isinstance(action, CloseTrade):
            return _close(action, chosen, self._instrument)
        return self._modify(action, chosen, quote)

    def _open(self, action: OpenTrade, quote: Quote) -> Placed | ActionRefused:
        if action.entry_type is not EntryType.MARKET:
            return ActionRefused("not_supported", f"{action.entry_type} entries are not there yet, only market")
        direction = LONG if action.side is Side.BUY else SHORT
        stop = self._level(action.sl, direction, NO_STOP)
        target = self._level(action.tp, direction, NO_TARGET)
        problem = self._wrong_side(stop, target, direction, quote)
        if problem is not None:
            return problem
        lots = self._lots(action, stop, direction, quote)
        steps = self._instrument.to_steps(lots)
        if self._instrument.from_steps(steps) < self._instrument.volume_min:
            return ActionRefused(
                "volume_too_small",
                f"{lots:.6g} lots are below the minimum of {self._instrument.volume_min:g}",
            )
        most = self._instrument.to_steps(self._instrument.volume_max)
        reduced = None
        if steps > most:
            reduced = ActionRefused(
                "volume_too_large",
                f"{lots:.6g} lots were cut to the maximum of {self._instrument.volume_max:g}",
            )
        return Placed((EntryOrder(direction, min(steps, most), stop, target, action.tag),), reduced)

    def _lots(self, action: OpenTrade, stop: int, direction: int, quote: Quote) -> float:
        if action.lots is not None:
            return action.lots
        percent = action.risk_percent if action.risk_percent is not None else 0.0
        entry = (quote.ask if direction == LONG else quote.bid) * direction
        risk_per_lot = (entry - stop) * self._instrument.tick_value
        return max(quote.equity * percent / 100 / risk_per_lot, 0.0)

    def _modify(self, action: ModifyTrade, chosen: list[OpenPosition], quote: Quote) -> Placed | ActionRefused:
        orders = []
        for position in chosen:
            stop, target = position.stop, position.target
            if action.sl is not KEEP:
                stop = self._level(action.sl, position.direction, NO_STOP)
            if action.tp is not KEEP:
                target = self._level(action.tp, position.direction, NO_TARGET)
            problem = self._wrong_side(
                stop if action.sl is not KEEP else NO_STOP,
                target if action.tp is not KEEP else NO_TARGET,
                position.direction,
                quote,
            )
            if problem is not None:
                return problem
            orders.append(LevelsOrder(position.id, stop, target))
        return Placed(tuple(orders))

    def _level(self, price: float | None, direction: int, absent: int) -> int:
        return absent if price is None else self._instrument.to_ticks(price) * direction

    def _wrong_side(self, stop: int, target: int, direction: int, quote: Quote) -> ActionRefused | None:
        """Levels are held against the bar's close (bid), the price the strategy decided on."""
        price = quote.bid * direction
        side = Side.BUY if direction == LONG else Side.SELL
        for name, level, wrong in (("sl", stop, stop >= price), ("tp", target, target <= price)):
            if wrong:
                at = self._instrument.from_ticks(level * direction)
                close = self._instrument.from_ticks(quote.bid)
                return ActionRefused(
                    "wrong_side",
                    f"{name} {at:.10g} is on the wrong side of the price {close:.10g} for a {side}",
                )
        return None

    def _chosen(self, action: CloseTrade | ModifyTrade) -> list[OpenPosition]:
        positions: Iterable[OpenPosition] = self._portfolio
        if action.trade_id is not None:
            found = self._portfolio.find(action.trade_id)
            return [] if found is None else [found]
        return [position for position in positions if action.tag is None or position.tag == action.tag]


def _close(action: CloseTrade, chosen: list[OpenPosition], instrument: Instrument) -> Placed | ActionRefused:
    if action.lots is not None:
        asked = instrument.to_steps(action.lots)
        if any(asked < position.steps for position in chosen):
            return ActionRefused("not_supported", "part of a trade cannot be closed yet, only all of it")
    return Placed(tuple(CloseOrder(position.id) for position in chosen))


def _nothing_chosen(action: CloseTrade | ModifyTrade) -> str:
    if action.trade_id is not None:
        return f"there is no open trade {action.trade_id}"
    return "there is no open trade" + ("" if action.tag is None else f" with tag {action.tag!r}")
