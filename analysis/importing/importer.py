"""One import from file to store: detect, parse, clean, merge, measure."""

import hashlib
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Any

import numpy as np

from analysis.candle_store.catalogue import read_quality
from analysis.candle_store.layout import is_symbol, quality_path, symbol_dir
from analysis.candle_store.merging import MergePlan, plan_merge, planned_columns
from analysis.candle_store.reading import to_moment
from analysis.candle_store.writing import write_partitions, write_text, writer_lock
from analysis.candles import Candles
from analysis.errors import ImportRejected
from analysis.importing.bars import NOT_RECORDED, Findings, RawBars, Rule
from analysis.importing.cleaning import clean
from analysis.importing.clocks import UTC_CLOCK, Clock, parse_clock
from analysis.importing.formats import PARQUET, TableFormat, detect_format
from analysis.importing.parquet import read_parquet
from analysis.importing.quality import (
    QualityReport,
    SeriesQuality,
    SourceReport,
    measure_series,
    plain,
    summarise,
)
from analysis.importing.table import Progress, read_table

KEPT_IMPORTS = 100


@dataclass(frozen=True)
class ImportOptions:
    """What the caller knows of a source; None means: find out, or take the format's own."""

    format: str | None = None
    timezone: str | None = None
    ignore_spread: bool = False


def _silent(done: int, total: int) -> None:
    """Nobody watches."""


def import_file(
    path: Path,
    symbol: str,
    *,
    data_root: Path,
    imported_at: datetime,
    options: ImportOptions | None = None,
    overwrite: bool = False,
    dry_run: bool = False,
    on_progress: Progress = _silent,
) -> QualityReport:
    """Bring a file's candles into the store and keep the quality report beside them.

    With `dry_run` the report is the same and nothing is written. `on_progress` is told the bytes read and the
    bytes in all. Raises ImportRejected for a source, CorruptCandles for a store that cannot be used.
    """
    candles, source = read_source(path, symbol, options, on_progress)
    return store_candles(
        candles, source, data_root=data_root, imported_at=imported_at, overwrite=overwrite, dry_run=dry_run
    )


def read_source(
    path: Path, symbol: str, options: ImportOptions | None = None, on_progress: Progress = _silent
) -> tuple[Candles, SourceReport]:
    """Candles of a file, and what was refused on the way. Nothing is written.

    Raises ImportRejected for a file that is not M1 bars in a known format.
    """
    options = options or ImportOptions()
    if not is_symbol(symbol):
        raise ImportRejected(f"{symbol!r} is not a symbol: 1 to 29 letters, digits and . _ # - in it")
    if not path.is_file():
        raise ImportRejected(f"There is no file {path}")
    findings = Findings()
    table = detect_format(path, options.format)
    bars, clock, notes = _read(path, table, options.timezone, findings, on_progress)
    if options.ignore_spread:
        bars = replace(bars, spread=np.full(len(bars), NOT_RECORDED))
        notes = (*notes, "The spread is left out as asked")
    rows = len(bars) + findings.refused
    candles, remarks = clean(path.name, symbol, bars, clock, findings)
    return candles, SourceReport(
        file=path.name,
        sha256=_sha256(path),
        format=PARQUET if table is None else table.name,
        time_zone=clock.name,
        rows=rows,
        accepted=len(candles),
        first=to_moment(candles.time[0]),
        last=to_moment(candles.time[-1]),
        duplicates=findings.duplicates,
        refused={rule: count for rule, count in findings.counts.items() if rule != Rule.DUPLICATE},
        examples={rule: tuple(examples) for rule, examples in findings.examples.items()},
        notes=notes + remarks,
    )


def store_candles(
    candles: Candles,
    source: SourceReport,
    *,
    data_root: Path,
    imported_at: datetime,
    overwrite: bool = False,
    dry_run: bool = False,
) -> QualityReport:
    """Merge candles into the store and measure the dataset that results."""
    folder = symbol_dir(data_root, candles.symbol)
    if dry_run:
        return _report(folder, source, candles.symbol, plan_merge(folder, candles, overwrite=overwrite))
    with writer_lock(folder):
        plan = plan_merge(folder, candles, overwrite=overwrite)
        report = _report(folder, source, candles.symbol, plan)
        write_partitions(folder, plan.years)
        _keep_quality(folder, report, imported_at)
    return report


def _report(folder: Path, source: SourceReport, symbol: str, plan: MergePlan) -> QualityReport:
    return QualityReport(symbol, source, plan.result, measure_series(planned_columns(folder, plan)))


def _read(
    path: Path, table: TableFormat | None, timezone: str | None, findings: Findings, on_progress: Progress
) -> tuple[RawBars, Clock, tuple[str, ...]]:
    if table is None:
        bars, in_utc, notes = read_parquet(path, findings, on_progress)
        clock, remarks = _clock(path, timezone, stated=UTC_CLOCK if in_utc else None, usual=None)
        return bars, clock, notes + remarks
    bars, layout = read_table(path, table, findings, on_progress)
    stated = UTC_CLOCK if layout.has_offset else table.clock
    clock, remarks = _clock(path, timezone, stated=stated, usual=table.usual_clock)
    return bars, clock, table.notes + remarks


def _clock(
    path: Path, timezone: str | None, *, stated: Clock | None, usual: Clock | None
) -> tuple[Clock, tuple[str, ...]]:
    """The clock of a source: the one it states, else the caller's, else its publisher's, else UTC."""
    given = None if timezone is None else parse_clock(timezone)
    if stated is not None:
        if given not in (None, stated):
            raise ImportRejected(f"{path.name} states its time zone itself; leave --timezone out")
        return stated, ()
    if given is not None:
        return given, ()
    if usual is not None:
        return usual, (f"Times are read as {usual.name} without daylight saving, as HistData writes them",)
    return UTC_CLOCK, ("The file does not say its time zone and none was given (--timezone): times are taken as UTC",)


def _sha256(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _keep_quality(folder: Path, report: QualityReport, imported_at: datetime) -> None:
    known = (read_quality(folder) or {}).get("imports", [])
    stored = _stored(report.series, _with_import(known, report, imported_at))
    write_text(quality_path(folder), json.dumps(stored, indent=1))


def _with_import(
    known: list[Mapping[str, Any]], report: QualityReport, imported_at: datetime
) -> list[Mapping[str, Any]]:
    """The history with this import; the same file once more, without any effect, leaves it as it is."""
    told = report.to_dict()
    source, merge = told["source"], told["merge"]
    effect = merge["added"] + merge["completed"] + merge["overwritten"]
    if not effect and any(entry["source"] == source for entry in known):
        return known
    new = {"imported_at": imported_at.isoformat(), "source": source, "merge": merge}
    return [*known, new][-KEPT_IMPORTS:]


def _stored(series: SeriesQuality, imports: list[Mapping[str, Any]]) -> dict[str, Any]:
    summary = summarise(
        series,
        refused_rows=sum(sum(entry["source"]["refused"].values()) for entry in imports),
        conflicting_rows=sum(entry["merge"]["conflicting"] for entry in imports),
    )
    return {
        "version": 1,
        "rows": series.rows,
        "summary": asdict(summary),
        "series": plain(asdict(series)),
        "imports": imports,
    }
