"""Full-resolution results as Parquet files, and what charts draw as JSON, one folder per run and attempt.

A worker that lost its lease may still be writing: it writes to the folder of its own attempt, which nobody reads.
"""

import os
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import IO, Any

import numpy as np
import orjson
import pyarrow as pa
import pyarrow.parquet as pq
from django.conf import settings
from numpy.typing import NDArray

from analysis.engine import BacktestResult
from analysis.engine.trades import COLUMNS
from bots.models import BacktestRun, Lease


def backtest_folder(run: BacktestRun) -> Path:
    """Where the artifacts of a completed run are."""
    return _folder(str(run.pk), run.attempt)


def store_backtest(lease: Lease, result: BacktestResult) -> None:
    """Write equity.parquet, trades.parquet and overlays.json. Raises OSError, for example when the disk is full."""
    folder = _folder(str(lease.run_id), lease.attempt)
    folder.mkdir(parents=True, exist_ok=True)
    time = pa.array(result.equity_time, pa.timestamp("ms", tz="UTC"))
    _write_table(folder / "equity.parquet", pa.table({"time": time, "equity": result.equity}))
    columns = {name: getattr(result.trades, name) for name in COLUMNS}
    _write_table(folder / "trades.parquet", pa.table(columns))
    _write(folder / "overlays.json", lambda file: file.write(orjson.dumps(result.overlays)))


def read_equity(run: BacktestRun, start: datetime, end: datetime) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """Times (epoch ms) and equity of a completed run from `start` to `end`, both included.

    Raises FileNotFoundError when its artifacts were cleared.
    """
    first, last = (pa.scalar(int(moment.timestamp() * 1000), pa.timestamp("ms", tz="UTC")) for moment in (start, end))
    table = pq.read_table(
        backtest_folder(run) / "equity.parquet",
        filters=[("time", ">=", first), ("time", "<=", last)],
        partitioning=None,
        use_threads=False,
    )
    return table["time"].cast(pa.int64()).to_numpy(), table["equity"].to_numpy()


def read_trades(run: BacktestRun) -> list[dict[str, Any]]:
    """The trades of a completed run as `Trades.rows()` gave them. Raises FileNotFoundError when its artifacts were
    cleared."""
    table = pq.read_table(backtest_folder(run) / "trades.parquet", partitioning=None, use_threads=False)
    rows: list[dict[str, Any]] = table.to_pylist()
    return [{name: None if value != value else value for name, value in row.items()} for row in rows]  # NaN is None


def read_overlays(run: BacktestRun) -> dict[str, Any]:
    """What charts of a completed run draw, by symbol. Raises FileNotFoundError when its artifacts were cleared."""
    overlays: dict[str, Any] = orjson.loads((backtest_folder(run) / "overlays.json").read_bytes())
    return overlays


def _folder(run_id: str, attempt: int) -> Path:
    return Path(settings.ARTIFACT_ROOT) / "backtests" / run_id / str(attempt)


def _write_table(path: Path, table: pa.Table) -> None:
    """Encoded by kind of column: half the size and a quarter of the time of the same encoding for all."""
    encodings = {field.name: encoding for field in table.schema if (encoding := _encoding(field.type))}
    texts = [name for name in table.schema.names if name not in encodings]
    how = {"compression": "zstd", "use_dictionary": texts, "column_encoding": encodings}
    _write(path, lambda file: pq.write_table(table, file, **how))


def _encoding(kind: pa.DataType) -> str | None:
    if pa.types.is_floating(kind):
        return "BYTE_STREAM_SPLIT"
    if pa.types.is_integer(kind) or pa.types.is_timestamp(kind):
        return "DELTA_BINARY_PACKED"
    return None


def _write(path: Path, fill: Callable[[IO[bytes]], object]) -> None:
    """All of the file or none of it."""
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        fill(file)
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
