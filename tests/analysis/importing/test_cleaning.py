"""Bad rows are counted, listed with their place, and not imported."""

from pathlib import Path

import numpy as np
import pytest

from analysis.errors import ImportRejected
from analysis.importing.importer import ImportOptions, read_source
from tests.analysis.series import candles, write_csv

HEADER = "time,open,high,low,close,tick_volume,spread\n"


def sound(minute: int) -> str:
    return f"2024-01-08 {minute // 60:02d}:{minute % 60:02d}:00,1.1,1.2,1.0,1.15,5,3"


def import_with(folder: Path, *rows: str, timezone: str | None = None):
    """The rows after thirty sound ones, so that they are lines 32 and up."""
    path = folder / "x.csv"
    path.write_text(HEADER + "\n".join([sound(minute) for minute in range(30)] + list(rows)) + "\n")
    return read_source(path, "EURUSD", ImportOptions(timezone=timezone))


@pytest.mark.parametrize(
    ("row", "rule"),
    [
        ("2024-01-08 01:00:00,abc,1.2,1.0,1.15,5,3", "unreadable"),
        ("2024-01-08 01:00:00,,1.2,1.0,1.15,5,3", "unreadable"),
        ("2024-01-08 01:00:00,1.1,1.2,1.0,1.15,many,3", "unreadable"),
        ("2024-01-08 01:00:00,1.1,1.2,1.0,1.15,5,x", "unreadable"),
        ("2024-01-08 01:00:00,1.1,1.2,1.0", "unreadable"),
        ("2024-01-08 01:00:00,1.1,1.2,1.0,1.15,5,3,9,9", "unreadable"),
        ("2024-01-08 25:00:00,1.1,1.2,1.0,1.15,5,3", "unreadable_time"),
        (",,,,,,", "unreadable_time"),
        ("1969-12-31 23:59:00,1.1,1.2,1.0,1.15,5,3", "time_out_of_range"),
        ("2200-01-01 00:00:00,1.1,1.2,1.0,1.15,5,3", "time_out_of_range"),
        ("2024-01-08 01:00:30,1.1,1.2,1.0,1.15,5,3", "not_a_whole_minute"),
        ("2024-01-08 01:00:00,nan,1.2,1.0,1.15,5,3", "not_finite"),
        ("2024-01-08 01:00:00,1.1,inf,1.0,1.15,5,3", "not_finite"),
        ("2024-01-08 01:00:00,0,1.2,0,1.15,5,3", "not_positive"),
        ("2024-01-08 01:00:00,1.1,1.2,-1.0,1.15,5,3", "not_positive"),
        ("2024-01-08 01:00:00,1.1,1.12,1.0,1.15,5,3", "bad_ohlc"),
        ("2024-01-08 01:00:00,1.1,1.2,1.11,1.15,5,3", "bad_ohlc"),
        ("2024-01-08 01:00:00,1.1,1.0,1.2,1.15,5,3", "bad_ohlc"),
        ("2024-01-08 01:00:00,1.1,1.2,1.0,1.15,-5,3", "bad_volume"),
        ("2024-01-08 01:00:00,1.1,1.2,1.0,1.15,inf,3", "bad_volume"),
        ("2024-01-08 01:00:00,1.1,1.2,1.0,1.15,5,-3", "bad_spread"),
        ("2024-01-08 01:00:00,1.1,1.2,1.0,1.15,5,99999999999", "bad_spread"),
    ],
)
def test_a_bad_row_is_refused_under_its_rule_with_its_line(tmp_path, row, rule):
    series, report = import_with(tmp_path, row, sound(31))
    assert report.refused == {rule: 1}
    assert (report.rows, report.accepted, len(series)) == (32, 31, 31)
    (example,) = report.examples[rule]
    assert example.line == 32
    assert example.detail


def test_a_row_counts_once_under_the_first_rule_it_breaks(tmp_path):
    _, report = import_with(tmp_path, "2024-01-08 01:00:00,nan,-1.2,1.0,1.15,-5,-3")
    assert report.refused == {"not_finite": 1}


def test_the_first_ten_rows_of_a_rule_are_listed_and_all_are_counted(tmp_path):
    bad = [f"2024-01-08 01:{minute:02d}:00,1.1,1.0,1.0,1.15,5,3" for minute in range(25)]
    _, report = import_with(tmp_path, *bad)
    assert report.refused == {"bad_ohlc": 25}
    assert [row.line for row in report.examples["bad_ohlc"]] == list(range(32, 42))
    assert report.examples["bad_ohlc"][0].time == "2024-01-08 01:00:00"
    assert report.examples["bad_ohlc"][0].detail == "open 1.1, high 1.0, low 1.0, close 1.15"


def test_an_exact_duplicate_is_collapsed_and_counted(tmp_path):
    series, report = import_with(tmp_path, sound(7), sound(7))
    assert (report.duplicates, report.refused, len(series)) == (2, {}, 30)
    assert [row.line for row in report.examples["duplicate"]] == [32, 33]
    assert "line 9" in report.examples["duplicate"][0].detail


def test_of_rows_with_one_time_and_different_values_the_first_is_kept(tmp_path):
    series, report = import_with(tmp_path, sound(7).replace("1.15", "1.16"), sound(7))
    assert report.refused == {"conflict": 1}
    assert report.duplicates == 1
    assert series.close[7] == 1.15
    assert report.examples["conflict"][0].line == 32


def test_a_difference_in_the_spread_alone_is_a_conflict(tmp_path):
    _, report = import_with(tmp_path, sound(7)[:-1] + "4")
    assert report.refused == {"conflict": 1}


def test_a_bad_row_does_not_make_its_sound_twin_a_conflict(tmp_path):
    _, report = import_with(tmp_path, "2024-01-08 01:00:00,1.1,1.0,1.0,1.15,5,3", sound(60))
    assert report.refused == {"bad_ohlc": 1}
    assert report.accepted == 31


def test_an_empty_volume_or_spread_was_not_recorded(tmp_path):
    series, report = import_with(tmp_path, "2024-01-08 01:00:00,1.1,1.2,1.0,1.15,,")
    assert report.refused == {}
    assert (series.tick_volume[-1], series.spread[-1]) == (0, -1)


def test_a_spread_of_minus_one_was_not_recorded(tmp_path):
    series, report = import_with(tmp_path, "2024-01-08 01:00:00,1.1,1.2,1.0,1.15,5,-1")
    assert report.refused == {}
    assert series.spread[-1] == -1


def test_a_single_fraction_among_counts_is_a_bad_row(tmp_path):
    path = write_csv(tmp_path / "x.csv", candles(300))
    lines = path.read_text().splitlines()
    fields = lines[200].split(",")
    lines[200] = ",".join([*fields[:5], "7.5", *fields[6:]])
    path.write_text("\n".join(lines))
    _, report = read_source(path, "EURUSD")
    assert report.refused == {"bad_volume": 1}
    assert report.examples["bad_volume"][0].line == 201


def test_unsorted_rows_are_put_in_order(tmp_path):
    series = candles(200)
    path = write_csv(tmp_path / "x.csv", series)
    header, *rows = path.read_text().splitlines()
    np.random.default_rng(1).shuffle(rows)
    path.write_text("\n".join([header, *rows]))
    read, report = read_source(path, "EURUSD")
    assert read.fingerprint() == series.fingerprint()
    assert report.refused == {}


def test_nonexistent_times_are_refused_and_listed(tmp_path):
    _, report = import_with(tmp_path, "2024-03-31 03:30:00,1.1,1.2,1.0,1.15,5,3", timezone="Europe/Athens")
    assert report.refused == {"nonexistent_time": 1}
    (row,) = report.examples["nonexistent_time"]
    assert (row.line, row.time, row.detail) == (32, "2024-03-31 03:30:00", "Europe/Athens skipped this time")


def test_ambiguous_times_are_refused_and_listed(tmp_path):
    _, report = import_with(tmp_path, "2024-10-27 03:30:00,1.1,1.2,1.0,1.15,5,3", timezone="Europe/Athens")
    assert report.refused == {"ambiguous_time": 1}
    assert report.examples["ambiguous_time"][0].line == 32


def test_a_file_from_newest_to_oldest_still_tells_repeated_hours_apart(tmp_path):
    from analysis.importing.clocks import from_utc, parse_clock

    start = candles(1).time[0] + (293 * 1440 - 120) * 60_000  # 2024-10-26 22:00 UTC
    series = candles(600)
    series = type(series).from_frame("EURUSD", series.to_frame().set_axis(
        candles(600).to_frame().index + np.timedelta64(int(start - series.time[0]), "ms")
    ))  # fmt: skip
    path = write_csv(tmp_path / "x.csv", series, wall_ms=from_utc(series.time, parse_clock("Europe/Athens")))
    header, *rows = path.read_text().splitlines()
    path.write_text("\n".join([header, *rows[::-1]]))
    read, report = read_source(path, "EURUSD", ImportOptions(timezone="Europe/Athens"))
    assert report.refused == {}
    assert read.fingerprint() == series.fingerprint()


@pytest.mark.parametrize(
    ("step", "told"), [(5, "M5 bars"), (60, "H1 bars"), (240, "H4 bars"), (1440, "D1 bars"), (7, "7-minute bars")]
)
def test_bars_of_another_timeframe_are_refused(tmp_path, step, told):
    whole = candles(100 * step).to_frame().iloc[::step]
    path = write_csv(tmp_path / "x.csv", type(candles(1)).from_frame("EURUSD", whole))
    with pytest.raises(ImportRejected, match=f"{told} .* only M1"):
        read_source(path, "EURUSD")


def test_hourly_bars_with_a_stray_minute_are_still_hourly(tmp_path):
    rows = np.sort(np.concatenate([np.arange(0, 6000, 60), [61]]))
    path = write_csv(tmp_path / "x.csv", type(candles(1)).from_frame("EURUSD", candles(6000).to_frame().iloc[rows]))
    with pytest.raises(ImportRejected, match="H1 bars"):
        read_source(path, "EURUSD")


def test_seconds_are_refused(tmp_path):
    rows = [f"2024-01-08 00:00:{second:02d},1.1,1.2,1.0,1.15,5,3" for second in range(60)]
    path = tmp_path / "x.csv"
    path.write_text(HEADER + "\n".join(rows))
    with pytest.raises(ImportRejected, match="ticks or bars of seconds"):
        read_source(path, "EURUSD")


def test_minutes_without_a_trade_do_not_make_a_series_another_timeframe(tmp_path):
    keep = np.flatnonzero(np.random.default_rng(3).random(3000) < 0.3)
    series = type(candles(1)).from_frame("EURUSD", candles(3000).to_frame().iloc[keep])
    read, _ = read_source(write_csv(tmp_path / "x.csv", series), "EURUSD")
    assert read.fingerprint() == series.fingerprint()


def test_a_file_with_more_bad_rows_than_good_ones_is_refused_with_counts_and_an_example(tmp_path):
    bad = [f"2024-01-08 01:{minute:02d}:00,1.1,1.0,1.0,1.15,5,3" for minute in range(31)]
    with pytest.raises(ImportRejected, match=r"31 of 61 rows are bad \(31 bad_ohlc\).*line 32"):
        import_with(tmp_path, *bad)
    series, _ = import_with(tmp_path, *bad[:30])
    assert len(series) == 30


def test_a_stray_quote_costs_no_other_row(tmp_path):
    _, report = import_with(tmp_path, '"' + sound(31), sound(32))
    assert (report.accepted, report.refused) == (32, {})


def test_bytes_that_are_no_text_cost_their_row_only(tmp_path):
    path = tmp_path / "x.csv"
    rows = [sound(minute).encode() for minute in range(30)]
    path.write_bytes(HEADER.encode() + b"\n".join([*rows, b"2024-01-08 01:00:00,1.1,1.2,\xff\xfe,1.15,5,3", b""]))
    _, report = read_source(path, "EURUSD")
    assert (report.accepted, report.refused) == (30, {"unreadable": 1})


def test_lines_are_counted_across_blocks_of_the_file(tmp_path, monkeypatch):
    monkeypatch.setattr("analysis.importing.text_blocks._BLOCK_BYTES", 1000)
    path = write_csv(tmp_path / "x.csv", candles(500))
    lines = path.read_text().splitlines()
    lines[399] = lines[399].replace("1.1", "x", 1)
    lines.insert(200, "")
    path.write_text("\n".join(lines))
    read, report = read_source(path, "EURUSD")
    assert len(read) == 499
    assert report.examples["unreadable"][0].line == 401
