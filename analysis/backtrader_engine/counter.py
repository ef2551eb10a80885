"""The counter where backtrader's orders are taken in: what each asks of the platform, or why it is refused."""

from collections.abc import Iterator, Sequence
from typing import Any

import backtrader as bt
import numpy as np

from analysis.backtrader_engine.slips import CANCEL, CLOSE, ENTRY_TYPES, LEVELS, OPEN, REMOVE, SET, Sent, Slip
from analysis.engine.desk import Desk
from analysis.engine.journal import Journal
from analysis.engine.kernel.records import PLACED, REQUEST
from analysis.engine.simulation import Simulation
from analysis.strategy import ActionRefused, parse_action

_TAG = REQUEST.names.index("tag") if REQUEST.names else 0
Written = dict[str, Any]


class Refused(Exception):
    """Why an order is not carried out, and what it looked like as an action of the platform."""

    def __init__(self, code: str, reason: str, written: Written | None = None) -> None:
        super().__init__(reason)
        self.refusal = ActionRefused(code, reason)
        self.written = written


class Counter:
    """Turns orders into the actions that strategies of the platform write, and sends these the same way.

    `sent` has all requests that are on their way or wait; `opening` finds the slip of an entry by its tag, `owners`
    that of a position's level. Methods raise Refused before anything is sent.
    """

    def __init__(self, simulation: Simulation, journal: Journal) -> None:
        self.simulation, self.journal = simulation, journal
        self.desks = [Desk(simulation, symbol) for symbol in range(len(simulation.instruments))]
        self.row, self.close_time = 0, 0  # of the decision
        self.sent: dict[int, Sent] = {}
        self.opening: dict[int, Slip] = {}
        self.owners: dict[tuple[int, str], Slip] = {}
        self._one = np.zeros(1, REQUEST)

    def send(self, slip: Slip) -> None:
        """Carry out an order that stands alone, or that leads a bracket."""
        order = slip.order
        if order.exectype not in ENTRY_TYPES:
            name = order.getordername()
            raise Refused("unsupported_order", f"{name} orders are not carried out: only Market, Limit and Stop are")
        if slip.children:
            self._open_bracket(slip)
        elif order.exectype == bt.Order.Market:
            self._trade_against_net(slip)
        elif self._free_net(slip) * slip.direction < 0:
            self._protect(slip)
        else:
            self._refuse_oco(slip)
            self._refuse_two_sides(slip)
            self._open(slip, abs(order.created.size))

    def cancel(self, slip: Slip) -> None:
        """Withdraw an order. It counts as cancelled once the withdrawal has reached the market."""
        if slip.asleep:
            raise Refused("cannot_cancel", "the level belongs to an entry that is not filled yet: cancel the entry")
        if slip.level:
            for position in sorted(slip.positions):
                self._place(
                    slip, {"action": "MODIFY_TRADE", "trade_id": position, slip.level: None}, REMOVE, position=position
                )
        elif slip.order.exectype == bt.Order.Market:
            raise Refused("cannot_cancel", "a market order is on its way and cannot be withdrawn")
        else:
            for id_ in sorted(slip.requests):
                self._place(slip, {"action": "CANCEL_ORDER", "order_id": id_}, CANCEL)
        slip.leaving = True

    def _open_bracket(self, slip: Slip) -> None:
        levels: Written = {}
        for child in slip.children:
            level, order = LEVELS.get(child.order.exectype), child.order
            if level is None or level in levels or child.direction == slip.direction:
                raise Refused("bracket", "a bracket's children are one Stop and one Limit on the other side, no others")
            if abs(order.size) != abs(slip.order.size) or order.p.price is None:
                raise Refused("bracket", "a bracket's children need a price and the size of their parent")
            if order.expiry not in (None, slip.order.expiry) or order.p.oco is not None:
                raise Refused("bracket", "a bracket's children live with the position: no valid or oco of their own")
            levels[level] = order.created.price
            child.level, child.asleep = level, True
        self._refuse_oco(slip)
        self._open(slip, abs(slip.order.created.size), levels)

    def _trade_against_net(self, slip: Slip) -> None:
        """First in, first out: close what is open on the other side of the net position, open the rest."""
        instrument = self.simulation.instruments[slip.symbol]
        size = abs(slip.order.created.size)
        self._refuse_oco(slip)
        self._parsed(slip, self._entry(slip, size, {}))
        wanted = instrument.to_steps(min(size, 1e12))
        closing = min(wanted, max(-self._free_net(slip) * slip.direction, 0))
        rest, parts = wanted - closing, list(self._parts(slip, closing))
        least = instrument.volume_min
        for position, steps, free in parts:
            if steps < free and min(instrument.from_steps(steps), instrument.from_steps(free - steps)) < least:
                raise Refused(
                    "volume_too_small",
                    f"closing {instrument.from_steps(steps):g} of the {instrument.from_steps(free):g} lots of trade "
                    f"{position} leaves or takes less than the minimum of {least:g}",
                )
        if (rest or not parts) and instrument.from_steps(rest) < least:
            raise Refused(
                "volume_too_small", f"{instrument.from_steps(rest):g} lots are below the minimum of {least:g}"
            )
        if rest:
            self._refuse_two_sides(slip)
        for position, steps, free in parts:
            written: Written = {"action": "CLOSE_TRADE", "trade_id": position}
            if steps < free:
                written["lots"] = instrument.from_steps(steps)
            self._place(slip, written, CLOSE, position=position, steps=steps)
        if rest:
            self._open(slip, instrument.from_steps(rest))

    def _protect(self, slip: Slip) -> None:
        """A resting order against the whole position is its stop loss or take profit."""
        level, instrument = LEVELS[slip.order.exectype], self.simulation.instruments[slip.symbol]
        whole = abs(self._free_net(slip))
        parts = list(self._parts(slip, whole))
        exact = instrument.to_steps(min(abs(slip.order.size), 1e12)) == whole
        if not exact or sum(self._free(p) for p in self._positions(slip.symbol, -slip.direction)) != whole:
            raise Refused(
                "partial_exit",
                f"a resting order against a position must have its whole size, {instrument.from_steps(whole):g} lots",
            )
        covered = {position for position, _, _ in parts}
        if slip.order.p.valid is not None:
            raise Refused("unsupported_order", "a stop loss or take profit of a position cannot expire: cancel it")
        if any(self._taken(position, level) for position in covered):
            raise Refused("level_taken", f"the position has an {level} already: cancel that order first")
        self._refuse_oco(slip, level, covered)
        slip.level = level
        for position in sorted(covered):
            written = {"action": "MODIFY_TRADE", "trade_id": position, level: slip.order.created.price}
            self._place(slip, written, SET, position=position)
            slip.positions.add(position)

    def _open(self, slip: Slip, lots: float, levels: Written | None = None) -> None:
        self._place(slip, self._entry(slip, lots, levels or {}), OPEN)

    @staticmethod
    def _entry(slip: Slip, lots: float, levels: Written) -> Written:
        order = slip.order
        written: Written = {"action": "OPEN_TRADE", "side": "BUY" if order.isbuy() else "SELL", "lots": lots, **levels}
        if order.exectype != bt.Order.Market:
            written |= {"entry_type": ENTRY_TYPES[order.exectype], "price": order.created.price}
            if order.expiry is not None:
                written["expiry"] = order.expiry
        if "tag" in order.info:
            written["tag"] = order.info["tag"]
        return written

    def _parsed(self, slip: Slip, written: Written) -> list[Any]:
        """The requests of one action."""
        action = parse_action(written)
        requests = action if isinstance(action, ActionRefused) else self.desks[slip.symbol].requests(action, self.row)
        if isinstance(requests, ActionRefused):
            raise Refused(requests.code, requests.reason, written)
        return requests

    def _place(self, slip: Slip, written: Written, does: str, *, position: int = 0, steps: int = 0) -> None:
        desk, tag = self.desks[slip.symbol], 0
        for request in self._parsed(slip, written):
            if does == OPEN:
                tag = self.simulation.own_tag(str(written.get("tag", "")))
                request = (*request[:_TAG], tag, *request[_TAG + 1 :])
                self.opening[tag] = slip
            self._one[0] = request
            codes, wanted = self.simulation.place(self._one, self.row)
            if codes[0] != PLACED:
                if does == OPEN:
                    del self.opening[tag]
                refusal = desk.refusal(int(codes[0]), request, float(wanted[0]))
                raise Refused(refusal.code, refusal.reason, written)
            id_ = self.simulation.last_order
            self.journal.answer(desk, self.close_time, written, request, PLACED, float(wanted[0]), id_)
            self.sent[id_] = Sent(slip, does, position, steps, tag)
            if does in (OPEN, CLOSE, SET):
                slip.requests.add(id_)

    def _positions(self, symbol: int, direction: int) -> list[Any]:
        """What is open on one side of a symbol, first in first."""
        return [p for p in self.simulation.positions if p["symbol"] == symbol and p["direction"] == direction]

    def _free(self, position: Any) -> int:
        """Steps of a position that nobody has sent a close for."""
        claimed = sum(s.steps for s in self.sent.values() if s.does == CLOSE and s.position == position["id"])
        return max(int(position["steps"]) - claimed, 0)

    def _free_net(self, slip: Slip) -> int:
        return sum(self._free(p) * d for d in (1, -1) for p in self._positions(slip.symbol, d))

    def _parts(self, slip: Slip, steps: int) -> Iterator[tuple[int, int, int]]:
        """Positions that `steps` against them come from: id, how much of it, how much there is."""
        for position in self._positions(slip.symbol, -slip.direction):
            free = self._free(position)
            taken = min(free, steps)
            if taken > 0:
                yield int(position["id"]), taken, free
            steps -= taken

    def _taken(self, position: int, level: str) -> bool:
        """Whether a level of a position belongs to an order that is not about to leave."""
        owner = self.owners.get((position, level))
        coming: Sequence[Slip] = [s.slip for s in self.sent.values() if s.does == SET and s.position == position]
        return any(s.level == level and not s.leaving for s in (*coming, *((owner,) if owner else ())))

    def _refuse_two_sides(self, slip: Slip) -> None:
        """Entries on both sides would have to be netted when they are filled; brackets are trades of their own."""
        entries = [sent.slip for sent in self.sent.values() if sent.does == OPEN]
        plain = [each for each in entries if each.symbol == slip.symbol and not each.children and not each.leaving]
        if any(each.direction != slip.direction for each in plain):
            reason = "an entry on the other side waits or is on its way: cancel it, or send brackets"
            raise Refused("two_sided", reason)

    def _refuse_oco(self, slip: Slip, level: str = "", positions: set[int] | None = None) -> None:
        """Stop loss and take profit of the same positions cancel each other anyway; nothing else can."""
        oco = slip.order.p.oco
        if oco is None:
            return
        for position in positions or ():
            other = "tp" if level == "sl" else "sl"
            owner = self.owners.get((position, other))
            coming = [s.slip for s in self.sent.values() if s.does == SET and s.position == position]
            if any(s.order.ref == oco.ref for s in (*coming, *((owner,) if owner else ()))):
                return
        raise Refused("unsupported_order", "oco is understood between the Stop and the Limit of one position only")
