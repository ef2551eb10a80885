"""What a dataset is worth: coverage, gaps, spikes and spread of the stored candles, and what was refused."""

from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from enum import Enum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.candle_store.catalogue import QualitySummary
from analysis.candle_store.merging import MergeResult
from analysis.candle_store.reading import Columns, to_moment
from analysis.candles import MINUTE_MS, SPREAD_NOT_RECORDED
from analysis.importing.bars import BadRow, Rule
from analysis.importing.sessions import Sessions, learn_sessions, week_text
from analysis.importing.spikes import find_spikes

LISTED = 10
_CLOSES_LATE_FRIDAY = range(4 * 1440 + 23 * 60 + 30, 5 * 1440 + 6)
_OPENS_EARLY_MONDAY = range(91)


@dataclass(frozen=True)
class Gap:
    """A hole between two candles, [start, end) in UTC; `minutes` counts its trading minutes only."""

    start: datetime
    end: datetime
    minutes: int


@dataclass(frozen=True)
class Spike:
    """A price that leaps: reversal, jump or wick, and how many times the usual move of a minute it is."""

    time: datetime
    kind: str
    times_usual: float


@dataclass(frozen=True)
class SpreadStatistics:
    """Spreads in points over the candles that have one; None without any."""

    recorded: int
    zero: int
    zero_throughout: bool
    lowest: int | None
    median: float | None
    p95: float | None
    largest: int | None


@dataclass(frozen=True)
class SeriesQuality:
    """The stored series as a whole, as of an import.

    `trading_hours` says what was learned from the data itself; it is None for less than two weeks, and then
    `expected_minutes` and `coverage_percent` are unknown and every hole counts as a gap. Gaps and spikes are
    counted in full; the largest are listed, in order of time the spikes and of length the gaps.
    """

    rows: int
    first: datetime
    last: datetime
    trading_hours: str | None
    expected_minutes: int | None
    coverage_percent: float | None
    outside_hours: int
    gaps: int
    missing_minutes: int
    largest_gaps: tuple[Gap, ...]
    spikes: int
    largest_spikes: tuple[Spike, ...]
    spread: SpreadStatistics
    tick_volume_recorded: bool
    warnings: tuple[str, ...]


@dataclass(frozen=True)
class SourceReport:
    """One source: what was read, what was refused and why. `examples` are the first rows of each rule."""

    file: str
    sha256: str
    format: str
    time_zone: str
    rows: int
    accepted: int
    first: datetime
    last: datetime
    duplicates: int
    refused: Mapping[Rule, int]
    examples: Mapping[Rule, tuple[BadRow, ...]]
    notes: tuple[str, ...]


@dataclass(frozen=True)
class QualityReport:
    """An import, from its source to the dataset it went into."""

    symbol: str
    source: SourceReport
    merge: MergeResult
    series: SeriesQuality

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; moments are ISO 8601 UTC."""
        report: dict[str, Any] = plain(asdict(self))
        return report


def plain(value: Any) -> Any:
    """A value as JSON knows it."""
    if isinstance(value, Mapping):
        return {plain(key): plain(inner) for key, inner in value.items()}
    if isinstance(value, list | tuple):
        return [plain(inner) for inner in value]
    if isinstance(value, Enum):
        return value.value
    return value.isoformat() if isinstance(value, datetime) else value


def measure_series(values: Columns) -> SeriesQuality:
    """The quality of a whole series: columns as the store reads them, ascending, at least one row."""
    time = values["time"]
    sessions = learn_sessions(time)
    gaps, lengths = _gaps(time, sessions)
    expected, inside = _expected(time, sessions)
    spikes, largest_spikes = _spikes(values)
    spread = _spread(values["spread"])
    return SeriesQuality(
        rows=len(time),
        first=to_moment(time[0]),
        last=to_moment(time[-1]),
        trading_hours=None if sessions is None else _hours_text(sessions),
        expected_minutes=expected,
        coverage_percent=None if expected is None else round(100 * inside / max(expected, 1), 3),
        outside_hours=len(time) - inside,
        gaps=len(gaps),
        missing_minutes=int(lengths.sum()),
        largest_gaps=_largest_gaps(time, gaps, lengths),
        spikes=spikes,
        largest_spikes=largest_spikes,
        spread=spread,
        tick_volume_recorded=bool((values["tick_volume"] > 0).any()),
        warnings=tuple(_warnings(spread, sessions)),
    )


def summarise(series: SeriesQuality, *, refused_rows: int, conflicting_rows: int) -> QualitySummary:
    """What the list of datasets shows."""
    return QualitySummary(
        coverage_percent=series.coverage_percent,
        gaps=series.gaps,
        missing_minutes=series.missing_minutes,
        spikes=series.spikes,
        spread_zero_throughout=series.spread.zero_throughout,
        refused_rows=refused_rows,
        conflicting_rows=conflicting_rows,
    )


def _gaps(time: NDArray[np.int64], sessions: Sessions | None) -> tuple[NDArray[np.intp], NDArray[np.int64]]:
    """The rows after which trading minutes are missing, and how many."""
    if sessions is None:
        missing = np.diff(time) // MINUTE_MS - 1
    else:
        missing = sessions.open_minutes_between(time[:-1] + MINUTE_MS, time[1:])
    rows = np.flatnonzero(missing > 0)
    return rows, missing[rows]


def _largest_gaps(time: NDArray[np.int64], rows: NDArray[np.intp], lengths: NDArray[np.int64]) -> tuple[Gap, ...]:
    largest = np.argsort(-lengths, kind="stable")[:LISTED]
    return tuple(
        Gap(to_moment(time[rows[i]] + MINUTE_MS), to_moment(time[rows[i] + 1]), int(lengths[i])) for i in largest
    )


def _expected(time: NDArray[np.int64], sessions: Sessions | None) -> tuple[int | None, int]:
    """Trading minutes from the first to the last candle, and how many candles are in trading hours."""
    if sessions is None:
        return None, len(time)
    expected = sessions.open_minutes_between(time[:1], time[-1:] + MINUTE_MS)
    return int(expected[0]), int(sessions.contains(time).sum())


def _spikes(values: Columns) -> tuple[int, tuple[Spike, ...]]:
    found = find_spikes(values)
    largest = np.sort(np.argsort(-found.times_usual, kind="stable")[:LISTED])
    moments = values["time"][found.rows]
    sizes = np.round(found.times_usual, 1)
    listed = tuple(Spike(to_moment(moments[i]), str(found.kind[i]), float(sizes[i])) for i in largest)
    return len(moments), listed


def _hours_text(sessions: Sessions) -> str:
    hours = f"{int(sessions.is_open.sum()) / 60:.1f} hours a week"
    weekend = sessions.weekend()
    if weekend is not None:
        hours += f", {week_text(weekend[1])} to {week_text(weekend[0])}"
    return f"{hours} on the clock {sessions.clock.name} (learned from {sessions.weeks} weeks)"


def _spread(spread: NDArray[np.int32]) -> SpreadStatistics:
    recorded = spread[spread != SPREAD_NOT_RECORDED]
    if not len(recorded):
        return SpreadStatistics(0, 0, False, None, None, None, None)
    median, p95 = np.percentile(recorded, (50, 95))
    return SpreadStatistics(
        recorded=len(recorded),
        zero=int((recorded == 0).sum()),
        zero_throughout=bool((recorded == 0).all()),
        lowest=int(recorded.min()),
        median=float(median),
        p95=float(p95),
        largest=int(recorded.max()),
    )


def _warnings(spread: SpreadStatistics, sessions: Sessions | None) -> Iterator[str]:
    if spread.zero_throughout:
        yield (
            "The spread is 0 in every candle: the source most likely did not record it, and backtests trade "
            "without spread. Import with --no-spread to use the backtest's or the instrument's spread instead"
        )
    if sessions is not None and _keeps_broker_time(sessions):
        yield (
            "The trading week opens on Monday and closes late on Friday in UTC. Currencies and metals open "
            "on Sunday, so these times look like a broker's clock (--timezone NYCLOSE)"
        )


def _keeps_broker_time(sessions: Sessions) -> bool:
    weekend = sessions.weekend()
    if not sessions.clock.is_utc or weekend is None:
        return False
    return weekend[0] in _CLOSES_LATE_FRIDAY and weekend[1] in _OPENS_EARLY_MONDAY
