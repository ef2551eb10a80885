"""What the referee is made of: candles and money in whole numbers, trades, orders, and what a candle's course does."""

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from functools import cached_property
from itertools import pairwise
from typing import Any

from analysis.candles import Candles
from analysis.engine import BacktestSettings
from analysis.instrument import Instrument

MINUTE, LEG = 60_000, 20_000
MINUTES = {"M1": 1, "M5": 5, "M15": 15, "M30": 30, "H1": 60, "H4": 240, "D1": 1440}

# What is asked for at the close of a bar, by its open time; what depends on the equity is a function of it.
Actions = Sequence[dict[str, Any]] | Callable[[float], Sequence[dict[str, Any]]]
Plan = Mapping[int, Actions]


def exact(number: float) -> Fraction:
    """The decimal number that is written, not the binary one nearest to it."""
    return Fraction(repr(float(number)))


def half_up(number: Fraction) -> int:
    return math.floor(number + Fraction(1, 2))


def cents(money: Fraction) -> int:
    """Rounded half a cent away from zero."""
    size = half_up(abs(money) * 100)
    return size if money >= 0 else -size


@dataclass
class Candle:
    """Ticks of the bid; `gap` is the spread in ticks."""

    time: int
    open: int
    high: int
    low: int
    close: int
    gap: int

    @property
    def course(self) -> list[int]:
        """Open, nearer extreme, farther extreme, close."""
        up, down = self.high - self.open, self.open - self.low
        if up < down or (up == down and self.close < self.open):
            return [self.open, self.high, self.low, self.close]
        return [self.open, self.low, self.high, self.close]

    def at(self, ms: int) -> int:
        """The bid `ms` after the open."""
        leg = min(ms // LEG, 2)
        a, b = self.course[leg : leg + 2]
        return half_up(a + Fraction((b - a) * (ms - leg * LEG), LEG))

    def stretch(self, since: int, until: int = MINUTE) -> list[int]:
        """The bid at `since`, where it turns, and at `until`."""
        turns = [self.course[k] for k in (1, 2) if since < k * LEG < until]
        return [self.at(since), *turns, self.at(until)]


@dataclass
class Market:
    """One symbol: its contract, its candles in ticks, what is planned at the close of which bar."""

    instrument: Instrument
    candles: list[Candle]
    plan: Plan
    minutes: int
    warm_up: int
    next: int = 0  # the first candle that has not begun
    bid: int = 0  # the last quote
    gap: int = 0

    @cached_property
    def labels(self) -> list[int]:
        """The open time of every bar that began."""
        length = self.minutes * MINUTE
        return sorted({c.time - c.time % length for c in self.candles})

    @property
    def bars(self) -> list[tuple[int, int]]:
        """Open and close time of every bar that closed."""
        ends = ((opened, opened + self.minutes * MINUTE) for opened in self.labels)
        return [(opened, end) for opened, end in ends if end <= self.candles[-1].time + MINUTE]

    def ticks(self, price: float) -> int:
        return half_up(exact(price) / exact(self.instrument.tick_size))

    def price(self, ticks: int) -> float:
        return float(round(ticks * exact(self.instrument.tick_size), self.instrument.digits))

    @property
    def step(self) -> Fraction:
        return exact(self.instrument.volume_step)

    def steps(self, lots: Fraction) -> int:
        return math.floor(lots / self.step + Fraction(1, 10**9))

    def money(self, ticks: int | Fraction, steps: int) -> Fraction:
        return ticks * exact(self.instrument.tick_value) * steps * self.step


@dataclass
class Trade:
    """An open position. Prices are ticks, money cents; `first_sl` and `first_tp` are those at entry."""

    id: int
    symbol: int
    side: int
    steps: int
    entry: int
    sl: int | None
    tp: int | None
    tag: str
    time: int
    minute: int  # the open of the candle of the entry
    commission: int
    swap: int = 0
    part: int = 0
    worst: int = 10**12  # gains of the closing side, ticks
    best: int = -(10**12)
    touched: int = -1  # the candle it was entered or changed in, and how much of that it has been through
    seen: int = 0
    decided: bool = False
    others: list[int] = field(default_factory=list)  # where the rule, decided otherwise, would have closed it
    extremes: tuple[int, int] = (0, 0)  # worst and best before the current candle

    def __post_init__(self) -> None:
        self.first_sl, self.first_tp = self.sl, self.tp

    def gain(self, price: int) -> int:
        return (price - self.entry) * self.side

    def note(self, prices: Sequence[int]) -> None:
        for price in prices:
            self.worst, self.best = min(self.worst, self.gain(price)), max(self.best, self.gain(price))


@dataclass
class Order:
    """What is on its way, or waits. `arrival` is None when it never gets there."""

    id: int
    kind: str  # market, limit, stop, close, modify, cancel
    symbol: int
    asked: int
    written: dict[str, Any]
    candle: int  # the index of the candle it arrives in
    ms: int  # how long after that candle's open
    side: int = 0
    steps: int = 0
    price: int = 0
    sl: int | None = None
    tp: int | None = None
    expiry: int | None = None
    tag: str = ""
    target: int = 0
    waiting: bool = False


Exit = tuple[str, int]


def exit_on(side: int, sl: int | None, tp: int | None, points: Sequence[int], rule: str) -> Exit | None:
    """Which level ends a trade whose closing side goes through `points`, and at which price."""

    def stopped(price: int) -> bool:
        return sl is not None and (price - sl) * side <= 0

    def reached(price: int) -> bool:
        return tp is not None and (price - tp) * side >= 0

    start = points[0]
    if stopped(start) or reached(start):
        return ("sl" if stopped(start) else "tp"), start
    hit = [point for point in points if stopped(point) or reached(point)]
    if not hit:
        return None
    both = any(map(stopped, hit)) and any(map(reached, hit))
    target = rule == "optimistic" if both and rule != "ohlc" else reached(hit[0])
    level = tp if target else sl
    assert level is not None
    return ("tp" if target else "sl"), level


def views_after_fill(kind: str, side: int, fill: int, points: list[int]) -> dict[str, list[int]]:
    """What a trade may have seen of the `points` its order was filled among, by intrabar rule (closing prices)."""
    against = min(points) if side > 0 else max(points)
    for_it = max(points) if side > 0 else min(points)
    end = points[-1]
    if kind == "limit":  # the way on is against the trade; whether the best price came after it is not known
        cautious, hopeful = [fill, against, end], [fill, for_it, against, end]
    else:
        cautious, hopeful = [fill, against, for_it, end], [fill, for_it, end]
    legs = enumerate(pairwise(points), 1)
    crossed = next(i for i, (a, b) in legs if a <= fill <= b or b <= fill <= a)
    return {"pessimistic": cautious, "optimistic": hopeful, "ohlc": [fill, *points[crossed:]]}


def read_market(
    candles: Candles, instrument: Instrument, plan: Plan, settings: BacktestSettings, warm_up: int
) -> Market:
    """Candles in whole ticks; the spread of each is its own, else the run's, else the instrument's."""
    market = Market(instrument, [], plan, MINUTES[settings.timeframe], warm_up)
    absent = instrument.spread_points if settings.spread_points is None else settings.spread_points
    per_point = exact(instrument.point) / exact(instrument.tick_size)
    columns = (getattr(candles, name).tolist() for name in ("time", "open", "high", "low", "close", "spread"))
    for moment, *prices, points in zip(*columns, strict=True):
        gap = half_up((points if points >= 0 else absent) * per_point)
        market.candles.append(Candle(moment, *map(market.ticks, prices), gap))
    return market
