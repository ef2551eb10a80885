"""Every known format, from a file as its publisher writes it to candles in UTC."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from analysis.errors import ImportRejected
from analysis.importing.importer import ImportOptions, read_source

MT5_TAB = """<DATE>\t<TIME>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\t<TICKVOL>\t<VOL>\t<SPREAD>
2024.01.08\t02:00:00\t2045.12\t2046.00\t2045.00\t2045.50\t120\t0\t17
2024.01.08\t02:01:00\t2045.50\t2045.80\t2045.10\t2045.20\t98\t0\t16
2024.01.08\t02:02:00\t2045.20\t2045.30\t2044.90\t2045.00\t77\t0\t18
"""
MT5_COMMA = """time,open,high,low,close,tick_volume,spread,real_volume
2024-01-08 02:00:00,2045.12,2046.00,2045.00,2045.50,120,17,0
2024-01-08 02:01:00,2045.50,2045.80,2045.10,2045.20,98,16,0
2024-01-08 02:02:00,2045.20,2045.30,2044.90,2045.00,77,18,0
"""
HISTDATA = """20240107 190000;2045.12;2046.00;2045.00;2045.50;0
20240107 190100;2045.50;2045.80;2045.10;2045.20;0
20240107 190200;2045.20;2045.30;2044.90;2045.00;0
"""
HISTDATA_MT = """2024.01.07,19:00,2045.12,2046.00,2045.00,2045.50,0
2024.01.07,19:01,2045.50,2045.80,2045.10,2045.20,0
2024.01.07,19:02,2045.20,2045.30,2044.90,2045.00,0
"""
DUKASCOPY = """Gmt time,Open,High,Low,Close,Volume
08.01.2024 00:00:00.000,2045.12,2046.00,2045.00,2045.50,0.0837
08.01.2024 00:01:00.000,2045.50,2045.80,2045.10,2045.20,0.0512
08.01.2024 00:02:00.000,2045.20,2045.30,2044.90,2045.00,0.0611
"""
DUKASCOPY_LOCAL = DUKASCOPY.replace("Gmt time", "Local time").replace(":00.000,", ":00.000 GMT+0000,")
DUKASCOPY_EET = """Time (EET),Open,High,Low,Close,Volume
2024.01.08 02:00:00,2045.12,2046.00,2045.00,2045.50,0.0837
2024.01.08 02:01:00,2045.50,2045.80,2045.10,2045.20,0.0512
2024.01.08 02:02:00,2045.20,2045.30,2044.90,2045.00,0.0611
"""
PLAIN = """Timestamp;Open;High;Low;Close;Volume
2024-01-08T00:00:00Z;2045.12;2046.00;2045.00;2045.50;120
2024-01-08T00:01:00Z;2045.50;2045.80;2045.10;2045.20;98
2024-01-08T00:02:00Z;2045.20;2045.30;2044.90;2045.00;77
"""
EPOCH_S = """ts,o,h,l,c
1704672000,2045.12,2046.00,2045.00,2045.50
1704672060,2045.50,2045.80,2045.10,2045.20
1704672120,2045.20,2045.30,2044.90,2045.00
"""
EPOCH_MS = EPOCH_S.replace("0,2045.", "0000,2045.").replace("ts,o", "timestamp,o")
DATE_AND_TIME = """"Date","Time","Open","High","Low","Close"
"2024-01-08","00:00","2045.12","2046.00","2045.00","2045.50"
"2024-01-08","00:01","2045.50","2045.80","2045.10","2045.20"
"2024-01-08","00:02","2045.20","2045.30","2044.90","2045.00"
"""

FORMATS = {
    "mt5-tab": (MT5_TAB, "mt5", "EET", True, True),
    "mt5-comma": (MT5_COMMA, "mt5", "UTC+2", True, True),
    "histdata": (HISTDATA, "histdata", None, False, False),
    "histdata-mt": (HISTDATA_MT, "histdata-mt", None, False, False),
    "dukascopy": (DUKASCOPY, "dukascopy", None, False, False),
    "dukascopy-local": (DUKASCOPY_LOCAL, "dukascopy", None, False, False),
    "dukascopy-eet": (DUKASCOPY_EET, "dukascopy", None, False, False),
    "plain": (PLAIN, "csv", None, True, False),
    "epoch-s": (EPOCH_S, "csv", None, False, False),
    "epoch-ms": (EPOCH_MS, "csv", None, False, False),
    "date-and-time": (DATE_AND_TIME, "csv", None, False, False),
}


def write(folder: Path, text: str, name: str = "x.csv", encoding: str = "utf-8") -> Path:
    path = folder / name
    path.write_bytes(text.encode(encoding))
    return path


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "crlf"])
@pytest.mark.parametrize("case", FORMATS)
def test_a_format_is_found_out_and_read_into_utc(tmp_path, case, encoding):
    text, name, timezone, has_volume, has_spread = FORMATS[case]
    text, encoding = (text.replace("\n", "\r\n"), "utf-8") if encoding == "crlf" else (text, encoding)
    candles, report = read_source(write(tmp_path, text, encoding=encoding), "XAUUSD", ImportOptions(timezone=timezone))
    start = int(datetime(2024, 1, 8, tzinfo=UTC).timestamp() * 1000)
    assert candles.time.tolist() == [start, start + 60_000, start + 120_000]
    assert candles.open.tolist() == [2045.12, 2045.50, 2045.20]
    assert candles.high.tolist() == [2046.00, 2045.80, 2045.30]
    assert candles.low.tolist() == [2045.00, 2045.10, 2044.90]
    assert candles.close.tolist() == [2045.50, 2045.20, 2045.00]
    assert candles.tick_volume.tolist() == ([120, 98, 77] if has_volume else [0, 0, 0])
    assert candles.spread.tolist() == ([17, 16, 18] if has_spread else [-1, -1, -1])
    assert (report.format, report.rows, report.accepted, report.refused) == (name, 3, 3, {})


def test_histdata_says_which_clock_it_was_read_with(tmp_path):
    _, report = read_source(write(tmp_path, HISTDATA), "XAUUSD")
    assert report.time_zone == "UTC-05:00"
    assert any("HistData" in note for note in report.notes)


def test_histdata_does_not_follow_daylight_saving(tmp_path):
    summer = HISTDATA.replace("20240107", "20240707")
    candles, _ = read_source(write(tmp_path, summer), "XAUUSD")
    assert candles.time[0] == int(datetime(2024, 7, 8, tzinfo=UTC).timestamp() * 1000)


def test_a_time_zone_given_for_histdata_counts(tmp_path):
    candles, report = read_source(write(tmp_path, HISTDATA), "XAUUSD", ImportOptions(timezone="UTC"))
    assert report.time_zone == "UTC"
    assert candles.time[0] == int(datetime(2024, 1, 7, 19, tzinfo=UTC).timestamp() * 1000)


def test_lines_that_metatrader_4_writes_as_well_are_pointed_out_unless_the_name_tells(tmp_path):
    _, anonymous = read_source(write(tmp_path, HISTDATA_MT, "x.csv"), "XAUUSD")
    _, named = read_source(write(tmp_path, HISTDATA_MT, "DAT_MT_XAUUSD_M1_2024.csv"), "XAUUSD")
    assert any("MetaTrader 4" in note for note in anonymous.notes)
    assert not any("MetaTrader 4" in note for note in named.notes)


def test_naive_times_without_a_time_zone_are_utc_and_the_report_says_so(tmp_path):
    candles, report = read_source(write(tmp_path, MT5_TAB), "XAUUSD")
    assert candles.time[0] == int(datetime(2024, 1, 8, 2, tzinfo=UTC).timestamp() * 1000)
    assert any("taken as UTC" in note for note in report.notes)


@pytest.mark.parametrize("text", [PLAIN, DUKASCOPY, DUKASCOPY_LOCAL])
def test_a_time_zone_that_contradicts_the_file_is_refused(tmp_path, text):
    with pytest.raises(ImportRejected, match="states its time zone itself"):
        read_source(write(tmp_path, text), "XAUUSD", ImportOptions(timezone="EET"))


def test_a_time_zone_that_agrees_with_the_file_is_fine(tmp_path):
    _, report = read_source(write(tmp_path, PLAIN), "XAUUSD", ImportOptions(timezone="UTC"))
    assert report.accepted == 3


def test_fractions_are_no_tick_volume_and_the_report_says_so(tmp_path):
    candles, report = read_source(write(tmp_path, DUKASCOPY), "XAUUSD")
    assert candles.tick_volume.tolist() == [0, 0, 0]
    assert any("volume" in note and "not imported" in note for note in report.notes)


def test_a_file_named_after_ask_prices_is_pointed_out(tmp_path):
    _, report = read_source(write(tmp_path, DUKASCOPY, "XAUUSD_Candlestick_1_M_ASK_08.01.2024.csv"), "XAUUSD")
    assert any("ask" in note for note in report.notes)
    _, basket = read_source(write(tmp_path, DUKASCOPY, "BASKET_M1.csv"), "BASKET")
    assert not any("ask" in note for note in basket.notes)


def test_the_format_may_be_given(tmp_path):
    _, report = read_source(write(tmp_path, HISTDATA), "XAUUSD", ImportOptions(format="histdata"))
    assert report.format == "histdata"
    with pytest.raises(ImportRejected, match="not in the format dukascopy; it looks like histdata"):
        read_source(write(tmp_path, HISTDATA), "XAUUSD", ImportOptions(format="dukascopy"))
    with pytest.raises(ImportRejected, match="Unknown format"):
        read_source(write(tmp_path, HISTDATA), "XAUUSD", ImportOptions(format="excel"))


def test_blank_lines_before_the_header_and_between_rows_are_no_rows(tmp_path):
    text = "\n\n" + MT5_COMMA.replace("\n2024-01-08 02:01", "\n\n2024-01-08 02:01")
    _, report = read_source(write(tmp_path, text), "XAUUSD")
    assert (report.rows, report.accepted, report.refused) == (3, 3, {})


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "is empty"),
        ("\n \n", "is empty"),
        ("time,open,high,low,close\n", "no rows"),
        ("time,open,high,low\n2024-01-08 00:00,1,1,1\n", "no column for close"),
        ("open,high,low,close\n1,1,1,1\n", "no column for the time"),
        ("<DATE>\t<TIME>\t<BID>\t<ASK>\t<LAST>\t<VOLUME>\n2024.01.08\t00:00:00.123\t1.1\t1.2\t\t\n", "holds ticks"),
        ("20240107 190000123,2045.12,2045.30,0\n", "holds ticks"),
        ("Gmt time,Ask,Bid,AskVolume,BidVolume\n08.01.2024 00:00:00.123,1.2,1.1,1,1\n", "holds ticks"),
        ("<DATE>\t<OPEN>\t<HIGH>\t<LOW>\t<CLOSE>\n2024.01.08\t1\t1\t1\t1\n", "no date with hours and minutes"),
        ("time,open,high,low,close\n03/04/2024 00:00,1,1,1,1\n", "day and month"),
        ("time,open,high,low,close\n2024-01-08 00:00;1;1;1;1\n", "no rows of 5 columns"),
        ("what is this\nthis is a text\n", "first line is"),
        ("12345\n12346\n", "first line is"),
        (b"PK\x03\x04rest", "archive"),
        (b"\x1f\x8brest", "archive"),
        (b"PAR1 and nothing more", "damaged Parquet"),
        (b"\x00\x01\x02\x03" * 1000, "no column"),
    ],
)  # fmt: skip
def test_anything_else_is_refused_with_a_reason(tmp_path, content, reason):
    path = tmp_path / "x.csv"
    path.write_bytes(content if isinstance(content, bytes) else content.encode())
    with pytest.raises(ImportRejected, match=reason):
        read_source(path, "XAUUSD")


def test_a_line_without_an_end_is_refused_before_it_fills_the_memory(tmp_path):
    path = tmp_path / "x.csv"
    path.write_bytes(b"time,open,high,low,close\n" + b"1" * (6 << 20))
    with pytest.raises(ImportRejected, match="not a table of lines"):
        read_source(path, "XAUUSD")


@pytest.mark.parametrize("symbol", ["", "../x", "a/b", ".hidden", "x" * 30, "EUR USD", "EURUSD\n", "EUR\x00USD"])
def test_a_name_that_is_no_symbol_is_refused(tmp_path, symbol):
    with pytest.raises(ImportRejected, match="not a symbol"):
        read_source(write(tmp_path, PLAIN), symbol)


def test_a_missing_file_is_refused(tmp_path):
    with pytest.raises(ImportRejected, match="no file"):
        read_source(tmp_path / "nothing.csv", "XAUUSD")
