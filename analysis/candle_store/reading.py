"""Reading a window of candles: only the row groups it touches and the columns asked for, checked on the
way."""

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from itertools import chain
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.candle_store.layout import VALUE_COLUMNS, partitions, require_schema
from analysis.candle_store.rules import broken_rules
from analysis.candles import SPREAD_NOT_RECORDED
from analysis.errors import CorruptCandles

Columns = dict[str, NDArray[Any]]
DTYPES: dict[str, type[np.generic]] = {
    "time": np.int64, "open": np.float64, "high": np.float64, "low": np.float64, "close": np.float64,
    "tick_volume": np.int64, "spread": np.int32,
}  # fmt: skip

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


@dataclass(frozen=True)
class RowGroup:
    """A part of a file and the open times (epoch ms) of its first and last candle, from the file's
    statistics."""

    index: int
    rows: int
    first: int
    last: int


@dataclass(frozen=True)
class _Part:
    file: pq.ParquetFile
    path: Path
    group: RowGroup


def to_ms(moment: datetime) -> int:
    """The first whole epoch millisecond not before `moment`. Raises ValueError without a time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return -((_EPOCH - moment) // timedelta(milliseconds=1))


def to_moment(ms: int) -> datetime:
    """The UTC moment of epoch milliseconds."""
    return _EPOCH + timedelta(milliseconds=int(ms))


def year_of(ms: int) -> int:
    """The UTC year of epoch milliseconds."""
    return to_moment(ms).year


def year_bounds(year: int) -> tuple[int, int]:
    """Epoch milliseconds of the start of a UTC year and of the next."""
    return to_ms(datetime(year, 1, 1, tzinfo=UTC)), to_ms(datetime(year + 1, 1, 1, tzinfo=UTC))


def open_partition(path: Path) -> pq.ParquetFile:
    """A candle file, its schema checked. Raises CorruptCandles for one that is damaged or no candle file."""
    try:
        # No memory map: on Windows an import could not replace a mapped file.
        file = pq.ParquetFile(path, memory_map=False, pre_buffer=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise CorruptCandles(f"{path}: damaged or truncated: {error}") from error
    try:
        require_schema(file.schema_arrow, path)
    except CorruptCandles:
        file.close()
        raise
    return file


def row_groups(file: pq.ParquetFile, path: Path) -> list[RowGroup]:
    """The row groups in file order. Raises CorruptCandles when they overlap or lack statistics."""
    groups: list[RowGroup] = []
    column = file.schema_arrow.get_field_index("time")
    for index in range(file.metadata.num_row_groups):
        meta = file.metadata.row_group(index)
        statistics = meta.column(column).statistics
        if statistics is None or not statistics.has_min_max:
            raise CorruptCandles(f"{path}: row group {index} has no statistics of its times")
        group = RowGroup(index, meta.num_rows, to_ms(statistics.min), to_ms(statistics.max))
        if groups and group.first <= groups[-1].last:
            raise CorruptCandles(f"{path}: unsorted: row group {index} starts before the one before it ends")
        groups.append(group)
    return groups


def read_window(folder: Path, start_ms: int, end_ms: int, columns: Sequence[str] = VALUE_COLUMNS) -> Columns:
    """Open times in [start_ms, end_ms) and the value columns asked for; spread -1 where it was not recorded.

    Memory is that of the answer plus one row group. Raises CorruptCandles.
    """
    wanted = ("time", *columns)
    with ExitStack() as files:  # each file is opened once: an import that replaces it changes nothing here
        parts = list(_parts(folder, start_ms, end_ms, files))
        result = {name: np.empty(sum(part.group.rows for part in parts), DTYPES[name]) for name in wanted}
        filled = 0
        for part in parts:
            values = _read_group(part, wanted)
            low, high = (int(row) for row in np.searchsorted(values["time"], (start_ms, end_ms)))
            for name in wanted:
                result[name][filled : filled + high - low] = values[name][low:high]
            filled += high - low
    # A slice keeps its whole buffer alive: a week out of a month is copied, a nearly full buffer is not.
    return {
        name: values[:filled] if filled * 2 > len(values) else values[:filled].copy() for name, values in result.items()
    }


def _parts(folder: Path, start_ms: int, end_ms: int, files: ExitStack) -> Iterator[_Part]:
    if start_ms >= end_ms:
        return
    for year, path in partitions(folder).items():
        if year_of(start_ms) <= year <= year_of(end_ms - 1):
            file = files.enter_context(open_partition(path))
            year_start, year_end = year_bounds(year)
            for group in row_groups(file, path):
                if not year_start <= group.first <= group.last < year_end:
                    raise CorruptCandles(f"{path}: holds candles of another year")
                if group.first < end_ms and group.last >= start_ms:
                    yield _Part(file, path, group)


def _read_group(part: _Part, wanted: tuple[str, ...]) -> Columns:
    try:
        # One thread: the platform forks, and a group of a month gains nothing from more.
        table = part.file.read_row_group(part.group.index, columns=list(wanted), use_threads=False)
    except (pa.ArrowInvalid, OSError) as error:
        raise CorruptCandles(f"{part.path}: damaged or truncated: {error}") from error
    values = {name: _to_numpy(table.column(name), name, part.path) for name in wanted}
    _check(values, part)
    return values


def _to_numpy(column: pa.ChunkedArray, name: str, path: Path) -> NDArray[Any]:
    if name == "time":
        column = column.cast(pa.int64())
    if column.null_count:
        if name != "spread":
            raise CorruptCandles(f"{path}: {column.null_count} values of {name} are missing")
        column = column.fill_null(SPREAD_NOT_RECORDED)
    return np.asarray(column.to_numpy())


def _check(values: Columns, part: _Part) -> None:
    time = values["time"]
    outside = (time < part.group.first) | (time > part.group.last)
    statistics = ("time is not what the file's statistics say", outside)
    for reason, broken in chain(broken_rules(values), [statistics]):
        rows = np.flatnonzero(broken)
        if len(rows):
            at = to_moment(time[rows[0]])
            raise CorruptCandles(f"{part.path}: {reason} at {at:%Y-%m-%d %H:%M:%S}Z ({len(rows)} rows)")
