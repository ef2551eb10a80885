"""Open positions and the money they are worth, in whole ticks, volume steps and cents.

Shorts are kept mirrored (prices negated), so that one set of rules, a long's, serves both sides.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from heapq import heappop, heappush

from analysis.engine.costs import from_cents, to_cents
from analysis.engine.fills import NO_STOP, NO_TARGET
from analysis.instrument import Instrument
from analysis.strategy import Position, Side

LONG, SHORT = 1, -1


@dataclass(slots=True)
class OpenPosition:
    """A trade that is open. `entry`, `stop` and `target` are ticks times `direction`.

    `first_stop` and `first_target` are the levels it was opened with. `worst` and `best` are the extremes of
    the parts of candles it lived through; whole candles are looked up when it is closed.
    """

    id: int
    direction: int
    steps: int
    entry: int
    entry_time: int
    entry_row: int
    stop: int
    target: int
    first_stop: int
    first_target: int
    commission_cents: int
    tag: str
    worst: int = NO_TARGET
    best: int = NO_STOP

    @property
    def risk_ticks(self) -> int | None:
        """Ticks between entry and the first SL, None without one."""
        return None if self.first_stop == NO_STOP else abs(self.entry - self.first_stop)

    @property
    def side(self) -> Side:
        return Side.BUY if self.direction == LONG else Side.SELL

    def witness(self, low: int, high: int) -> None:
        """Remember how far the closing side of the market went, in ticks times `direction`."""
        self.worst = min(self.worst, low)
        self.best = max(self.best, high)


class Book:
    """The open positions of one direction, with sums and the nearest levels kept up to date.

    With them, whether a candle touches anything and what everything is worth cost the same for one position and
    for thousands. The levels wait in heaps; an entry whose position is gone or has moved its level is dropped when
    it comes up.
    """

    def __init__(self, direction: int) -> None:
        self.direction = direction
        self.positions: dict[int, OpenPosition] = {}
        self.steps = 0
        self.cost = 0
        self.nearest_stop = NO_STOP
        self.nearest_target = NO_TARGET
        self._stops: list[tuple[int, int]] = []  # (-stop, position id)
        self._targets: list[tuple[int, int]] = []  # (target, position id)

    def add(self, position: OpenPosition) -> None:
        self.positions[position.id] = position
        self.steps += position.steps
        self.cost += position.steps * position.entry
        self.watch(position)

    def remove(self, position: OpenPosition) -> None:
        del self.positions[position.id]
        self.steps -= position.steps
        self.cost -= position.steps * position.entry
        self._find_nearest()

    def watch(self, position: OpenPosition) -> None:
        """To be called when a position has new levels."""
        if position.stop != NO_STOP:
            heappush(self._stops, (-position.stop, position.id))
        if position.target != NO_TARGET:
            heappush(self._targets, (position.target, position.id))
        self._find_nearest()

    def reached(self, low: int, high: int) -> list[OpenPosition]:
        """Positions with a level that a candle from `low` to `high` (mirrored for shorts) reaches, in order of entry.

        They are no longer watched: who does not close one watches it again.
        """
        ids: set[int] = set()
        for heap, bound in ((self._stops, -low), (self._targets, high)):
            while heap and heap[0][0] <= bound:
                ids.add(heappop(heap)[1])
        found = [self.positions[id_] for id_ in sorted(ids) if id_ in self.positions]
        return [position for position in found if position.stop >= low or position.target <= high]

    def _find_nearest(self) -> None:
        stops, targets, positions = self._stops, self._targets, self.positions
        while stops and ((found := positions.get(stops[0][1])) is None or found.stop != -stops[0][0]):
            heappop(stops)
        while targets and ((found := positions.get(targets[0][1])) is None or found.target != targets[0][0]):
            heappop(targets)
        self.nearest_stop = -stops[0][0] if stops else NO_STOP
        self.nearest_target = targets[0][0] if targets else NO_TARGET


class Portfolio:
    """Balance and open positions of one account that trades one instrument."""

    def __init__(self, initial_cents: int, instrument: Instrument) -> None:
        self.balance_cents = initial_cents
        self.longs = Book(LONG)
        self.shorts = Book(SHORT)
        self._instrument = instrument
        self.money_per_unit = instrument.tick_value * instrument.volume_step

    def __iter__(self) -> Iterator[OpenPosition]:
        """Every open position, in order of entry."""
        return iter(sorted(self._all(), key=lambda position: position.id))

    def __len__(self) -> int:
        return len(self.longs.positions) + len(self.shorts.positions)

    def clear(self) -> list[OpenPosition]:
        """Take every open position out at once, in order of entry."""
        positions = list(self)
        self.longs, self.shorts = Book(LONG), Book(SHORT)
        return positions

    def book(self, direction: int) -> Book:
        return self.longs if direction == LONG else self.shorts

    def find(self, position_id: int) -> OpenPosition | None:
        return self.longs.positions.get(position_id) or self.shorts.positions.get(position_id)

    def money_cents(self, tick_steps: int) -> int:
        """Cents of so many ticks times volume steps."""
        return to_cents(tick_steps * self.money_per_unit)

    def equity_cents(self, bid: int, ask: int) -> int:
        """Balance plus what closing everything now would bring, before commission."""
        longs, shorts = self.longs, self.shorts
        if longs.steps == 0 and shorts.steps == 0:
            return self.balance_cents
        units = bid * longs.steps - longs.cost - ask * shorts.steps - shorts.cost
        return self.balance_cents + to_cents(units * self.money_per_unit)

    def views(self, bid: int, ask: int) -> tuple[Position, ...]:
        """The open positions as a strategy may see them."""
        return tuple(self._view(position, bid if position.direction == LONG else -ask) for position in self)

    def _all(self) -> Iterable[OpenPosition]:
        return (*self.longs.positions.values(), *self.shorts.positions.values())

    def _view(self, position: OpenPosition, closing: int) -> Position:
        def price(level: int, absent: int) -> float | None:
            return None if level == absent else self._instrument.from_ticks(level * position.direction)

        return Position(
            id=position.id,
            side=position.side,
            lots=self._instrument.from_steps(position.steps),
            entry_time=position.entry_time,
            entry_price=self._instrument.from_ticks(position.entry * position.direction),
            sl=price(position.stop, NO_STOP),
            tp=price(position.target, NO_TARGET),
            tag=position.tag,
            unrealized=from_cents(self.money_cents((closing - position.entry) * position.steps)),
        )
