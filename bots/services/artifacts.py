"""Full-resolution results as Parquet files, one folder per run and attempt.

A worker that lost its lease may still be writing: it writes to the folder of its own attempt, which nobody reads.
"""

import os
from datetime import datetime
from pathlib import Path

import numpy as np
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
    """Write equity.parquet and trades.parquet. Raises OSError, for example when the disk is full."""
    folder = _folder(str(lease.run_id), lease.attempt)
    folder.mkdir(parents=True, exist_ok=True)
    time = pa.array(result.equity_time, pa.timestamp("ms", tz="UTC"))
    _write(folder / "equity.parquet", pa.table({"time": time, "equity": result.equity}))
    columns = {name: getattr(result.trades, name) for name in COLUMNS}
    _write(folder / "trades.parquet", pa.table(columns))


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


def _folder(run_id: str, attempt: int) -> Path:
    return Path(settings.ARTIFACT_ROOT) / "backtests" / run_id / str(attempt)


def _write(path: Path, table: pa.Table) -> None:
    unfinished = path.with_suffix(".unfinished")
    with unfinished.open("wb") as file:
        pq.write_table(table, file, compression="zstd")
        file.flush()
        os.fsync(file.fileno())
    unfinished.rename(path)
