import json
import logging
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from analysis.importing.importer import import_file
from analysis.utils.data_processor import available_symbols, list_datasets, merge_m1
from tests.analysis.series import START, candles, without_extras, write_csv


def import_csv(folder, root, series, symbol="EURUSD"):
    path = write_csv(folder / f"{symbol}.csv", series)
    return import_file(path, symbol, data_root=root, imported_at=START)


def test_an_empty_or_missing_store_has_nothing(tmp_path):
    assert available_symbols(tmp_path / "nowhere") == ()
    assert list_datasets(tmp_path) == []


def test_a_dataset_is_described_from_its_files(tmp_path):
    merge_m1(candles(120, start=datetime(2023, 12, 31, 23, 0, tzinfo=UTC)), data_root=tmp_path)
    merge_m1(without_extras(candles(5, symbol="AUDUSD")), data_root=tmp_path)
    audusd, eurusd = list_datasets(tmp_path)
    assert (audusd.symbol, audusd.rows, audusd.spread_recorded) == ("AUDUSD", 5, False)
    assert eurusd.symbol == "EURUSD"
    assert eurusd.rows == 120
    assert eurusd.first == datetime(2023, 12, 31, 23, 0, tzinfo=UTC)
    assert eurusd.last == eurusd.first + timedelta(minutes=119)
    assert eurusd.years == (2023, 2024)
    assert eurusd.size_bytes == sum(path.stat().st_size for path in tmp_path.glob("m1/symbol=EURUSD/year=*"))
    assert eurusd.spread_recorded
    assert eurusd.quality is None
    assert available_symbols(tmp_path) == ("AUDUSD", "EURUSD")


def test_a_spread_of_zero_throughout_counts_as_not_recorded(tmp_path):
    series = candles(10)
    series.spread[:] = 0
    merge_m1(series, data_root=tmp_path)
    assert not list_datasets(tmp_path)[0].spread_recorded


def test_the_quality_of_the_last_import_is_shown(tmp_path):
    time = candles(5 * 7 * 1440).time
    series = candles(5 * 7 * 1440)
    keep = np.delete(np.arange(len(time)), np.arange(1000, 1010))
    import_csv(tmp_path, tmp_path, type(series).from_frame("EURUSD", series.to_frame().iloc[keep]))
    quality = list_datasets(tmp_path)[0].quality
    assert (quality.gaps, quality.missing_minutes, quality.refused_rows, quality.conflicting_rows) == (1, 10, 0, 0)
    assert quality.coverage_percent == pytest.approx(100 * (len(time) - 10) / len(time), abs=0.001)


def test_candles_that_came_without_an_import_make_the_quality_unknown(tmp_path):
    import_csv(tmp_path, tmp_path, candles(100))
    assert list_datasets(tmp_path)[0].quality is not None
    merge_m1(candles(101), data_root=tmp_path)
    assert list_datasets(tmp_path)[0].quality is None


@pytest.mark.parametrize("content", ["", "{", "[]", '{"rows": 100}', json.dumps({"rows": 100, "summary": {"x": 1}})])
def test_a_quality_report_that_cannot_be_read_is_unknown(tmp_path, content):
    import_csv(tmp_path, tmp_path, candles(100))
    next(tmp_path.rglob("quality.json")).write_text(content)
    assert list_datasets(tmp_path)[0].quality is None
    import_csv(tmp_path, tmp_path, candles(101))
    assert list_datasets(tmp_path)[0].quality is not None


def test_a_damaged_year_is_named_and_does_not_hide_the_others(tmp_path, caplog):
    merge_m1(candles(120, start=datetime(2023, 12, 31, 23, 0, tzinfo=UTC)), data_root=tmp_path)
    damaged = tmp_path / "m1" / "symbol=EURUSD" / "year=2024.parquet"
    damaged.write_bytes(damaged.read_bytes()[:100])
    with caplog.at_level(logging.WARNING):
        (info,) = list_datasets(tmp_path)
    assert (info.rows, info.years, info.damaged) == (60, (2023,), ("year=2024.parquet",))
    assert "year=2024.parquet" in caplog.text


def test_a_dataset_without_a_readable_file_is_left_out_and_logged(tmp_path, caplog):
    merge_m1(candles(10), data_root=tmp_path)
    next(tmp_path.rglob("year=*.parquet")).write_bytes(b"PAR1")
    with caplog.at_level(logging.WARNING):
        assert list_datasets(tmp_path) == []
    assert "damaged" in caplog.text


def test_strange_folders_are_no_datasets(tmp_path):
    for name in ("symbol=", "symbol=../x", "notes", "symbol=EMPTY"):
        (tmp_path / "m1" / name).mkdir(parents=True, exist_ok=True)
    merge_m1(candles(10), data_root=tmp_path)
    assert available_symbols(tmp_path) == ("EURUSD",)


def test_listing_reads_no_candles(tmp_path, monkeypatch):
    merge_m1(candles(100), data_root=tmp_path)

    def forbidden(*args: object, **kwargs: object) -> None:
        raise AssertionError("candles were read")

    monkeypatch.setattr("pyarrow.parquet.ParquetFile.read_row_group", forbidden)
    monkeypatch.setattr("pyarrow.parquet.ParquetFile.read", forbidden)
    assert list_datasets(tmp_path)[0].rows == 100
