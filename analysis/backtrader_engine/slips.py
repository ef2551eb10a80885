"""What the platform knows of a backtrader order."""

from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final

import backtrader as bt

from analysis.engine.kernel.records import SL, TP

OPEN: Final = "open"
CLOSE: Final = "close"
SET: Final = "set"  # a level
REMOVE: Final = "remove"  # a level
CANCEL: Final = "cancel"

ENTRY_TYPES: Final = {bt.Order.Market: "market", bt.Order.Limit: "limit", bt.Order.Stop: "stop"}
LEVELS: Final = {bt.Order.Stop: "sl", bt.Order.Limit: "tp"}  # of a position that an order closes
LEVEL_OF_REASON: Final = {SL: "sl", TP: "tp"}


@dataclass(eq=False)
class Slip:
    """One order at the platform.

    `requests` are ids in the simulation that are on their way or wait. An order that is a level (`level` is "sl" or
    "tp") closes `positions`; as the child of a bracket it sleeps until the parent is filled. `failed` is the code of
    the simulation for what came to nothing, `steps` is what was sent to be opened.
    """

    order: Any
    symbol: int
    level: str = ""
    children: tuple["Slip", ...] = ()
    asleep: bool = False
    requests: set[int] = field(default_factory=set)
    positions: set[int] = field(default_factory=set)
    failed: int = 0
    leaving: bool = False  # its cancellation is on its way
    executed: bool = False  # since the last look

    @property
    def direction(self) -> int:
        """1 for a buy, -1 for a sell."""
        return 1 if self.order.isbuy() else -1

    @property
    def closed(self) -> bool:
        """Whether nothing more can come of it."""
        return not (self.requests or self.positions or self.asleep)


@dataclass(frozen=True)
class Sent:
    """A request that is on its way or waits: whose, what it does, to which position and with how many volume steps; an
    entry has a tag of its own."""

    slip: Slip
    does: str
    position: int = 0
    steps: int = 0
    tag: int = 0


def expiry_of(valid: Any, decided_ms: int) -> datetime | None:
    """The first instant at which an order can no longer be filled, None for never. Raises ValueError.

    `valid` as backtrader takes it: None, a datetime (UTC where it has no zone), a date (to its end), a timedelta from
    the decision (epoch milliseconds UTC), zero for the end of the day, or backtrader's own count of days.
    """
    decided = datetime.fromtimestamp(decided_ms / 1000, UTC)
    if valid is None:
        return None
    if isinstance(valid, datetime):
        return valid.replace(tzinfo=UTC) if valid.tzinfo is None else valid
    if isinstance(valid, date):
        return _end_of(valid)
    if isinstance(valid, timedelta):
        return decided + valid if valid else _end_of(decided.date())
    if isinstance(valid, bool) or not isinstance(valid, int | float):
        raise ValueError(f"valid must be a datetime, a date, a timedelta or a number, not {type(valid).__name__}")
    found: datetime = bt.num2date(valid).replace(tzinfo=UTC) if valid else _end_of(decided.date())
    return found


def _end_of(day: date) -> datetime:
    return datetime.combine(day, time(), UTC) + timedelta(days=1)
