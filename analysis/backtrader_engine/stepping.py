"""A strategy's indicators, brought forward by one bar: what backtrader's `_next` does, in one loop.

backtrader descends into every indicator at every bar, through some forty calls where five lines are appended to. The
order of what happens is kept: an indicator gets room for its bar, then those it is made of do all of this, then it
computes. Any class that does it in a way of its own is left to it.
"""

from collections.abc import Callable, Iterator, Sequence
from math import inf, nan
from typing import Any, NamedTuple

from backtrader.linebuffer import LineActions, LineBuffer
from backtrader.lineiterator import LineIterator
from backtrader.lineroot import LineRoot
from backtrader.lineseries import Lines, LineSeries

_INDICATORS = LineIterator.IndType


class _Step(NamedTuple):
    """Give `lines` a place for each bar of `clock`, then call what is due now that it has so many bars."""

    clock: Any
    lines: Sequence[Any]
    needed: float
    prenext: Callable[[], None] | None
    nextstart: Callable[[], None]
    next: Callable[[], None]


class Stepping:
    """Stands in for a strategy's indicators while a run lasts."""

    def __init__(self, strategy: Any) -> None:
        self._strategy, self._own = strategy, strategy._lineiterators[_INDICATORS]
        self._steps = [step for indicator in self._own for step in _steps(indicator)]

    def __enter__(self) -> "Stepping":
        self._strategy._lineiterators[_INDICATORS] = [self]  # indicators made later are put behind it
        return self

    def __exit__(self, *_: object) -> None:
        later = self._strategy._lineiterators[_INDICATORS][1:]
        self._strategy._lineiterators[_INDICATORS] = [*self._own, *later]

    def _next(self) -> None:
        for clock, lines, needed, prenext, nextstart, next_ in self._steps:
            bars = clock.lencount
            if lines and bars > lines[0].lencount:
                for line in lines:
                    line.array.append(nan)
                    line._idx += 1
                    line.lencount += 1
            if bars > needed:
                next_()
            elif bars == needed:
                nextstart()
            elif prenext is not None and bars:
                prenext()


def _steps(indicator: Any) -> Iterator[_Step]:
    """What one indicator and those it is made of have to do at every bar."""
    clock = _line_of(indicator._clock)
    if clock is None or not _is_plain(indicator):
        yield _Step(LineBuffer(), (), -1, None, indicator._next, indicator._next)
        return
    single = isinstance(indicator, LineActions)
    lines = [indicator] if single else indicator.lines.lines
    inner = [] if single else [step for each in indicator._lineiterators[_INDICATORS] for step in _steps(each)]
    silent = type(indicator).prenext in (LineIterator.prenext, LineRoot.prenext)
    due = indicator._minperiod, None if silent else indicator.prenext, indicator.nextstart, indicator.next
    if not inner:
        yield _Step(clock, lines, *due)
        return
    yield _Step(clock, lines, inf, None, indicator.nextstart, indicator.next)
    yield from inner
    yield _Step(clock, (), *due)


def _is_plain(indicator: Any) -> bool:
    """Whether nothing but computing is its own."""
    kind = type(indicator)
    if isinstance(indicator, LineActions):
        return _keeps(kind, LineActions, "_next") and _keeps(kind, LineRoot, "prenext") and _is_plain_line(indicator)
    return (
        all(_keeps(kind, LineIterator, name) for name in ("_next", "_clk_update", "_notify", "forward", "__len__"))
        and all(_keeps(type(indicator.lines), Lines, name) for name in ("forward", "__len__"))
        and all(map(_is_plain_line, indicator.lines.lines))
    )


def _is_plain_line(line: Any) -> bool:
    kind = type(line)
    return line.mode == LineBuffer.UnBounded and all(
        _keeps(kind, LineBuffer, name) for name in ("forward", "__len__", "set_idx")
    )


def _line_of(clock: Any) -> Any:
    """The line whose length is that of a clock, None where it cannot be told."""
    if isinstance(clock, LineBuffer):
        return clock if _is_plain_line(clock) else None
    plain = isinstance(clock, LineSeries) and _keeps(type(clock), LineSeries, "__len__")
    return _line_of(clock.lines.lines[0]) if plain else None


def _keeps(kind: type[Any], base: type[Any], name: str) -> bool:
    """Whether a class does something as its base does."""
    return getattr(kind, name) is getattr(base, name)
