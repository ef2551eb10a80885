import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from analysis.errors import ImportRejected
from analysis.importing.clocks import from_utc, parse_clock
from analysis.importing.importer import ImportOptions, read_source
from tests.analysis.series import candles

SERIES = candles(300)


def write(folder, frame: pd.DataFrame, **options):
    path = folder / "x.parquet"
    frame.to_parquet(path, **options)
    return path


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
def test_the_time_may_be_the_index_in_any_unit(tmp_path, unit):
    frame = SERIES.to_frame()
    read, report = read_source(write(tmp_path, frame.set_axis(frame.index.as_unit(unit))), "EURUSD")
    assert read.fingerprint() == SERIES.fingerprint()
    assert (report.format, report.rows, report.time_zone) == ("parquet", 300, "UTC")


@pytest.mark.parametrize("name", ["time", "Timestamp", "datetime", "date"])
def test_the_time_may_be_a_column(tmp_path, name):
    frame = SERIES.to_frame().rename_axis(name).reset_index().rename(columns={"open": "Open", "tick_volume": "Volume"})
    read, _ = read_source(write(tmp_path, frame), "EURUSD")
    assert read.fingerprint() == SERIES.fingerprint()


def test_an_index_without_a_name_is_found(tmp_path):
    read, _ = read_source(write(tmp_path, SERIES.to_frame().rename_axis(None)), "EURUSD")
    assert read.fingerprint() == SERIES.fingerprint()


def test_another_time_zone_is_turned_into_utc(tmp_path):
    read, _ = read_source(write(tmp_path, SERIES.to_frame().tz_convert("Asia/Tokyo")), "EURUSD")
    assert read.fingerprint() == SERIES.fingerprint()


def test_epoch_numbers_and_texts_are_read(tmp_path):
    frame = SERIES.to_frame().reset_index()
    numbers = frame.assign(time=SERIES.time // 1000)
    texts = frame.assign(time=frame["time"].dt.strftime("%Y-%m-%d %H:%M:%S"))
    for source in (numbers, texts):
        read, _ = read_source(write(tmp_path, source), "EURUSD")
        assert read.fingerprint() == SERIES.fingerprint()


def test_naive_times_need_a_time_zone_or_are_utc_by_a_note(tmp_path):
    wall = from_utc(SERIES.time, parse_clock("NYCLOSE")).astype("datetime64[ms]")
    path = write(tmp_path, SERIES.to_frame().set_axis(pd.DatetimeIndex(wall, name="time")))
    read, report = read_source(path, "EURUSD", ImportOptions(timezone="NYCLOSE"))
    assert read.fingerprint() == SERIES.fingerprint()
    assert report.time_zone == "NYCLOSE"
    _, silent = read_source(path, "EURUSD")
    assert any("taken as UTC" in note for note in silent.notes)


def test_a_time_zone_for_times_that_have_one_is_refused(tmp_path):
    with pytest.raises(ImportRejected, match="states its time zone itself"):
        read_source(write(tmp_path, SERIES.to_frame()), "EURUSD", ImportOptions(timezone="EET"))


def test_missing_and_wrong_values_are_refused_by_row(tmp_path):
    frame = SERIES.to_frame().astype({"spread": "float64", "tick_volume": "float64"}).reset_index()
    frame.loc[3, "close"] = np.nan
    frame.loc[4, "high"] = 0.5
    frame.loc[5, "spread"] = np.nan
    frame.loc[6, "tick_volume"] = np.nan
    frame.loc[7, "time"] = pd.NaT
    read, report = read_source(write(tmp_path, frame), "EURUSD")
    assert report.refused == {"unreadable_time": 1, "not_finite": 1, "bad_ohlc": 1}
    assert report.examples["not_finite"][0].line == 4
    assert report.examples["unreadable_time"][0].line == 8
    assert (report.rows, len(read)) == (300, 297)
    assert (read.spread[3], read.tick_volume[4]) == (-1, 0)


def test_a_time_a_hair_after_the_minute_is_no_whole_minute(tmp_path):
    frame = SERIES.to_frame()
    index = frame.index.as_unit("ns").to_series()
    index.iloc[10] += pd.Timedelta(1, "ns")
    _, report = read_source(write(tmp_path, frame.set_axis(pd.DatetimeIndex(index, name="time"))), "EURUSD")
    assert report.refused == {"not_a_whole_minute": 1}


def test_prices_of_32_bits_are_pointed_out(tmp_path):
    frame = SERIES.to_frame().astype({"open": "float32", "high": "float32", "low": "float32", "close": "float32"})
    _, report = read_source(write(tmp_path, frame), "EURUSD")
    assert any("32-bit" in note for note in report.notes)


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        (lambda frame: frame.drop(columns="low"), "no column for low"),
        (lambda frame: frame.drop(columns="time"), "no column for time"),
        (lambda frame: frame.iloc[:0], "no rows"),
        (lambda frame: frame.assign(close="a"), "holds no numbers"),
        (lambda frame: frame.assign(time=frame["time"].dt.date), "dates without a time of day"),
        (lambda frame: frame.assign(time=1.5), "cannot be read"),
        (lambda frame: frame.rename(columns={"open": "bid", "high": "ask"}), "ticks"),
    ],
)
def test_a_file_that_holds_no_bars_is_refused(tmp_path, change, reason):
    with pytest.raises(ImportRejected, match=reason):
        read_source(write(tmp_path, change(SERIES.to_frame().reset_index())), "EURUSD")


def test_a_truncated_file_is_refused(tmp_path):
    path = write(tmp_path, SERIES.to_frame())
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ImportRejected, match="damaged"):
        read_source(path, "EURUSD")


def test_a_file_that_claims_more_rows_than_a_century_has_minutes_is_refused_unread(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.importing.parquet.MAX_ROWS", 299)
    with pytest.raises(ImportRejected, match="more than 299 rows"):
        read_source(write(tmp_path, SERIES.to_frame()), "EURUSD")


def test_large_strings_and_decimals_are_read(tmp_path):
    table = pa.Table.from_pandas(
        SERIES.to_frame().reset_index().assign(time=SERIES.to_frame().index.strftime("%Y-%m-%d %H:%M"))
    )
    table = table.set_column(0, "time", table.column("time").cast(pa.large_string()))
    position = table.schema.get_field_index("open")
    table = table.set_column(position, "open", table.column("open").cast(pa.decimal128(10, 5), safe=False))
    pq.write_table(table, tmp_path / "x.parquet")
    read, _ = read_source(tmp_path / "x.parquet", "EURUSD")
    assert read.open.tolist() == SERIES.open.tolist()
    assert read.time.tolist() == SERIES.time.tolist()
