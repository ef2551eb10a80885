"""What became of the actions that were not carried out as asked."""

from collections.abc import Callable, Iterable
from itertools import chain, islice
from typing import Protocol

from analysis.engine.desk import LATE, Desk
from analysis.engine.driver import spell
from analysis.engine.kernel.records import EXPIRED, PLACED, Request
from analysis.engine.result import MAX_REFUSALS_KEPT, Refusal, Refusals
from analysis.engine.simulation import Simulation

_ORDERS_REMEMBERED = 10_000


class Sent(Protocol):
    """Orders that were sent all at once."""

    def order(self, id_: int) -> tuple[int, object]:
        """When an order was asked for, and how."""


class Journal:
    """Refusals, and which action an order came from, for those that come to nothing later."""

    def __init__(self, simulation: Simulation) -> None:
        self.refused = 0
        self._noted: list[Refusal] = []
        self._of_sent: Callable[[], Iterable[Refusal]] = tuple
        self.sent: Sent | None = None
        self._simulation = simulation
        self._most = [instrument.volume_max for instrument in simulation.instruments]
        self._asked: dict[int, tuple[int, object]] = {}  # by order: when, and what the strategy wrote

    @property
    def refusals(self) -> Refusals:
        """The first thousand."""
        return Refusals(lambda: islice(chain(self._of_sent(), self._noted), MAX_REFUSALS_KEPT))

    def send(self, sent: Sent, refused: int, word: Callable[[], Iterable[Refusal]]) -> None:
        """Orders were sent all at once: how many actions were refused, and how to word that and what was reduced."""
        self.sent, self.refused, self._of_sent = sent, refused, word

    def note(self, close_time: int, outcome: str, code: str, reason: str, written: object) -> None:
        """One action, asked for at the close `close_time`; the first thousand are kept, all refused are counted."""
        self.refused += outcome == "refused"
        if len(self._noted) < MAX_REFUSALS_KEPT:
            self._noted.append(Refusal(close_time, outcome, code, reason, spell(written)))

    def answer(
        self, desk: Desk, close_time: int, written: object, request: Request, code: int, wanted: float, order: int
    ) -> None:
        """What the simulation said to a request: its code, the lots that were wanted, and the order it became."""
        if code != PLACED:
            refused = desk.refusal(code, request, wanted)
            self.note(close_time, "refused", refused.code, refused.reason, written)
            return
        if wanted > self._most[request[2]]:
            reduced = desk.reduction(wanted, request[2])
            if reduced is not None:
                self.note(close_time, "reduced", reduced.code, reduced.reason, written)
        self._asked[order] = (close_time, written)
        if len(self._asked) > _ORDERS_REMEMBERED:
            self._forget()

    def hear(self) -> list[tuple[int, int]]:
        """Note the orders that came to nothing on their way or while they waited: their ids and codes."""
        notices = self._simulation.notices()
        for order, code in notices:
            close_time, written = self._asked.pop(order) if self.sent is None else self.sent.order(order)
            self.note(close_time, "expired" if code == EXPIRED else "refused", *LATE[code], written)
        return notices

    def _forget(self) -> None:
        """Orders that are through."""
        waiting = set(self._simulation.orders["id"].tolist())
        self._asked = {id_: asked for id_, asked in self._asked.items() if id_ in waiting}
