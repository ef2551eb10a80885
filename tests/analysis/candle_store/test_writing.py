"""Whole files or nothing: crashes, two writers, readers in between."""

import os
import signal
import subprocess
import sys
import threading
import time
from pathlib import Path

import pyarrow.parquet as pq
import pytest

from analysis.candle_store.layout import symbol_dir
from analysis.candle_store.writing import writer_lock
from analysis.errors import ImportRejected
from analysis.utils.data_processor import load_m1_candles, merge_m1
from tests.analysis.series import START, candles

PROJECT = Path(__file__).resolve().parents[3]


def files(root: Path) -> list[str]:
    return sorted(path.name for path in root.rglob("*") if path.is_file())


def test_a_month_is_a_row_group_and_the_file_is_small(tmp_path):
    merge_m1(candles(90 * 1440), data_root=tmp_path)
    (path,) = tmp_path.rglob("year=*.parquet")
    metadata = pq.ParquetFile(path).metadata
    january, february, march = (24 * 1440, 29 * 1440, 31 * 1440)
    rows = [metadata.row_group(i).num_rows for i in range(metadata.num_row_groups)]
    assert rows == [january, february, march, 90 * 1440 - january - february - march]
    assert {metadata.row_group(0).column(i).compression for i in range(metadata.num_columns)} == {"ZSTD"}


def test_a_failed_write_leaves_the_store_as_it_was(tmp_path, monkeypatch):
    merge_m1(candles(100), data_root=tmp_path)
    before = load_m1_candles("EURUSD", data_root=tmp_path).fingerprint()

    def full(descriptor: int) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("analysis.candle_store.writing.os.fsync", full)
    with pytest.raises(OSError, match="No space"):
        merge_m1(candles(500), data_root=tmp_path)
    assert load_m1_candles("EURUSD", data_root=tmp_path).fingerprint() == before
    assert files(tmp_path) == [".lock", "year=2024.parquet"]


def test_no_year_is_replaced_before_all_are_complete(tmp_path, monkeypatch):
    from analysis.candle_store import writing

    real, calls = writing._write_file, []

    def second_fails(path: Path, columns: object) -> None:
        calls.append(path.name)
        if len(calls) == 2:
            raise OSError("gone")
        real(path, columns)

    monkeypatch.setattr(writing, "_write_file", second_fails)
    with pytest.raises(OSError, match="gone"):
        merge_m1(candles(400 * 1440), data_root=tmp_path)
    assert files(tmp_path) == [".lock"]


def test_two_writers_do_not_write_at_once(tmp_path):
    folder = symbol_dir(tmp_path, "EURUSD")
    with (
        writer_lock(folder),
        pytest.raises(ImportRejected, match="Another import writes"),
        writer_lock(folder, wait_s=0.1),
    ):
        pytest.fail("the lock was given twice")


def test_a_writer_waits_for_the_other(tmp_path):
    folder, entered = symbol_dir(tmp_path, "EURUSD"), []
    with writer_lock(folder):
        other = threading.Thread(target=lambda: entered.append(merge_m1(candles(10), data_root=tmp_path).added))
        other.start()
        time.sleep(0.2)
        assert entered == []
    other.join(10)
    assert entered == [10]


def test_different_symbols_have_different_locks(tmp_path):
    with writer_lock(symbol_dir(tmp_path, "EURUSD")):
        assert merge_m1(candles(10, symbol="GBPUSD"), data_root=tmp_path).added == 10


def test_concurrent_imports_lose_nothing(tmp_path):
    parts = [candles(100, start=START.replace(hour=hour)) for hour in range(0, 20, 2)]
    threads = [threading.Thread(target=merge_m1, args=(part,), kwargs={"data_root": tmp_path}) for part in parts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(load_m1_candles("EURUSD", data_root=tmp_path)) == 1000


def test_leftovers_of_a_dead_writer_are_ignored_by_readers_and_removed_by_the_next_writer(tmp_path):
    merge_m1(candles(100), data_root=tmp_path)
    leftover = symbol_dir(tmp_path, "EURUSD") / ".year=2024.parquet.0011aabb.tmp"
    leftover.write_bytes(b"half a file")
    assert len(load_m1_candles("EURUSD", data_root=tmp_path)) == 100
    merge_m1(candles(101), data_root=tmp_path)
    assert files(tmp_path) == [".lock", "year=2024.parquet"]


_KILLED = """
import os, signal, sys
from pathlib import Path
from analysis.candle_store import writing
from analysis.utils.data_processor import merge_m1
from tests.analysis.series import candles
real = writing._write_file
def dies(path, columns):
    real(path, columns)
    os.kill(os.getpid(), signal.SIGKILL)
writing._write_file = dies
merge_m1(candles(500), data_root=Path(sys.argv[1]))
"""


@pytest.mark.skipif(os.name != "posix", reason="SIGKILL")
def test_a_writer_killed_before_the_rename_leaves_the_old_file_and_no_lock(tmp_path):
    merge_m1(candles(100), data_root=tmp_path)
    done = subprocess.run([sys.executable, "-c", _KILLED, str(tmp_path)], cwd=PROJECT, check=False)
    assert done.returncode == -signal.SIGKILL
    assert len(load_m1_candles("EURUSD", data_root=tmp_path)) == 100
    assert merge_m1(candles(500), data_root=tmp_path).added == 400
    assert files(tmp_path) == [".lock", "year=2024.parquet"]


def test_a_reader_sees_the_old_year_or_the_new_one_never_half_of_one(tmp_path):
    small, large = candles(2000), candles(60_000)
    valid = {small.fingerprint(), large.fingerprint()}
    merge_m1(small, data_root=tmp_path)
    seen, stop = set(), threading.Event()

    def read() -> None:
        while not stop.is_set():
            seen.add(load_m1_candles("EURUSD", data_root=tmp_path).fingerprint())

    reader = threading.Thread(target=read)
    reader.start()
    merge_m1(large, data_root=tmp_path)
    time.sleep(0.2)
    stop.set()
    reader.join(10)
    assert seen <= valid
    assert large.fingerprint() in seen
