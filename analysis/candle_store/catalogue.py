"""What is in the store, from file footers and stored reports only: no candle is read."""

import json
import logging
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq

from analysis.candle_store.layout import partitions, quality_path, symbols_dir
from analysis.candle_store.reading import open_partition, row_groups, to_moment
from analysis.errors import CorruptCandles

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class QualitySummary:
    """The stored quality report in short; counts of refused rows are sums over all imports of the dataset."""

    coverage_percent: float | None
    gaps: int
    missing_minutes: int
    spikes: int
    spread_zero_throughout: bool
    refused_rows: int
    conflicting_rows: int


@dataclass(frozen=True)
class DatasetInfo:
    """One symbol's candles: UTC open times of the first and last, and what is known of their quality.

    `spread_recorded` is False where the spread is missing or 0 in every candle. `quality` is None when the
    candles changed without an import. `damaged` names files that cannot be read; they are not counted.
    """

    symbol: str
    rows: int
    first: datetime
    last: datetime
    years: tuple[int, ...]
    size_bytes: int
    spread_recorded: bool
    quality: QualitySummary | None
    damaged: tuple[str, ...] = ()


@dataclass(frozen=True)
class _YearFacts:
    rows: int
    first: int
    last: int
    size_bytes: int
    spread_recorded: bool


def symbols(data_root: Path) -> tuple[str, ...]:
    """Symbols with at least one file of candles, in alphabetical order."""
    folder = symbols_dir(data_root)
    if not folder.is_dir():
        return ()
    named = (path for path in folder.iterdir() if path.name.startswith("symbol="))
    return tuple(sorted(path.name.removeprefix("symbol=") for path in named if partitions(path)))


def datasets(data_root: Path) -> list[DatasetInfo]:
    """Every dataset in alphabetical order; one without a single readable file is logged and left out."""
    found = (_describe(symbols_dir(data_root) / f"symbol={symbol}", symbol) for symbol in symbols(data_root))
    return [info for info in found if info is not None]


def read_quality(folder: Path) -> dict[str, Any] | None:
    """The stored quality report, or None where there is none that can be read."""
    try:
        stored = json.loads(quality_path(folder).read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (OSError, ValueError) as error:
        log.warning("The quality report of %s cannot be read: %s", folder.name, error)
        return None
    return stored if isinstance(stored, dict) else None


def _describe(folder: Path, symbol: str) -> DatasetInfo | None:
    years: dict[int, _YearFacts] = {}
    damaged = []
    for year, path in partitions(folder).items():
        try:
            facts = _facts(path)
        except CorruptCandles as error:
            log.warning("%s", error.message)
            damaged.append(path.name)
        else:
            if facts is not None:
                years[year] = facts
    if not years:
        return None
    rows = sum(facts.rows for facts in years.values())
    return DatasetInfo(
        symbol=symbol,
        rows=rows,
        first=to_moment(min(facts.first for facts in years.values())),
        last=to_moment(max(facts.last for facts in years.values())),
        years=tuple(years),
        size_bytes=sum(facts.size_bytes for facts in years.values()),
        spread_recorded=any(facts.spread_recorded for facts in years.values()),
        quality=_summary(read_quality(folder), rows),
        damaged=tuple(damaged),
    )


def _facts(path: Path) -> _YearFacts | None:
    with open_partition(path) as file:
        groups = row_groups(file, path)
        if not groups:
            return None
        return _YearFacts(
            rows=file.metadata.num_rows,
            first=groups[0].first,
            last=groups[-1].last,
            size_bytes=path.stat().st_size,
            spread_recorded=any(spread > 0 for spread in _largest_spreads(file)),
        )


def _largest_spreads(file: pq.ParquetFile) -> Iterable[int]:
    column = file.schema_arrow.get_field_index("spread")
    for index in range(file.metadata.num_row_groups):
        statistics = file.metadata.row_group(index).column(column).statistics
        if statistics is not None and statistics.has_min_max:
            yield int(statistics.max)


def _summary(stored: dict[str, Any] | None, rows: int) -> QualitySummary | None:
    if stored is None or stored.get("rows") != rows:
        return None
    try:
        return QualitySummary(**stored["summary"])
    except (KeyError, TypeError) as error:
        log.warning("A stored quality report has another shape: %s", error)
        return None
