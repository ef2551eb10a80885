"""Writing years of candles: one writer per symbol, whole files or nothing."""

import contextlib
import os
import secrets
import sys
import time
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import IO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from analysis.candle_store.layout import SCHEMA, partition_path
from analysis.candle_store.reading import Columns
from analysis.candles import SPREAD_NOT_RECORDED
from analysis.errors import ImportRejected

if sys.platform == "win32":
    import msvcrt

    def _take(lock: IO[str]) -> None:
        msvcrt.locking(lock.fileno(), msvcrt.LK_NBLCK, 1)

    def _sync_folder(folder: Path) -> None:
        """Windows has no such thing; the rename is durable with the file system's journal."""
else:
    import fcntl

    def _take(lock: IO[str]) -> None:
        fcntl.flock(lock.fileno(), fcntl.LOCK_EX | fcntl.LOCK_NB)

    def _sync_folder(folder: Path) -> None:
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


@contextlib.contextmanager
def writer_lock(folder: Path, *, wait_s: float = 30.0) -> Iterator[None]:
    """Hold a dataset for writing; the operating system lets go when the process dies.

    Leftovers of a writer that died are removed. Raises ImportRejected when another writer holds it for
    `wait_s`.
    """
    folder.mkdir(parents=True, exist_ok=True)
    with (folder / ".lock").open("a") as lock:
        deadline = time.monotonic() + wait_s
        while not _taken(lock):
            if time.monotonic() >= deadline:
                raise ImportRejected(f"Another import writes to {folder.name}; try again when it is done")
            time.sleep(0.05)
        for leftover in folder.glob(".*.tmp"):
            leftover.unlink(missing_ok=True)
        yield


def _taken(lock: IO[str]) -> bool:
    try:
        _take(lock)
    except OSError:
        return False
    return True


def write_partitions(folder: Path, years: Mapping[int, Columns]) -> None:
    """Replace the files of these years; the writer lock must be held.

    All new files are complete on disk before the first one takes its place, each by a rename: a reader sees
    the old year or the new one, and a crash leaves whole files that the same import completes.
    """
    staged: list[tuple[Path, Path]] = []
    try:
        for year, columns in years.items():
            path = partition_path(folder, year)
            temporary = _temporary(path)
            staged.append((temporary, path))
            _write_file(temporary, columns)
        for temporary, path in staged:
            temporary.replace(path)
    finally:
        for temporary, _ in staged:
            temporary.unlink(missing_ok=True)
    _sync_folder(folder)


def write_text(path: Path, text: str) -> None:
    """Replace a small text file by a rename."""
    temporary = _temporary(path)
    try:
        with temporary.open("w", encoding="utf-8") as file:
            file.write(text)
            file.flush()
            os.fsync(file.fileno())
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _temporary(path: Path) -> Path:
    return path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")


def _write_file(path: Path, columns: Columns) -> None:
    table = _table(columns)
    with path.open("wb") as file:
        with pq.ParquetWriter(
            file, SCHEMA, compression="zstd", column_encoding={"time": "DELTA_BINARY_PACKED"},
            use_dictionary=[name for name in SCHEMA.names if name != "time"], write_page_index=True,
        ) as writer:  # fmt: skip
            for start, stop in _months(columns):
                writer.write_table(table.slice(start, stop - start), row_group_size=stop - start)
        file.flush()
        os.fsync(file.fileno())


def _table(columns: Columns) -> pa.Table:
    arrays = {name: pa.array(columns[name]) for name in SCHEMA.names if name not in ("time", "spread")}
    arrays["time"] = pa.array(columns["time"].astype("datetime64[ms]"), SCHEMA.field("time").type)
    arrays["spread"] = pa.array(columns["spread"], mask=columns["spread"] == SPREAD_NOT_RECORDED)
    return pa.Table.from_arrays([arrays[name] for name in SCHEMA.names], schema=SCHEMA)


def _months(columns: Columns) -> Iterator[tuple[int, int]]:
    """The rows of each calendar month: one row group each."""
    month = columns["time"].astype("datetime64[ms]").astype("datetime64[M]")
    starts = np.flatnonzero(np.diff(month.astype(np.int64), prepend=-1))
    yield from zip(starts.tolist(), [*starts[1:].tolist(), len(month)], strict=True)
