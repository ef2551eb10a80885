"""A quality report for the terminal."""

from collections.abc import Iterator
from datetime import datetime

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from analysis.importing.quality import QualityReport, SeriesQuality, SourceReport, SpreadStatistics


def render(report: QualityReport) -> RenderableType:
    """Everything a person should know of an import, most of it in one table."""
    return Group(*_parts(report))


def _parts(report: QualityReport) -> Iterator[RenderableType]:
    facts = Table("", "", title=f"{report.symbol} from {report.source.file}", show_header=False)
    for name, value in (*_source_facts(report.source), *_store_facts(report), *_series_facts(report.series)):
        facts.add_row(name, value)
    yield facts
    if report.source.examples:
        yield _refused_rows(report.source)
    if report.series.largest_gaps:
        yield _gaps(report.series)
    if report.series.largest_spikes:
        yield _spikes(report.series)
    for note in (*report.source.notes, *report.series.warnings):
        yield Text.assemble(("Note: ", "yellow"), note)


def _source_facts(source: SourceReport) -> Iterator[tuple[str, str]]:
    yield "source", f"{source.format}, time zone {source.time_zone}"
    yield "rows", f"{source.rows:,} read, {source.accepted:,} accepted, {source.duplicates:,} repeated"
    refused = ", ".join(f"{count:,} {rule.replace('_', ' ')}" for rule, count in source.refused.items())
    yield "refused", refused or "none"


def _store_facts(report: QualityReport) -> Iterator[tuple[str, str]]:
    merge = report.merge
    yield (
        "store",
        (
            f"{merge.added:,} added, {merge.unchanged:,} unchanged, {merge.completed:,} completed, "
            f"{merge.conflicting:,} conflicting (stored row kept), {merge.overwritten:,} overwritten"
        ),
    )


def _series_facts(series: SeriesQuality) -> Iterator[tuple[str, str]]:
    yield "dataset now", f"{series.rows:,} candles, {_minute(series.first)} to {_minute(series.last)} UTC"
    yield "trading hours", series.trading_hours or "unknown: less than two weeks of candles"
    coverage = "unknown" if series.coverage_percent is None else f"{series.coverage_percent:.2f} %"
    yield "coverage", f"{coverage}; {series.outside_hours:,} candles outside trading hours"
    yield "gaps", f"{series.gaps:,}, {series.missing_minutes:,} minutes in all"
    yield "spikes", f"{series.spikes:,}"
    yield "spread", _spread(series.spread)
    yield "tick volume", "recorded" if series.tick_volume_recorded else "not recorded"


def _spread(spread: SpreadStatistics) -> str:
    if spread.median is None or spread.p95 is None:
        return "not recorded"
    return (
        f"{spread.lowest} to {spread.largest} points, median {spread.median:g}, 95 % up to {spread.p95:g}; "
        f"0 in {spread.zero:,} and recorded in {spread.recorded:,} candles"
    )


def _refused_rows(source: SourceReport) -> Table:
    table = Table("rule", "line", "time in the file", "what is wrong", title="First rows not imported")
    for rule, examples in source.examples.items():
        for row in examples:
            table.add_row(rule.replace("_", " "), str(row.line), Text(row.time), Text(row.detail))
    return table


def _gaps(series: SeriesQuality) -> Table:
    table = Table("from (UTC)", "to (UTC)", "minutes", title="Largest gaps in trading hours")
    for gap in series.largest_gaps:
        table.add_row(_minute(gap.start), _minute(gap.end), f"{gap.minutes:,}")
    return table


def _spikes(series: SeriesQuality) -> Table:
    table = Table("time (UTC)", "kind", "times the usual move", title="Largest spikes (kept)")
    for spike in series.largest_spikes:
        table.add_row(_minute(spike.time), spike.kind, f"{spike.times_usual:g}")
    return table


def _minute(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d %H:%M}"
