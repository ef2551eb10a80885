"""Where to cut: bars at which a look ahead would show."""

from collections import Counter
from collections.abc import Iterator, Sequence

import numpy as np
import pandas as pd

from analysis.candles import COLUMNS, Candles
from analysis.self_check.deriving import Decision
from analysis.self_check.futures import Cut, Future

_SPREAD_CUTS = 8
_SHARE = 4  # the longest cut has a quarter of the bars, the next at most half as many: half of them in all
_CHEAP_BARS = 20_000  # up to here a cut costs the same however long it is
_TAIL_ROWS = 512
_DAY_MS = 86_400_000
_FEW_VALUES = 8
_RARE_CUTS = 3
_BEFORE_ALL = 3  # a bar that no indicator knows yet; some start from the first two or three
_MOST_BEGINS = 4
_DENSE_CUTS = 10
_DENSE_BARS = 10_000
_FUTURES = (Future.NONE, Future.UP, Future.DOWN, Future.CALM)


def reach(bars: int) -> int:
    """The last bar that a default check looks at, apart from a first action that comes later."""
    return min(bars - 1, max(bars // _SHARE, _CHEAP_BARS))


def plan_cuts(
    candles: Candles, frame: pd.DataFrame, *, window: int, first_bar: int, acted: Sequence[Decision]
) -> list[Cut]:
    """About two dozen cuts, ascending, the same for the same run.

    One lies inside every indicator's warm-up and some where indicators begin, some at rare values of columns that have
    few, a dozen at actions near the beginning, where cuts are cheap, and the rest at bars each at most half as far as
    the one before, most of them where the strategy acted and on as many days of the week as possible.
    """
    tail = max(_TAIL_ROWS, 2 * window)
    last = reach(len(candles))
    at = {decision.bar: decision for decision in acted}
    bars = {*_spread_bars(candles, first_bar, last, sorted(at)), *_dense_bars(candles, first_bar, sorted(at))}
    if acted and acted[0].bar > last:
        bars.add(acted[0].bar)
    early = [bar for bar in _early_bars(frame) if bar < len(candles) - 1]
    cuts = [Cut(bar, Future.UP, 2 * tail) for bar in early]
    cuts += [Cut(bar, way, tail) for bar in _rare_bars(frame, first_bar, last) for way in (Future.UP, Future.DOWN)]
    for turn, bar in enumerate(sorted(bars - set(early))):
        future = _future(turn, at.get(bar))
        cuts.append(Cut(bar, future, 0 if future is Future.NONE else tail))
    return sorted(cuts, key=lambda cut: cut.bar)


def against(decision: Decision) -> Future:
    """The future that nobody who knew it would have acted for."""
    sides = {str(action.get("side", "")).upper() for action in decision.actions if isinstance(action, dict)}
    return Future.UP if sides & {"SELL", "SHORT"} else Future.DOWN


def _future(turn: int, decision: Decision | None) -> Future:
    if decision is None or not decision.actions:
        return _FUTURES[turn % len(_FUTURES)]
    return _FUTURES[turn // 3 % len(_FUTURES)] if turn % 3 == 2 else against(decision)


def _early_bars(frame: pd.DataFrame) -> list[int]:
    """A bar that no indicator knows yet, and the first ones that some indicator knows."""
    begins = set()
    for i in range(frame.shape[1]):
        there = frame.iloc[:_CHEAP_BARS, i].notna().to_numpy()
        begins.add(int(there.argmax()))
    return [_BEFORE_ALL, *sorted(bar for bar in begins if bar > _BEFORE_ALL)[:_MOST_BEGINS]]


def _dense_bars(candles: Candles, first_bar: int, acted: Sequence[int]) -> list[int]:
    """Some of the first actions, as many on each day of the week: cuts there have about a sixth of a long run's rows
    together."""
    last = first_bar + max(len(candles) // (4 * _DENSE_CUTS), _DENSE_BARS)
    days: dict[int, list[int]] = {}
    for bar in acted:
        if bar <= last:
            days.setdefault(int(candles.time[bar]) // _DAY_MS % 7, []).append(bar)
    share = -(-_DENSE_CUTS // max(len(days), 1))
    return [near[int(i)] for near in days.values() for i in np.linspace(0, len(near) - 1, min(share, len(near)))]


def has_few_values(column: pd.Series) -> bool:
    """Whether a column holds one of some values; lists and the like, which have no hash, are never the same."""
    try:
        return int(column.iloc[:512].nunique()) <= _FEW_VALUES
    except TypeError:
        return False


def _rare_bars(frame: pd.DataFrame, first_bar: int, last: int) -> list[int]:
    """For some columns with few values a bar at which the rarest of them stands."""
    found: list[int] = []
    for i, name in enumerate(frame.columns):
        if name in COLUMNS or len(found) == _RARE_CUTS:
            continue
        column = frame.iloc[first_bar : min(last, first_bar + _CHEAP_BARS) + 1, i]
        if not has_few_values(column):
            continue
        codes = pd.factorize(column, use_na_sentinel=False)[0]
        counts = np.bincount(codes)
        if len(counts) > 1:
            rows = np.flatnonzero(codes == int(counts.argmin()))
            found.append(first_bar + int(rows[len(rows) // 2]))
    return found


def _spread_bars(candles: Candles, first_bar: int, last: int, acted: Sequence[int]) -> Iterator[int]:
    """Bars in steps of constant ratio from `last` down to `first_bar`, two of three where the strategy acted."""
    if last <= first_bar:
        return
    ratio = ((first_bar + 1) / (last + 1)) ** (1 / _SPREAD_CUTS)
    ratio = min(ratio, 0.5) if last > _CHEAP_BARS else ratio
    days: Counter[int] = Counter()
    bars = np.asarray(acted, np.int64)
    upper = last
    for turn in range(_SPREAD_CUTS):
        lower = max(int((upper + 1) * ratio) - 1, first_bar)
        if upper <= lower:
            return
        choice = bars[(bars > lower) & (bars <= upper)]
        if turn % 3 == 2 or not len(choice):
            choice = np.random.default_rng(turn).integers(lower + 1, upper, 32, endpoint=True)
        day = candles.time[choice] // _DAY_MS % 7
        best = int(np.argmin([days[int(one)] for one in day]))
        days[int(day[best])] += 1
        yield int(choice[best])
        upper = lower
