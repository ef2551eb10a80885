"""The course of the price inside an M1 candle, which is not recorded.

It is taken to run from the open to the nearer extreme, on to the farther one and to the close, each leg a straight
line over a third of the minute.
"""

from typing import NamedTuple

from analysis.compiled import inlined
from analysis.engine.kernel.records import NO_STOP, NO_TARGET, OHLC, PESSIMISTIC, SL, STILL_OPEN, TP

CANDLE_MS = 60_000
LEG_MS = CANDLE_MS // 3


class Path(NamedTuple):
    """Mirrored closing prices along a stretch of a candle.

    `low` and `high` are what was reached for certain, `low_maybe` and `high_maybe` what the candle reached at some
    time, perhaps before the stretch began. `path_low`, `path_high` and `high_first` are the taken course.
    """

    start: int
    low: int
    high: int
    low_maybe: int
    high_maybe: int
    end: int
    path_low: int
    path_high: int
    high_first: bool


class Outcome(NamedTuple):
    """How a stretch ends for a position: by the intrabar rule, and by both extremes of it."""

    reason: int
    price: int
    pessimistic: int
    optimistic: int


@inlined
def waypoints(open_: int, high: int, low: int, close: int) -> tuple[int, int, int, int]:
    """Open, first extreme, second extreme, close. With both equally near, a falling candle rises first and any
    other dips first."""
    up, down = high - open_, open_ - low
    if up < down or (up == down and close < open_):
        return open_, high, low, close
    return open_, low, high, close


@inlined
def price_at(points: tuple[int, int, int, int], ms: int) -> int:
    """The price `ms` after the candle's open, rounded to the nearest tick (half a tick goes up)."""
    leg = min(ms // LEG_MS, 2)
    start, end = points[leg], points[leg + 1]
    return start + ((end - start) * (ms - leg * LEG_MS) * 2 + LEG_MS) // (2 * LEG_MS)


@inlined
def stretch(points: tuple[int, int, int, int], from_ms: int, to_ms: int) -> Path:
    """The part of a candle's course between two moments of its minute."""
    start, end = price_at(points, from_ms), price_at(points, to_ms)
    low = high = start
    low_at = high_at = 0
    for leg in (1, 2, 3):
        inside = from_ms < leg * LEG_MS < to_ms
        price = points[leg] if inside else end
        if not inside and leg < 3:
            continue
        if price > high:
            high, high_at = price, leg
        if price < low:
            low, low_at = price, leg
    return Path(start, low, high, low, high, end, low, high, high_at < low_at)


@inlined
def seen_by(path: Path, direction: int, spread: int) -> Path:
    """A bid path as the closing side of a position of `direction` sees it, mirrored for a short."""
    if direction > 0:
        return path
    return Path(
        -path.start - spread,
        -path.high - spread,
        -path.low - spread,
        -path.high_maybe - spread,
        -path.low_maybe - spread,
        -path.end - spread,
        -path.path_high - spread,
        -path.path_low - spread,
        not path.high_first,
    )


@inlined
def after_limit(path: Path, level: int) -> Path:
    """What is left of a path once it has fallen to `level`, at which a limit order was filled."""
    high = max(level, path.end)
    if path.high_first:  # up, down to the level and on, to the end
        return Path(level, path.low, high, path.low, path.high, path.end, path.low, high, False)
    return Path(level, path.low, high, path.low, path.high, path.end, path.low, path.high, False)


@inlined
def after_stop(path: Path, level: int) -> Path:
    """What is left of a path once it has risen to `level`, at which a stop order was filled."""
    low = min(level, path.end)
    if path.high_first:
        return Path(level, low, path.high, path.low, path.high, path.end, path.low, path.high, True)
    return Path(level, low, path.high, path.low, path.high, path.end, low, path.high, True)


@inlined
def outcome(path: Path, stop: int, target: int, rule: int) -> Outcome:
    """Which level closes a position that is open at the path's start.

    A level that is already passed at the start fills there: the price jumped over it.
    """
    if path.start <= stop:
        return Outcome(SL, path.start, SL, SL)
    if path.start >= target:
        return Outcome(TP, path.start, TP, TP)
    pessimistic = SL if path.low_maybe <= stop else (TP if path.high >= target else STILL_OPEN)
    optimistic = TP if path.high_maybe >= target else (SL if path.low <= stop else STILL_OPEN)
    if rule == OHLC:
        stopped, reached = path.path_low <= stop, path.path_high >= target
        if stopped and reached:
            reason = TP if path.high_first else SL
        else:
            reason = SL if stopped else (TP if reached else STILL_OPEN)
    else:
        reason = pessimistic if rule == PESSIMISTIC else optimistic
    price = stop if reason == SL else (target if reason == TP else NO_STOP)
    return Outcome(reason, price, pessimistic, optimistic)


@inlined
def level_price(reason: int, stop: int, target: int) -> int:
    """The price of a level, NO_TARGET for none."""
    return stop if reason == SL else (target if reason == TP else NO_TARGET)
