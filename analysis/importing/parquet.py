"""Parquet files of bars, with the time in a column or in pandas' index."""

from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
from numpy.typing import NDArray

from analysis.errors import ImportRejected
from analysis.importing.bars import NOT_RECORDED, BadRow, Findings, RawBars, Rule
from analysis.importing.formats import OPTIONAL_NAMES, PRICE_NAMES, TIME_NAMES, normal_name, value_columns
from analysis.importing.table import MAX_ROWS, Progress, learn_layout
from analysis.importing.time_text import parse_times

_TICKS_PER_MS = {"ms": 1, "us": 1_000, "ns": 1_000_000}


def read_parquet(path: Path, findings: Findings, on_progress: Progress) -> tuple[RawBars, bool, tuple[str, ...]]:
    """Every row, whether its times are in UTC already (else they are as written), and notes for the report.

    `line` counts rows from 1. Raises ImportRejected for a damaged file or one without the columns of bars.
    """
    table, schema, roles = _read(path)
    on_progress(path.stat().st_size, path.stat().st_size)
    line = np.arange(1, table.num_rows + 1)
    wall_ms, known, in_utc = _times(path, table.column(roles["time"]))
    unknown = np.flatnonzero(~known)
    listed = unknown[: findings.listed_per_rule].tolist()
    examples = [BadRow(row + 1, "", "the time is missing or cannot be read") for row in listed]
    findings.add(Rule.UNREADABLE_TIME, len(unknown), examples)
    values = {
        role: _numbers(path, table, roles[role]) if role in roles else np.full(len(line), NOT_RECORDED)
        for role in (*PRICE_NAMES, *OPTIONAL_NAMES)
    }
    return RawBars(line=line, wall_ms=wall_ms, **values).take(known), in_utc, _notes(schema, roles)


def _read(path: Path) -> tuple[pa.Table, pa.Schema, dict[str, str]]:
    try:
        with pq.ParquetFile(path) as file:
            schema = file.schema_arrow
            if file.metadata.num_rows > MAX_ROWS:
                raise ImportRejected(f"{path.name} has more than {MAX_ROWS:,} rows: no file of M1 bars")
            roles = _roles(path, schema)
            table = file.read(columns=sorted(set(roles.values())), use_threads=False)
    except (pa.ArrowException, OSError) as error:
        raise ImportRejected(f"{path.name} is a damaged Parquet file: {error}") from error
    if not table.num_rows:
        raise ImportRejected(f"{path.name} has no rows")
    return table, schema, roles


def _roles(path: Path, schema: pa.Schema) -> dict[str, str]:
    """The file's column for each role."""
    columns = [normal_name(name) for name in schema.names]
    roles = {role: schema.names[number] for role, number in value_columns(columns).items()}
    if {"bid", "ask"} <= set(columns) and "open" not in roles:
        raise ImportRejected(f"{path.name} holds ticks; only M1 bars can be imported")
    index = (name for name in schema.names if name.startswith("__index_level_"))
    named = (schema.names[columns.index(alias)] for alias in TIME_NAMES if alias in columns)
    time = next(named, next(index, None))
    if time is not None:
        roles["time"] = time
    if missing := [role for role in ("time", *PRICE_NAMES) if role not in roles]:
        raise ImportRejected(f"{path.name} has no column for {', '.join(missing)}; it has {', '.join(schema.names)}")
    return roles


def _times(path: Path, column: pa.ChunkedArray) -> tuple[NDArray[np.int64], NDArray[np.bool_], bool]:
    """Epoch milliseconds, the rows that have any, and whether they are UTC."""
    kind, known = column.type, ~np.asarray(column.is_null().to_numpy())
    if pa.types.is_timestamp(kind):
        return _in_ms(column), known, kind.tz is not None
    if pa.types.is_integer(kind):
        column = column.cast(pa.string())
    if pa.types.is_string(column.type) or pa.types.is_large_string(column.type):
        texts = pa.concat_arrays(column.cast(pa.string()).fill_null("").chunks)
        layout = learn_layout(path.name, texts)
        wall_ms, known = parse_times(texts, layout)
        return wall_ms, known, layout.has_offset
    if pa.types.is_date(kind):
        raise ImportRejected(f"{path.name} has dates without a time of day; only M1 bars can be imported")
    raise ImportRejected(f"{path.name}: a time of type {kind} cannot be read")


def _in_ms(column: pa.ChunkedArray) -> NDArray[np.int64]:
    """Rounded up where the file is finer, so that a fraction of a second never passes for a whole minute."""
    unit = column.type.unit
    ticks = np.asarray(column.cast(pa.int64()).fill_null(0).to_numpy(), np.int64)
    return ticks * 1000 if unit == "s" else -(-ticks // _TICKS_PER_MS[unit])


def _numbers(path: Path, table: pa.Table, name: str) -> NDArray[Any]:
    column = table.column(name)
    if pa.types.is_decimal(column.type):
        column = column.cast(pa.string())  # Arrow's own way from decimal to float is off by a bit
    try:
        return np.asarray(column.cast(pa.float64(), safe=False).fill_null(np.nan).to_numpy())
    except pa.ArrowException as error:
        raise ImportRejected(f"{path.name}: {name} of type {column.type} holds no numbers") from error


def _notes(schema: pa.Schema, roles: dict[str, str]) -> tuple[str, ...]:
    coarse = [roles[role] for role in PRICE_NAMES if schema.field(roles[role]).type == pa.float32()]
    if not coarse:
        return ()
    return (f"{', '.join(coarse)}: 32-bit floats, accurate to seven digits only",)
