import gc
import tracemalloc
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import psutil
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.candle_store.layout import SCHEMA
from analysis.errors import CorruptCandles, NoCandles
from analysis.importing.demo_data import make_demo_candles
from analysis.utils.data_processor import load_m1_candles, load_m1_data_from_parquet, merge_m1
from tests.analysis.series import START, at, candles, without_extras

MINUTE = timedelta(minutes=1)


@pytest.fixture(scope="module")
def year(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("year")
    series = make_demo_candles(
        "EURUSD", start=datetime(2024, 1, 1, tzinfo=UTC), end=datetime(2025, 1, 1, tzinfo=UTC), seed=1
    )
    merge_m1(series, data_root=root)
    return root


def test_a_window_is_half_open(tmp_path):
    merge_m1(candles(100), data_root=tmp_path)
    read = load_m1_candles("EURUSD", START + 10 * MINUTE, START + 13 * MINUTE, data_root=tmp_path)
    assert read.fingerprint() == candles(3, start=START + 10 * MINUTE).fingerprint()


def test_seconds_of_a_bound_are_not_lost(tmp_path):
    merge_m1(candles(100), data_root=tmp_path)
    hair = timedelta(microseconds=1)
    read = load_m1_candles("EURUSD", START + hair, START + 2 * MINUTE + hair, data_root=tmp_path)
    assert read.fingerprint() == candles(2, start=START + MINUTE).fingerprint()


def test_a_bound_in_another_zone_is_the_same_moment(tmp_path):
    merge_m1(candles(100), data_root=tmp_path)
    east = timezone(timedelta(hours=2))
    read = load_m1_candles("EURUSD", (START + MINUTE).astimezone(east), None, data_root=tmp_path)
    assert len(read) == 99


def test_a_bound_without_a_zone_is_a_mistake(tmp_path):
    merge_m1(candles(100), data_root=tmp_path)
    with pytest.raises(ValueError, match="no time zone"):
        load_m1_candles("EURUSD", START.replace(tzinfo=None), data_root=tmp_path)


def test_the_frame_has_the_shape_strategies_see(tmp_path):
    merge_m1(without_extras(candles(5)), data_root=tmp_path)
    frame = load_m1_data_from_parquet("EURUSD", data_root=tmp_path)
    pd.testing.assert_frame_equal(frame, without_extras(candles(5)).to_frame())
    assert frame["spread"].tolist() == [-1] * 5
    assert frame.dtypes.astype(str).to_dict() == {
        "open": "float64", "high": "float64", "low": "float64", "close": "float64", "tick_volume": "int64",
        "spread": "int32",
    }  # fmt: skip


def test_columns_can_be_chosen(tmp_path):
    merge_m1(candles(5), data_root=tmp_path)
    frame = load_m1_data_from_parquet("EURUSD", columns=["close", "open"], data_root=tmp_path)
    assert list(frame.columns) == ["close", "open"]
    with pytest.raises(ValueError, match="no column volume"):
        load_m1_data_from_parquet("EURUSD", columns=["volume"], data_root=tmp_path)


def test_windows_across_years_are_put_together(tmp_path):
    series = candles(3 * 1440, start=datetime(2023, 12, 31, tzinfo=UTC))
    merge_m1(series, data_root=tmp_path)
    assert load_m1_candles("EURUSD", data_root=tmp_path).fingerprint() == series.fingerprint()
    night = load_m1_candles(
        "EURUSD", datetime(2023, 12, 31, 23, 59, tzinfo=UTC), datetime(2024, 1, 1, 0, 1, tzinfo=UTC), data_root=tmp_path
    )
    assert len(night) == 2


def test_the_store_s_place_comes_from_the_environment_when_it_is_not_given(tmp_path, monkeypatch):
    merge_m1(candles(5), data_root=tmp_path)
    monkeypatch.setenv("MARKET_DATA_ROOT", str(tmp_path))
    assert len(load_m1_candles("EURUSD")) == 5
    monkeypatch.delenv("MARKET_DATA_ROOT")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(NoCandles):
        load_m1_candles("EURUSD")
    merge_m1(candles(7), data_root=Path("var/data"))
    assert len(load_m1_candles("EURUSD")) == 7


def test_an_unknown_symbol_names_those_there_are(tmp_path):
    merge_m1(candles(5), data_root=tmp_path)
    with pytest.raises(NoCandles, match="'GBPUSD'; symbols with candles: EURUSD"):
        load_m1_candles("GBPUSD", data_root=tmp_path)
    with pytest.raises(NoCandles, match="symbols with candles: none"):
        load_m1_candles("GBPUSD", data_root=tmp_path / "empty")


def test_an_empty_window_names_what_is_available(tmp_path):
    merge_m1(candles(5), data_root=tmp_path)
    with pytest.raises(NoCandles) as error:
        load_m1_candles(
            "EURUSD", datetime(2020, 1, 1, tzinfo=UTC), datetime(2020, 2, 1, tzinfo=UTC), data_root=tmp_path
        )
    assert error.value.message == (
        "There are no candles for EURUSD from 2020-01-01T00:00:00+00:00 to 2020-02-01T00:00:00+00:00; "
        "available are 2024-01-08T00:00:00+00:00 to 2024-01-08T00:04:00+00:00"
    )
    with pytest.raises(NoCandles):
        load_m1_candles("EURUSD", START, START, data_root=tmp_path)
    with pytest.raises(NoCandles):
        load_m1_candles("EURUSD", START + MINUTE, START, data_root=tmp_path)


@pytest.mark.parametrize("symbol", ["../../etc", "/etc/passwd", "", ".", "a/../EURUSD", "EURUSD\x00", "EURUSD\n"])
def test_a_name_that_is_no_symbol_never_becomes_a_path(tmp_path, symbol):
    merge_m1(candles(5), data_root=tmp_path)
    with pytest.raises(NoCandles, match="symbols with candles: EURUSD"):
        load_m1_candles(symbol, data_root=tmp_path)


# --- damaged files ---------------------------------------------------------------------------------------------


def rewrite(root: Path, change) -> Path:
    (path,) = root.rglob("year=*.parquet")
    pq.write_table(change(pq.read_table(path)), path)
    return path


def replaced(table: pa.Table, name: str, values) -> pa.Table:
    position = table.schema.get_field_index(name)
    return table.set_column(
        position, pa.field(name, table.schema.field(name).type), [pa.array(values, table.schema.field(name).type)]
    )


def with_value(name: str, value):
    def change(table: pa.Table) -> pa.Table:
        values = table.column(name).to_pylist()
        values[50] = value
        return replaced(table, name, values)

    return change


def naive(table: pa.Table) -> pa.Table:
    return table.set_column(0, "time", table.column("time").cast(pa.timestamp("ms")))


def in_athens(table: pa.Table) -> pa.Table:
    return table.set_column(0, "time", table.column("time").cast(pa.timestamp("ms", tz="Europe/Athens")))


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda t: t.drop_columns(["high"]), "wrong schema: high"),
        (lambda t: t.append_column("extra", t.column("open")), "wrong schema: extra"),
        (lambda t: t.set_column(1, "open", t.column("open").cast(pa.float32())), "wrong schema: open"),
        (naive, "wrong schema: time"),
        (in_athens, "wrong schema: time"),
        (lambda t: t.take(list(range(50, 100)) + list(range(50))), "unsorted"),
        (lambda t: t.take([*range(50), 49, *range(51, 100)]), "duplicated minute at 2024-01-08 00:49:00Z"),
        (with_value("close", float("nan")), "close is not a positive number at 2024-01-08 00:50:00Z"),
        (with_value("close", None), "1 values of close are missing"),
        (with_value("low", -1.0), "low is not a positive number"),
        (with_value("open", float("inf")), "open is not a positive number"),
        (with_value("high", 0.5), "high below open or close"),
        (with_value("low", 1.5), "low above open or close"),
        (with_value("spread", -7), "negative spread"),
        (with_value("tick_volume", -7), "negative tick volume"),
        (with_value("time", START + 50 * MINUTE + timedelta(seconds=1)), "not a whole minute"),
        (with_value("time", datetime(2025, 1, 1, tzinfo=UTC)), "another year"),
    ],
)
def test_a_file_that_breaks_a_rule_is_corrupt_and_named_with_the_reason(tmp_path, change, reason):
    merge_m1(candles(100), data_root=tmp_path)
    path = rewrite(tmp_path, change)
    with pytest.raises(CorruptCandles, match=reason) as error:
        load_m1_candles("EURUSD", data_root=tmp_path)
    assert str(path) in error.value.message


def test_row_groups_out_of_order_are_corrupt(tmp_path):
    merge_m1(candles(100), data_root=tmp_path)
    (path,) = tmp_path.rglob("year=*.parquet")
    table = pq.read_table(path)
    with pq.ParquetWriter(path, SCHEMA) as writer:
        writer.write_table(table.slice(50).cast(SCHEMA))
        writer.write_table(table.slice(0, 50).cast(SCHEMA))
    with pytest.raises(CorruptCandles, match="unsorted: row group 1"):
        load_m1_candles("EURUSD", START, START + MINUTE, data_root=tmp_path)


@pytest.mark.parametrize("keep", [0, 3, 50, -1, -8])
def test_a_truncated_file_is_corrupt(tmp_path, keep):
    merge_m1(candles(100), data_root=tmp_path)
    (path,) = tmp_path.rglob("year=*.parquet")
    path.write_bytes(path.read_bytes()[:keep])
    with pytest.raises(CorruptCandles, match="damaged or truncated"):
        load_m1_candles("EURUSD", data_root=tmp_path)


def test_garbage_in_the_middle_of_a_file_is_corrupt(tmp_path):
    merge_m1(candles(20_000), data_root=tmp_path)
    (path,) = tmp_path.rglob("year=*.parquet")
    content = bytearray(path.read_bytes())
    content[200:2000] = b"\xff" * 1800
    path.write_bytes(content)
    with pytest.raises(CorruptCandles):
        load_m1_candles("EURUSD", data_root=tmp_path)


# --- reading little --------------------------------------------------------------------------------------------


class Watched:
    """Which row groups and columns are asked of Parquet files."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.groups: list[int] = []
        self.columns: set[str] = set()
        real = pq.ParquetFile.read_row_group

        def read(file, group, columns=None, **options):
            self.groups.append(group)
            self.columns |= set(columns)
            return real(file, group, columns=columns, **options)

        monkeypatch.setattr(pq.ParquetFile, "read_row_group", read)


def test_a_week_reads_the_row_group_of_its_month_only(year, monkeypatch):
    watched = Watched(monkeypatch)
    load_m1_candles("EURUSD", datetime(2024, 6, 3, tzinfo=UTC), datetime(2024, 6, 10, tzinfo=UTC), data_root=year)
    assert watched.groups == [5]
    load_m1_candles("EURUSD", datetime(2024, 6, 28, tzinfo=UTC), datetime(2024, 7, 2, tzinfo=UTC), data_root=year)
    assert watched.groups == [5, 5, 6]


def test_the_end_of_a_month_does_not_touch_the_next(year, monkeypatch):
    watched = Watched(monkeypatch)
    load_m1_candles("EURUSD", datetime(2024, 6, 3, tzinfo=UTC), datetime(2024, 7, 1, tzinfo=UTC), data_root=year)
    assert watched.groups == [5]


def test_only_the_columns_asked_for_are_read(year, monkeypatch):
    watched = Watched(monkeypatch)
    load_m1_data_from_parquet("EURUSD", columns=["close"], data_root=year)
    assert watched.columns == {"time", "close"}
    assert len(watched.groups) == 12


def test_a_week_reads_a_fraction_of_the_bytes(year):
    (path,) = year.rglob("year=*.parquet")
    process = psutil.Process()
    before = process.io_counters().read_chars
    load_m1_candles("EURUSD", datetime(2024, 6, 3, tzinfo=UTC), datetime(2024, 6, 10, tzinfo=UTC), data_root=year)
    assert process.io_counters().read_chars - before < path.stat().st_size / 6


def test_a_year_costs_little_more_memory_than_its_columns(year):
    load_m1_candles("EURUSD", data_root=year)
    gc.collect()
    arrow_before = pa.total_allocated_bytes()
    tracemalloc.start()
    series = load_m1_candles("EURUSD", data_root=year)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    columns = sum(getattr(series, name).nbytes for name in type(series).__dataclass_fields__ if name != "symbol")
    assert columns == 52 * len(series)
    assert peak < 1.3 * columns
    assert pa.total_allocated_bytes() - arrow_before < columns / 12


def test_a_short_window_does_not_keep_its_month_alive(year):
    series = load_m1_candles(
        "EURUSD", datetime(2024, 6, 3, tzinfo=UTC), datetime(2024, 6, 4, tzinfo=UTC), data_root=year
    )
    assert series.close.base is None


# --- property --------------------------------------------------------------------------------------------------


@settings(max_examples=50, deadline=None)
@given(
    minutes=st.sets(st.integers(0, 100_000), min_size=1, max_size=200),
    low=st.integers(-10, 100_010),
    length=st.integers(1, 100_000),
)
def test_any_window_holds_exactly_the_minutes_inside_it(tmp_path_factory, minutes, low, length):
    root = tmp_path_factory.mktemp("store")
    first = datetime(2023, 11, 20, tzinfo=UTC)
    series = at(int(first.timestamp() * 1000) + np.array(sorted(minutes)) * 60_000)
    merge_m1(series, data_root=root)
    inside = [minute for minute in sorted(minutes) if low <= minute < low + length]
    start, end = first + low * MINUTE, first + (low + length) * MINUTE
    if not inside:
        with pytest.raises(NoCandles):
            load_m1_candles("EURUSD", start, end, data_root=root)
        return
    expected = at(int(first.timestamp() * 1000) + np.array(inside) * 60_000)
    assert load_m1_candles("EURUSD", start, end, data_root=root).fingerprint() == expected.fingerprint()
