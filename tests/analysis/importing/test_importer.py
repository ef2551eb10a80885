"""From a file to the store and back."""

import json
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.candles import Candles
from analysis.errors import ImportRejected
from analysis.importing.clocks import from_utc, parse_clock
from analysis.importing.importer import ImportOptions, import_file
from analysis.utils.data_processor import MergeResult, list_datasets, load_m1_candles
from tests.analysis.series import START, at, candles, write_csv


def run(path: Path, root: Path, symbol: str = "EURUSD", **options):
    known = {name: options.pop(name) for name in ("format", "timezone", "ignore_spread") if name in options}
    return import_file(path, symbol, data_root=root, imported_at=START, options=ImportOptions(**known), **options)


def stored_quality(root: Path) -> dict:
    return json.loads(next(root.rglob("quality.json")).read_text())


def test_an_import_adds_candles_and_keeps_its_report(tmp_path):
    report = run(write_csv(tmp_path / "EURUSD.csv", candles(500)), tmp_path)
    assert report.merge == MergeResult(added=500)
    assert load_m1_candles("EURUSD", data_root=tmp_path).fingerprint() == candles(500).fingerprint()
    kept = stored_quality(tmp_path)
    assert kept["rows"] == 500
    assert kept["series"] == report.to_dict()["series"]
    (entry,) = kept["imports"]
    assert entry["imported_at"] == "2024-01-08T00:00:00+00:00"
    assert entry["source"]["file"] == "EURUSD.csv"
    assert entry["merge"]["added"] == 500


def test_the_report_is_plain_json_and_names_moments_in_utc(tmp_path):
    told = json.loads(json.dumps(run(write_csv(tmp_path / "x.csv", candles(500)), tmp_path).to_dict()))
    assert told["symbol"] == "EURUSD"
    assert told["source"]["first"] == "2024-01-08T00:00:00+00:00"
    assert told["source"]["last"] == "2024-01-08T08:19:00+00:00"
    assert told["series"]["spread"]["recorded"] == 500


def test_the_same_file_again_changes_nothing_and_is_not_counted_twice(tmp_path):
    path = write_csv(tmp_path / "x.csv", candles(500))
    path.write_text(path.read_text() + "2024-01-09 00:00:00,1,0.5,1,1,1,1,0\n")
    run(path, tmp_path)
    before = stored_quality(tmp_path)
    assert before["summary"]["refused_rows"] == 1
    assert run(path, tmp_path).merge == MergeResult(unchanged=500)
    assert stored_quality(tmp_path) == before


def test_each_import_is_remembered_with_what_it_did(tmp_path):
    run(write_csv(tmp_path / "a.csv", candles(500)), tmp_path)
    changed = candles(600)
    changed.close[3] = changed.open[3]
    report = run(write_csv(tmp_path / "b.csv", changed), tmp_path)
    assert report.merge.added == 100
    assert report.merge.conflicting == 1
    kept = stored_quality(tmp_path)
    assert [entry["source"]["file"] for entry in kept["imports"]] == ["a.csv", "b.csv"]
    assert kept["summary"]["conflicting_rows"] == 1
    assert list_datasets(tmp_path)[0].quality.conflicting_rows == 1


def test_the_quality_is_that_of_the_whole_dataset(tmp_path):
    run(write_csv(tmp_path / "a.csv", candles(100)), tmp_path)
    report = run(write_csv(tmp_path / "b.csv", candles(100, start=START.replace(hour=3))), tmp_path)
    assert (report.series.rows, report.series.gaps, report.series.missing_minutes) == (200, 1, 80)
    assert report.source.accepted == 100


def test_a_dry_run_reports_the_same_and_writes_nothing(tmp_path):
    path = write_csv(tmp_path / "x.csv", candles(500))
    trial = run(path, tmp_path / "store", dry_run=True)
    assert not (tmp_path / "store").exists()
    assert run(path, tmp_path / "store") == trial


def test_a_refused_file_writes_nothing(tmp_path):
    path = tmp_path / "x.csv"
    path.write_text("time,open\n2024-01-01 00:00,1\n")
    with pytest.raises(ImportRejected):
        run(path, tmp_path / "store")
    assert not (tmp_path / "store").exists()


def test_the_spread_can_be_left_out(tmp_path):
    series = candles(100)
    series.spread[:] = 0
    report = run(write_csv(tmp_path / "x.csv", series), tmp_path, ignore_spread=True)
    assert load_m1_candles("EURUSD", data_root=tmp_path).spread.tolist() == [-1] * 100
    assert not report.series.spread.zero_throughout


def test_overwriting_without_the_spread_takes_a_zero_spread_out_of_the_store(tmp_path):
    series = candles(100)
    series.spread[:] = 0
    path = write_csv(tmp_path / "x.csv", series)
    run(path, tmp_path)
    assert run(path, tmp_path, ignore_spread=True, overwrite=True).merge.overwritten == 100
    assert load_m1_candles("EURUSD", data_root=tmp_path).spread.tolist() == [-1] * 100


def test_progress_runs_to_the_end_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.importing.text_blocks._BLOCK_BYTES", 5000)
    path = write_csv(tmp_path / "x.csv", candles(500))
    seen: list[tuple[int, int]] = []
    run(path, tmp_path, on_progress=lambda done, total: seen.append((done, total)))
    size = path.stat().st_size
    assert seen[-1] == (size, size)
    assert [done for done, _ in seen] == sorted(done for done, _ in seen)
    assert len(seen) > 5


# --- properties ------------------------------------------------------------------------------------------------

PRICES = st.integers(1, 10**9)


@st.composite
def any_candles(draw: st.DrawFn) -> Candles:
    """Mostly consecutive minutes with any prices that have five digits."""
    count = draw(st.integers(3, 40))
    first = draw(st.integers(0, 60_000_000))
    steps = draw(st.lists(st.sampled_from([1, 1, 1, 1, 2, 60]), min_size=count, max_size=count).filter(
        lambda steps: steps[1:].count(1) > len(steps) // 2
    ))  # fmt: skip
    prices = np.sort(np.array(draw(st.lists(st.tuples(*[PRICES] * 4), min_size=count, max_size=count))) / 1e5, axis=1)
    swap = np.array(draw(st.lists(st.booleans(), min_size=count, max_size=count)))
    return Candles(
        symbol="EURUSD",
        time=(first + np.cumsum(steps)).astype(np.int64) * 60_000,
        open=np.where(swap, prices[:, 1], prices[:, 2]),
        high=prices[:, 3],
        low=prices[:, 0],
        close=np.where(swap, prices[:, 2], prices[:, 1]),
        tick_volume=np.array(draw(st.lists(st.integers(0, 2**40), min_size=count, max_size=count)), np.int64),
        spread=np.array(draw(st.lists(st.integers(-1, 2**31 - 1), min_size=count, max_size=count)), np.int32),
    )


@settings(max_examples=60, deadline=None)
@given(series=any_candles(), zone=st.sampled_from(["UTC", "UTC+3", "NYCLOSE", "EET"]), parquet=st.booleans())
def test_what_is_imported_is_what_is_loaded(tmp_path_factory, series, zone, parquet):
    root = tmp_path_factory.mktemp("store")
    if parquet:
        path = root / "x.parquet"
        series.to_frame().to_parquet(path)
        report = run(path, root)
    else:
        path = write_csv(root / "x.csv", series, wall_ms=from_utc(series.time, parse_clock(zone)))
        report = run(path, root, timezone=zone)
    refused = sum(report.source.refused.values())  # lone rows in a repeated hour cannot be told apart
    loaded = load_m1_candles("EURUSD", data_root=root)
    assert len(loaded) == len(series) - refused
    rows = np.isin(series.time, loaded.time)
    kept = Candles("EURUSD", **{n: getattr(series, n)[rows] for n in Candles.__dataclass_fields__ if n != "symbol"})
    assert loaded.fingerprint() == kept.fingerprint()


@settings(max_examples=25, deadline=None)
@given(
    cuts=st.lists(st.integers(3, 295), max_size=4), overlap=st.integers(0, 30), order=st.randoms(use_true_random=False)
)
def test_files_in_any_order_and_cut_make_the_same_dataset(tmp_path_factory, cuts, overlap, order):
    root = tmp_path_factory.mktemp("store")
    time = candles(300, start=datetime(2023, 12, 31, 22, 0, tzinfo=UTC)).time
    edges = [0, *sorted(set(cuts)), 300]
    pieces = [at(time[max(a - max(overlap, 3), 0) : b]) for a, b in zip(edges[:-1], edges[1:], strict=True)]
    order.shuffle(pieces)
    for number, piece in enumerate(pieces):
        run(write_csv(root / f"{number}.csv", piece), root)
    assert load_m1_candles("EURUSD", data_root=root).fingerprint() == at(time).fingerprint()
    quality = stored_quality(root)
    assert (quality["rows"], quality["series"]["gaps"]) == (300, 0)


# --- real data -------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("symbol", ["XAUUSD", "EURUSD", "GBPUSD"])
def test_real_parquet_is_loaded_as_it_is(sample_data, tmp_path, symbol):
    path = sample_data / "m1" / f"{symbol}.parquet"
    report = run(path, tmp_path, symbol)
    source = pd.read_parquet(path)
    assert report.source.refused == {}
    assert report.merge == MergeResult(added=len(source))
    expected = Candles.from_frame(symbol, source.set_index("time"))
    assert load_m1_candles(symbol, data_root=tmp_path).fingerprint() == expected.fingerprint()
    assert report.series.coverage_percent > 97
    assert report.series.spikes < 10


def test_the_real_metatrader_export_holds_the_candles_of_the_real_parquet(sample_data, tmp_path):
    run(sample_data / "csv" / "XAUUSD_M1_mt5_export.csv", tmp_path, "XAUUSD")
    report = run(sample_data / "m1" / "XAUUSD.parquet", tmp_path, "XAUUSD")
    assert report.merge == MergeResult(unchanged=63_230)


def test_real_bid_candles_without_spread_gain_it_from_the_real_parquet(sample_data, tmp_path):
    first = run(sample_data / "csv" / "GBPUSD_M1_bid.csv", tmp_path, "GBPUSD")
    assert first.series.spread.recorded == 0
    second = run(sample_data / "m1" / "GBPUSD.parquet", tmp_path, "GBPUSD")
    assert second.merge == MergeResult(added=25_117, completed=5_000)
    assert second.series.spread.recorded == 30_117


def test_a_real_spread_of_zero_throughout_is_pointed_out(sample_data, tmp_path):
    report = run(sample_data / "m1" / "EURUSD.parquet", tmp_path, "EURUSD")
    assert report.series.spread.zero_throughout
    assert not list_datasets(tmp_path)[0].spread_recorded


def test_real_hourly_candles_are_refused(sample_data, tmp_path):
    with pytest.raises(ImportRejected, match="H1 bars .60 minutes apart.; only M1"):
        run(sample_data / "h1" / "XAUUSD.parquet", tmp_path, "XAUUSD")
