"""What became of backtrader's orders: fills, levels that were reached, orders that came to nothing."""

from collections import Counter as Tally
from collections import defaultdict, deque
from collections.abc import Callable, Iterator, Sequence
from typing import Any

import backtrader as bt

from analysis.backtrader_engine.costs import InstrumentCosts, Lots
from analysis.backtrader_engine.counter import Counter
from analysis.backtrader_engine.feeds import date_number
from analysis.backtrader_engine.slips import CLOSE, LEVEL_OF_REASON, OPEN, REMOVE, SET, Sent, Slip
from analysis.engine.kernel.records import EXPIRED, NO_MONEY, SIGNAL

_ENTRY, _EXIT = 0, 1
Event = tuple[int, int, int, Any]  # time, position, entry or exit, record


class Outcomes:
    """Follows the simulation and brings orders and net positions up to date.

    `tell(order)` is called for each order that changed, in the order in which things happened.
    """

    def __init__(
        self,
        counter: Counter,
        datas: Sequence[Any],
        costs: Sequence[InstrumentCosts],
        tell: Callable[[Any], None],
    ) -> None:
        self._counter, self._simulation = counter, counter.simulation
        self._datas, self._costs, self._tell = datas, costs, tell
        self.positions = [bt.Position() for _ in datas]
        self.alive: dict[int, Slip] = {}  # by the order's ref
        self._closers: defaultdict[int, deque[Slip]] = defaultdict(deque)
        self._trades_seen = self._last_position = 0

    def catch_up(self) -> None:
        """Take in what the simulation has done since the last call."""
        simulation = self._simulation
        nothing_arrived = len(simulation.orders) == len(self._counter.sent)
        if nothing_arrived and len(simulation.trades) == self._trades_seen:
            return
        codes = dict(self._counter.journal.hear())
        waiting = set(simulation.orders["id"].tolist())
        for id_, sent in [item for item in self._counter.sent.items() if item[0] not in waiting]:
            del self._counter.sent[id_]
            self._arrived(id_, sent, codes.get(id_, 0))
        there = set(simulation.positions["id"].tolist())
        happened = [(event, self._whose(event)) for event in self._events()]
        to_come = Tally(slip.order.ref for _, slip in happened if slip is not None)
        following = [slip for _, slip in happened[1:]] + [None]
        # Told in the order of the fills: backtrader adds its trades up as it is told.
        for (event, slip), next_slip in zip(happened, following, strict=False):
            self._fill(event, slip)
            if slip is None:
                continue
            to_come[slip.order.ref] -= 1
            if slip is not next_slip:
                self._settle(slip, there, more=to_come[slip.order.ref] > 0)
        self._drop_what_is_gone(there)
        for slip in list(self.alive.values()):
            self._settle(slip, there)

    def _arrived(self, id_: int, sent: Sent, code: int) -> None:
        slip = sent.slip
        slip.requests.discard(id_)
        if code:
            if sent.does in (OPEN, CLOSE, SET):
                slip.failed = code
            else:  # what was to be withdrawn has happened meanwhile
                slip.leaving = False
        elif sent.does == SET:
            self._counter.owners[sent.position, slip.level] = slip
        elif sent.does == REMOVE:
            slip.positions.discard(sent.position)
            if self._counter.owners.get((sent.position, slip.level)) is slip:
                del self._counter.owners[sent.position, slip.level]
        elif sent.does == CLOSE:
            self._closers[sent.position].append(slip)

    def _events(self) -> list[Event]:
        """Entries and exits since the last call, in order of time; an older position leaves before a newer comes."""
        trades = self._simulation.trades[self._trades_seen :]
        self._trades_seen += len(trades)
        events: list[Event] = [(int(t["exit_time"]), int(t["id"]), _EXIT, t) for t in trades]
        new = {int(r["id"]): r for r in (*trades, *self._simulation.positions) if r["id"] > self._last_position}
        events += [(int(r["entry_time"]), id_, _ENTRY, r) for id_, r in new.items()]
        self._last_position = max(new, default=self._last_position)
        return sorted(events, key=lambda event: event[:3])

    def _whose(self, event: Event) -> Slip | None:
        """Whose entry or exit that is. Stop-out and the end of data have no order of the strategy's."""
        _, id_, kind, record = event
        if kind == _EXIT:
            return self._closer(id_, int(record["reason"]))
        slip = self._counter.opening[int(record["tag"])]
        slip.order.addinfo(trade_id=id_)
        for child in slip.children:
            child.asleep = False
            child.positions.add(id_)
            self._counter.owners[id_, child.level] = child
        return slip

    def _fill(self, event: Event, slip: Slip | None) -> None:
        """Book an entry or an exit, on an order of nobody's where it is not the strategy's."""
        time, id_, kind, record = event
        symbol, direction = int(record["symbol"]), int(record["direction"])
        swap, gross = 0, 0.0
        if kind == _ENTRY:
            size, ticks = self._lots(symbol, self._steps(id_) * direction), int(record["entry"])
        else:
            size, ticks = self._lots(symbol, -int(record["steps"]) * direction), int(record["exit"])
            swap = int(record["swap"])
            gross = (int(record["pnl"]) + int(record["commission"]) - swap) / 100
        fee = self._costs[symbol].getcommission(size, 0.0) - swap / 100
        order = self._nobodys(symbol, size) if slip is None else slip.order
        self._execute(order, symbol, time, size, ticks * direction, fee, gross)
        if slip is None:
            order.completed()
            self._tell(order)
        else:
            slip.executed = True

    def _steps(self, id_: int) -> int:
        """What a trade was entered with: its parts and what is open of it."""
        parts = self._simulation.trades[self._simulation.trades["id"] == id_]
        return int(parts["steps"].sum()) + sum(int(p["steps"]) for p in self._simulation.positions if p["id"] == id_)

    def _closer(self, position: int, reason: int) -> Slip | None:
        if reason == SIGNAL:
            return self._closers[position].popleft()
        level = LEVEL_OF_REASON.get(reason)
        return None if level is None else self._counter.owners[position, level]

    def _nobodys(self, symbol: int, size: float) -> Any:
        kind = bt.order.BuyOrder if size > 0 else bt.order.SellOrder
        order = kind(data=self._datas[symbol], size=abs(size), price=0.0, exectype=bt.Order.Market, simulated=True)
        order.addcomminfo(self._costs[symbol])
        return order

    def _execute(self, order: Any, symbol: int, time: int, size: Lots, ticks: int, fee: float, gross: float) -> None:
        """A fill, as backtrader books it: against the net position, average price."""
        costs, position = self._costs[symbol], self.positions[symbol]
        price, before = self._simulation.instruments[symbol].from_ticks(ticks), position.price
        _, _, opened, closed = position.update(size, price)
        closing_share = float(closed) / float(size)
        order.execute(
            date_number(time),
            size,
            price,
            Lots(closed),
            costs.getvaluesize(-closed, before),
            fee * closing_share,
            Lots(opened),
            costs.getvaluesize(opened, price),
            fee * (1 - closing_share),
            None,
            gross,
            position.size,
            position.price,
        )

    def _drop_what_is_gone(self, there: set[int]) -> None:
        coming = {sent.tag for sent in self._counter.sent.values()}
        self._counter.opening = {tag: slip for tag, slip in self._counter.opening.items() if tag in coming}
        for key in [key for key in self._counter.owners if key[0] not in there]:
            del self._counter.owners[key]
        for id_ in [id_ for id_ in self._closers if id_ not in there]:
            del self._closers[id_]

    def _settle(self, slip: Slip, there: set[int], *, more: bool = False) -> None:
        """Give an order the status it has come to, and tell of it when that changed; with `more`, fills follow."""
        order = slip.order
        if order.ref not in self.alive:
            return
        if not more:
            slip.positions &= there
        if slip.closed and not more:
            del self.alive[order.ref]
            self._end(slip, there)
        elif slip.executed:
            order.partial()
            self._tell(order)
        slip.executed = False

    def _end(self, slip: Slip, there: set[int]) -> None:
        order = slip.order
        if slip.failed == EXPIRED:
            order.status = order.Expired
            order.executed.dt = order.data.datetime[0]
        elif slip.failed == NO_MONEY:
            order.margin()
        elif slip.failed:
            order.reject(order.broker)
        elif order.executed.size:
            order.completed()
        else:
            order.cancel()
        self._tell(order)
        for child in slip.children:
            if child.asleep:
                child.asleep = False
                self._settle(child, there)

    def _lots(self, symbol: int, steps: int) -> Lots:
        return Lots(self._simulation.instruments[symbol].from_steps(steps))

    def waiting(self) -> Iterator[Any]:
        """The orders that something may still come of."""
        return (slip.order for slip in self.alive.values())
