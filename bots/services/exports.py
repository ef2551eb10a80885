"""The trades and the equity of a completed run as files: the Parquet its worker wrote, or CSV made of it as it is read,
so that a file of any length takes little memory."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from io import BytesIO
from typing import IO, Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv
import pyarrow.parquet as pq

from bots.errors import ArtifactsCleared
from bots.models import BacktestRun
from bots.services.artifacts import backtest_folder
from bots.services.reporting import require_completed

PARTS = ("trades", "equity")
ROWS_AT_ONCE = 50_000
BYTES_AT_ONCE = 256 * 1024
# What a spreadsheet takes for a formula, also behind blanks and in full width (OWASP, CSV injection).
_FORMULA = r"^[\s\x00-\x20]*[=+\-@\x{FF1D}\x{FF0B}\x{FF0D}\x{FF20}]|^[\t\r\n]"
_ISO = "%Y-%m-%dT%H:%M:%SZ"


@dataclass(frozen=True)
class Export:
    """A file that is read while it is sent; `size` (bytes) where it is known before."""

    filename: str
    chunks: "Chunks"
    size: int | None = None


class Chunks(Iterator[bytes]):
    """The pieces of an open file, which is closed by `close` also when nobody reads it: a generator that was never
    started cannot do that."""

    def __init__(self, file: IO[bytes], pieces: Iterator[bytes]) -> None:
        self._file, self._pieces = file, pieces

    def __next__(self) -> bytes:
        return next(self._pieces)

    def close(self) -> None:
        self._file.close()


def export_csv(run: BacktestRun, part: str) -> Export:
    """`part` (of PARTS) of a run with times in ISO 8601. Raises NotCompleted, ArtifactsCleared."""
    file = _opened(run, part)
    return Export(filename(run, f"{part}.csv"), Chunks(file, _csv(file)))


def export_parquet(run: BacktestRun, part: str) -> Export:
    """`part` (of PARTS) of a run as it is stored. Raises NotCompleted, ArtifactsCleared."""
    file = _opened(run, part)
    size = file.seek(0, 2)
    file.seek(0)
    return Export(filename(run, f"{part}.parquet"), Chunks(file, _pieces(file)), size)


def filename(run: BacktestRun, ending: str) -> str:
    """What a file of the run is called on the reader's disk: symbol and dates, then `ending`."""
    more = len(run.instrument_symbols) - 1
    symbol = re.sub(r"[^A-Za-z0-9._-]", "_", run.instrument_symbol) + (f"_and_{more}_more" if more else "")
    return f"{symbol}_{run.data_window_start:%Y-%m-%d}_{run.data_window_end:%Y-%m-%d}_{ending}"


def _opened(run: BacktestRun, part: str) -> IO[bytes]:
    require_completed(run)
    try:
        return (backtest_folder(run) / f"{part}.parquet").open("rb")
    except FileNotFoundError as error:
        raise ArtifactsCleared(
            "The files of this run were cleared to make room; the run itself has its trades and an outline of its "
            "equity, and running it again makes the files again"
        ) from error


def _pieces(file: IO[bytes]) -> Iterator[bytes]:
    with file:
        while piece := file.read(BYTES_AT_ONCE):
            yield piece


def _csv(file: IO[bytes]) -> Iterator[bytes]:
    with file, pq.ParquetFile(file, buffer_size=BYTES_AT_ONCE, pre_buffer=False) as stored:
        yield (",".join(stored.schema_arrow.names) + "\n").encode()
        for batch in stored.iter_batches(ROWS_AT_ONCE, use_threads=False):
            yield _lines(batch)


def _lines(batch: pa.RecordBatch) -> bytes:
    columns = [_written(name, batch[name]) for name in batch.schema.names]
    readable = pa.record_batch(columns, names=batch.schema.names)
    lines = BytesIO()
    pa.csv.write_csv(readable, lines, pa.csv.WriteOptions(include_header=False, quoting_style="needed"))
    return lines.getvalue()


def _written(name: str, column: Any) -> Any:
    """A column as a spreadsheet shall read it."""
    if pa.types.is_timestamp(column.type) or name.endswith("_time"):
        return _iso(column)
    if pa.types.is_floating(column.type):
        return pc.if_else(pc.is_nan(column), None, column)
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        return _as_text(column)
    return column


def _iso(column: Any) -> Any:
    """Milliseconds in UTC as ISO 8601, with a fraction where there is one."""
    moments = column.cast(pa.int64()).cast(pa.timestamp("ms"))
    seconds = pc.floor_temporal(moments, unit="second")
    whole = pc.strftime(seconds.cast(pa.timestamp("s")), format=_ISO)
    if pc.all(pc.equal(moments, seconds)).as_py() is not False:
        return whole
    return pc.if_else(pc.equal(moments, seconds), whole, pc.strftime(moments, format=_ISO))


def _as_text(column: Any) -> Any:
    """An apostrophe before what a spreadsheet would calculate: others name tags, and sheets can call programs."""
    quoted = pc.binary_join_element_wise(pa.scalar("'", column.type), column, pa.scalar("", column.type))
    return pc.if_else(pc.match_substring_regex(column, _FORMULA), quoted, column)
