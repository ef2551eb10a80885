"""At which price an order fills and which level is reached first: pure arithmetic on whole ticks.

The course of the price inside an M1 candle is not recorded. It is taken to run from the open to the nearer
extreme, on to the farther one and to the close, each leg a straight line over a third of the minute.
"""

from typing import NamedTuple

from analysis.engine.result import Intrabar

CANDLE_MS = 60_000
_LEG_MS = CANDLE_MS // 3

NO_STOP = -(2**62)  # below and above every price
NO_TARGET = 2**62


class Path(NamedTuple):
    """Prices in ticks along a stretch of a candle, as one side of the market saw them."""

    start: int
    high: int
    low: int
    end: int
    high_first: bool

    def mirrored(self) -> "Path":
        """The same stretch upside down: what a short sees, with the rules of a long."""
        return Path(-self.start, -self.low, -self.high, -self.end, not self.high_first)

    def raised(self, ticks: int) -> "Path":
        """The ask's path, given the bid's and a spread."""
        return Path(self.start + ticks, self.high + ticks, self.low + ticks, self.end + ticks, self.high_first)


class Exit(NamedTuple):
    """A protective level that was reached: `decided` when only the intrabar rule says that it was this
    one."""

    price: int
    reason: str
    decided: bool


def waypoints(open_: int, high: int, low: int, close: int) -> tuple[int, int, int, int]:
    """Open, first extreme, second extreme, close. With both extremes equally near, a rising candle dips
    first."""
    up, down = high - open_, open_ - low
    high_first = up < down or (up == down and close < open_)
    return (open_, high, low, close) if high_first else (open_, low, high, close)


def price_at(points: tuple[int, int, int, int], ms: int) -> int:
    """The price `ms` after the candle's open, rounded to the nearest tick (half a tick goes up)."""
    leg = min(ms // _LEG_MS, 2)
    start, end = points[leg], points[leg + 1]
    return start + ((end - start) * (ms - leg * _LEG_MS) * 2 + _LEG_MS) // (2 * _LEG_MS)


def stretch(points: tuple[int, int, int, int], from_ms: int, to_ms: int) -> Path:
    """The part of a candle's path between two moments of its minute."""
    inner = [points[leg] for leg in (1, 2) if from_ms < leg * _LEG_MS < to_ms]
    course = [price_at(points, from_ms), *inner, price_at(points, to_ms)]
    high, low = max(course), min(course)
    return Path(course[0], high, low, course[-1], course.index(high) < course.index(low))


def first_exit(path: Path, stop: int, target: int, rule: Intrabar) -> Exit | None:
    """Where a long that is open at the path's start is closed by its levels, None when it is not.

    A level that is already passed at the start fills there: the price jumped over it. A short is asked with
    its path and levels mirrored.
    """
    if path.start <= stop:
        return Exit(path.start, "sl", False)
    if path.start >= target:
        return Exit(path.start, "tp", False)
    stop_reached, target_reached = path.low <= stop, path.high >= target
    if not (stop_reached or target_reached):
        return None
    decided = stop_reached and target_reached
    if decided:
        stop_reached = rule is Intrabar.PESSIMISTIC or (rule is Intrabar.OHLC and not path.high_first)
    return Exit(stop, "sl", decided) if stop_reached else Exit(target, "tp", decided)
