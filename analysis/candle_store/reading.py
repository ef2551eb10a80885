"""Reading a window of candles: only the row groups it touches and the columns asked for, checked on the way."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.candle_store.layout import VALUE_COLUMNS, partitions, require_schema
from analysis.errors import CorruptCandles

Columns = dict[str, NDArray[Any]]
DTYPES: dict[str, type[np.generic]] = {
    "time": np.int64, "open": np.float64, "high": np.float64, "low": np.float64, "close": np.float64,
    "tick_volume": np.int64, "spread": np.int32,
}  # fmt: skip

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PRICES = ("open", "high", "low", "close")


@dataclass(frozen=True)
class RowGroup:
    """A part of a file and the open times (epoch ms) of its first and last candle, from the file's statistics."""

    index: int
    rows: int
    first: int
    last: int


def to_ms(moment: datetime) -> int:
    """The first whole epoch millisecond that is not before `moment`. Raises ValueError without a time zone."""
    if moment.tzinfo is None:
        raise ValueError(f"{moment!r} has no time zone")
    return -((_EPOCH - moment) // timedelta(milliseconds=1))


def to_moment(ms: int) -> datetime:
    """The UTC moment of epoch milliseconds."""
    return _EPOCH + timedelta(milliseconds=int(ms))


def year_of(ms: int) -> int:
    """The UTC year of epoch milliseconds."""
    return to_moment(ms).year


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
    chosen = list(_touched(folder, start_ms, end_ms))
    result = {name: np.empty(sum(group.rows for _, group in chosen), DTYPES[name]) for name in wanted}
    filled = 0
    for read in _readers(chosen, wanted):
        part = read()
        low, high = np.searchsorted(part["time"], (start_ms, end_ms))
        for name in wanted:
            result[name][filled : filled + high - low] = part[name][low:high]
        filled += int(high - low)
    # A slice keeps its whole buffer alive: a week out of a month is copied, a nearly full buffer is not.
    return {
        name: values[:filled] if filled * 2 > len(values) else values[:filled].copy()
        for name, values in result.items()
    }


def read_partition(path: Path) -> Columns:
    """One whole file, checked. Raises CorruptCandles."""
    with open_partition(path) as file:
        groups = row_groups(file, path)
        parts = [_read_group(file, path, group, ("time", *VALUE_COLUMNS)) for group in groups]
    if not parts:
        return {name: np.empty(0, dtype) for name, dtype in DTYPES.items()}
    return {name: np.concatenate([part[name] for part in parts]) for name in DTYPES}


def _touched(folder: Path, start_ms: int, end_ms: int) -> Iterator[tuple[Path, RowGroup]]:
    if start_ms >= end_ms:
        return
    for year, path in partitions(folder).items():
        if year_of(start_ms) <= year <= year_of(end_ms - 1):
            with open_partition(path) as file:
                groups = row_groups(file, path)
            yield from ((path, group) for group in groups if group.first < end_ms and group.last >= start_ms)


def _readers(
    chosen: list[tuple[Path, RowGroup]], wanted: tuple[str, ...]
) -> Iterator[Callable[[], Columns]]:
    """One reader per row group, each file opened once."""
    for path in dict.fromkeys(path for path, _ in chosen):
        with open_partition(path) as file:
            for group in (group for of, group in chosen if of == path):
                yield lambda file=file, path=path, group=group: _read_group(file, path, group, wanted)
