"""The two commands, without a database."""

import io
import json
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.management import CommandError, call_command

from analysis.utils.data_processor import available_symbols, list_datasets, load_m1_candles
from tests.analysis.series import candles, write_csv

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture
def store(tmp_path: Path, settings) -> Path:
    settings.MARKET_DATA_ROOT = tmp_path / "store"
    return tmp_path / "store"


def run(*args: str, **options: object) -> str:
    out = io.StringIO()
    call_command(*args, stdout=out, **options)
    return out.getvalue()


def csv(folder: Path, name: str = "EURUSD_M1_export.csv", count: int = 500) -> str:
    return str(write_csv(folder / name, candles(count)))


def test_a_file_whose_name_tells_the_symbol_is_imported_with_a_report(tmp_path, store):
    told = run("import_m1", csv(tmp_path))
    assert load_m1_candles("EURUSD", data_root=store).fingerprint() == candles(500).fingerprint()
    assert "500 read, 500 accepted" in told
    assert "500 added" in told
    assert "taken as UTC" in " ".join(told.split())


def test_the_symbol_may_come_before_several_files(tmp_path, store):
    run("import_m1", "US500.x", csv(tmp_path, "a.csv", 500), csv(tmp_path, "b.csv", 700))
    assert available_symbols(store) == ("US500.x",)
    assert list_datasets(store)[0].rows == 700


def test_a_file_that_does_not_tell_its_symbol_is_refused(tmp_path, store):
    with pytest.raises(CommandError, match="does not tell its symbol"):
        run("import_m1", csv(tmp_path, "prices.csv"))
    assert available_symbols(store) == ()


@pytest.mark.parametrize("symbol", ["../EURUSD", "EUR USD", "nowhere/EURUSD.csv"])
def test_a_first_word_that_is_neither_symbol_nor_file_is_refused(tmp_path, store, symbol):
    with pytest.raises(CommandError, match="neither a file nor a symbol"):
        run("import_m1", symbol, csv(tmp_path))


def test_a_missing_file_is_refused(store):
    with pytest.raises(CommandError, match="There is no file"):
        run("import_m1", "EURUSD", "nowhere.csv")


def test_a_refused_file_does_not_stop_the_others(tmp_path, store):
    bad = tmp_path / "EURUSD_M1_bad.csv"
    bad.write_text("nothing of use\n")
    with pytest.raises(CommandError, match=r"EURUSD_M1_bad\.csv"):
        run("import_m1", str(bad), csv(tmp_path))
    assert list_datasets(store)[0].rows == 500


def test_bad_rows_are_listed_with_line_and_reason(tmp_path, store):
    path = Path(csv(tmp_path))
    path.write_text(path.read_text() + "2024-01-09 00:00:00,1.1,1.0,1.2,1.1,5,5,0\n")
    told = " ".join(run("import_m1", str(path)).split())
    assert "1 bad ohlc" in told
    assert "502" in told
    assert "high 1.0" in told


def test_json_holds_the_whole_report(tmp_path, store):
    (report,) = json.loads(run("import_m1", csv(tmp_path), json=True))
    assert report["symbol"] == "EURUSD"
    assert report["merge"]["added"] == 500
    assert report["source"]["format"] == "mt5"
    assert report["series"]["rows"] == 500


def test_json_tells_of_refused_files_too(tmp_path, store):
    out = io.StringIO()
    with pytest.raises(CommandError):
        call_command("import_m1", "EURUSD", str(tmp_path / "nothing.csv"), csv(tmp_path), json=True, stdout=out)
    refused, imported = json.loads(out.getvalue())
    assert "no file" in refused["error"]
    assert imported["merge"]["added"] == 500


def test_a_dry_run_writes_nothing(tmp_path, store):
    assert "nothing was written" in run("import_m1", csv(tmp_path), dry_run=True)
    assert not store.exists()


def test_the_time_zone_is_used(tmp_path, store):
    run("import_m1", csv(tmp_path), timezone="UTC+2")
    assert load_m1_candles("EURUSD", data_root=store).time[0] == candles(1).time[0] - 7_200_000


def test_an_unknown_time_zone_is_refused(tmp_path, store):
    with pytest.raises(CommandError, match="Unknown time zone 'Nowhere'"):
        run("import_m1", csv(tmp_path), timezone="Nowhere")


def test_overwriting_and_leaving_the_spread_out_are_passed_on(tmp_path, store):
    path = csv(tmp_path)
    run("import_m1", path)
    told = run("import_m1", path, overwrite=True, no_spread=True)
    assert "500 overwritten" in " ".join(told.split())
    assert load_m1_candles("EURUSD", data_root=store).spread.max() == -1


def test_a_damaged_store_is_named(tmp_path, store):
    path = csv(tmp_path)
    run("import_m1", path)
    next(store.rglob("year=*.parquet")).write_bytes(b"PAR1")
    with pytest.raises(CommandError, match="damaged or truncated"):
        run("import_m1", path)


def test_the_exit_status_is_one_when_a_file_is_refused(tmp_path):
    done = subprocess.run(
        [sys.executable, "manage.py", "import_m1", "EURUSD", str(tmp_path / "nothing.csv")],
        cwd=PROJECT, capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1
    assert "There is no file" in done.stderr
    assert "Traceback" not in done.stderr


def test_demo_data_are_made_once(store):
    made = run("make_demo_data", "EURUSD.demo", start="2025-01-01", end="2025-02-01", seed=5)
    assert made.startswith("EURUSD.demo: ")
    assert "candles, 2025-01-01 to 2025-01-31" in made
    again = run("make_demo_data", "EURUSD.demo", start="2025-01-01", end="2025-02-01", seed=5)
    assert again == "EURUSD.demo: these candles are there already\n"


def test_demo_data_without_arguments_fill_a_year_of_gold(store):
    run("make_demo_data")
    (info,) = list_datasets(store)
    assert info.symbol == "XAUUSD.demo"
    assert info.years == (2025,)
    assert info.rows > 350_000


@pytest.mark.parametrize(
    ("symbol", "options", "reason"),
    [
        ("NOTHING", {}, "no demo profile"),
        ("EURUSD", {"start": "tomorrow"}, "not a date"),
        ("EURUSD", {"start": "2025-01-02", "end": "2025-01-01"}, "does not trade"),
    ],
)
def test_demo_data_that_cannot_be_made_are_refused(store, symbol, options, reason):
    with pytest.raises(CommandError, match=reason):
        run("make_demo_data", symbol, **options)
    assert available_symbols(store) == ()
