"""From rows as written to candles: what breaks a rule is refused and listed, nothing is repaired."""

from collections.abc import Callable
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from analysis.candle_store.reading import to_moment
from analysis.candles import MINUTE_MS, SPREAD_NOT_RECORDED, Candles
from analysis.errors import ImportRejected
from analysis.importing.bars import BadRow, Findings, RawBars, Rule
from analysis.importing.clocks import Clock, to_utc

_EARLIEST_MS, _LATEST_MS = 0, 7_258_118_400_000  # 1970 to 2200: within what every clock can say
_LARGEST_SPREAD = int(np.iinfo(np.int32).max)
_LARGEST_VOLUME = 2**53  # beyond, a float no longer counts by ones
_FRACTIONS_OF_A_COUNT = 0.01  # more than this share of fractions: the column counts something else
_TIMEFRAMES = {5: "M5", 15: "M15", 30: "M30", 60: "H1", 240: "H4", 1440: "D1", 10080: "W1"}


@dataclass
class _Judge:
    """The rows of a source and which of them still stand."""

    bars: RawBars
    findings: Findings
    standing: NDArray[np.bool_]
    notes: list[str] = field(default_factory=list)

    def refuse(self, rule: Rule, bad: NDArray[np.bool_], detail: Callable[[int], str]) -> None:
        """Count and list the standing rows that break a rule; they stand no more."""
        rows = np.flatnonzero(bad & self.standing)
        listed = rows[: self.findings.listed_per_rule].tolist()
        examples = [BadRow(int(self.bars.line[row]), self.time_text(row), detail(row)) for row in listed]
        self.findings.add(rule, len(rows), examples)
        self.standing[rows] = False

    def time_text(self, row: int) -> str:
        """A row's time as the source's clock shows it."""
        wall_ms = int(self.bars.wall_ms[row])
        return f"{to_moment(wall_ms):%Y-%m-%d %H:%M:%S}" if _EARLIEST_MS <= wall_ms < _LATEST_MS else ""


def clean(name: str, symbol: str, bars: RawBars, clock: Clock, findings: Findings) -> tuple[Candles, tuple[str, ...]]:
    """Sound candles in ascending order, and notes for the report.

    Of several rows with one time the first in the source is kept: equal ones are counted as duplicates,
    others as conflicts. Raises ImportRejected when the bars are not M1, or when more than half of all rows,
    those counted in `findings` before included, are refused.
    """
    rows = len(bars) + findings.refused
    if newest_first := int((np.diff(bars.wall_ms) < 0).sum()) * 2 > len(bars):
        bars = bars.take(np.arange(len(bars))[::-1])  # the order tells repeated hours apart
    judge = _Judge(bars, findings, np.ones(len(bars), np.bool_))
    if newest_first:
        judge.notes.append("The file runs from the newest bar to the oldest")
    times = _judge_times(name, judge, clock)
    _judge_prices(judge)
    volume = _judge_counts(judge, "volume", Rule.BAD_VOLUME, 0, _LARGEST_VOLUME).astype(np.int64)
    points = _judge_counts(judge, "spread", Rule.BAD_SPREAD, SPREAD_NOT_RECORDED, _LARGEST_SPREAD)
    spread = points.astype(np.int32)
    _require_m1(name, times[judge.standing])
    kept = _one_per_minute(judge, times, volume, spread)
    _require_most_rows(name, rows, findings)
    prices = {price: getattr(bars, price)[kept] for price in ("open", "high", "low", "close")}
    candles = Candles(symbol, times[kept], **prices, tick_volume=volume[kept], spread=spread[kept])
    return candles, tuple(judge.notes)


def _judge_times(name: str, judge: _Judge, clock: Clock) -> NDArray[np.int64]:
    wall = judge.bars.wall_ms
    outside = (wall < _EARLIEST_MS) | (wall >= _LATEST_MS)
    judge.refuse(Rule.TIME_OUT_OF_RANGE, outside, lambda row: "before 1970 or after 2199")
    utc = to_utc(np.where(outside, 0, wall), clock)
    judge.refuse(Rule.NONEXISTENT_TIME, utc.nonexistent, lambda row: f"{clock.name} skipped this time")
    judge.refuse(Rule.AMBIGUOUS_TIME, utc.ambiguous, lambda row: f"{clock.name} had this time twice")
    uneven = utc.ms % MINUTE_MS != 0
    if uneven.sum() * 2 > len(uneven):
        raise ImportRejected(
            f"{name} holds ticks or bars of seconds: most times are no whole minutes. Only M1 bars can be imported"
        )
    judge.refuse(Rule.NOT_A_WHOLE_MINUTE, uneven, lambda row: "bars of M1 open on whole minutes")
    return utc.ms


def _judge_prices(judge: _Judge) -> None:
    bars = judge.bars
    prices = np.stack([bars.open, bars.high, bars.low, bars.close])

    def told(row: int) -> str:
        return f"open {bars.open[row]}, high {bars.high[row]}, low {bars.low[row]}, close {bars.close[row]}"

    judge.refuse(Rule.NOT_FINITE, ~np.logical_and.reduce(np.isfinite(prices)), told)
    judge.refuse(Rule.NOT_POSITIVE, np.logical_or.reduce(prices <= 0), told)
    outside = (bars.high < prices.max(axis=0)) | (bars.low > prices.min(axis=0))
    judge.refuse(Rule.BAD_OHLC, outside, told)


def _judge_counts(judge: _Judge, column: str, rule: Rule, lowest: int, largest: int) -> NDArray[np.float64]:
    """A column of whole numbers, `lowest` where the source has none.

    Fractions throughout mean another unit (a traded amount, a spread in prices): then the column is left out.
    """
    values: NDArray[np.float64] = getattr(judge.bars, column)
    given = ~np.isnan(values)
    fraction = given & np.isfinite(values) & (np.trunc(values) != values)
    if fraction.sum() > _FRACTIONS_OF_A_COUNT * given.sum():
        judge.notes.append(f"The column {column} holds fractions, so it counts something else: not imported")
        return np.full(len(values), float(lowest))
    bad = given & (fraction | ~((values >= lowest) & (values <= largest)))
    judge.refuse(rule, bad, lambda row: f"{column} is {values[row]:g}")
    return np.where(given & ~bad, values, lowest)


def _one_per_minute(
    judge: _Judge, times: NDArray[np.int64], volume: NDArray[np.int64], spread: NDArray[np.int32]
) -> NDArray[np.int64]:
    """Positions of the rows to keep, ascending by time."""
    bars = judge.bars
    standing = np.flatnonzero(judge.standing)
    order = standing[np.lexsort((bars.line[standing], times[standing]))]
    again = np.diff(times[order], prepend=-1) == 0
    first = order[np.maximum.accumulate(np.where(again, 0, np.arange(len(order))))]
    same = np.ones(len(order), np.bool_)
    for values in (bars.open, bars.high, bars.low, bars.close, volume, spread):
        same &= values[order] == values[first]
    kept_line = np.zeros(len(bars), np.int64)
    kept_line[order] = bars.line[first]
    for rule, rows, how in (
        (Rule.DUPLICATE, order[again & same], "repeats"),
        (Rule.CONFLICT, order[again & ~same], "differs from"),
    ):
        bad = np.zeros(len(bars), np.bool_)
        bad[rows] = True
        judge.refuse(rule, bad, lambda row, how=how: f"{how} line {kept_line[row]}, which is kept")  # type: ignore[misc]  # mypy cannot infer a lambda's default
    return np.asarray(order[~again], np.int64)


def _require_m1(name: str, times: NDArray[np.int64]) -> None:
    """The most frequent distance of bars is a minute, even where many minutes have no trade."""
    apart = np.diff(np.sort(times)) // MINUTE_MS
    apart = apart[apart > 0]
    if len(apart) < 2:
        return  # too few to tell
    minutes, counts = np.unique(apart, return_counts=True)
    usual = int(minutes[counts.argmax()])
    if usual != 1:
        bars = _TIMEFRAMES.get(usual, f"{usual}-minute")
        raise ImportRejected(f"{name} holds {bars} bars ({usual} minutes apart); only M1 bars can be imported")


def _require_most_rows(name: str, rows: int, findings: Findings) -> None:
    if findings.refused * 2 <= rows and rows:
        return
    told = ", ".join(f"{count} {rule}" for rule, count in findings.counts.items() if rule != Rule.DUPLICATE)
    first = next(example for rule in findings.counts for example in findings.examples[rule])
    raise ImportRejected(
        f"{name}: {findings.refused} of {rows} rows are bad ({told}), too many to trust the others; "
        f"line {first.line}: {first.detail}"
    )
