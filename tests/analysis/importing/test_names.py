from pathlib import Path

import pytest

from analysis.importing.names import symbol_from_name


@pytest.mark.parametrize(
    ("name", "symbol"),
    [
        ("XAUUSD.parquet", "XAUUSD"),
        ("XAUUSD_M1_mt5_export.csv", "XAUUSD"),
        ("GBPUSD_M1_bid.csv", "GBPUSD"),
        ("EURUSD_M1_202001020000_202012312359.csv", "EURUSD"),
        ("EURUSDM1.csv", "EURUSD"),
        ("EURUSD M1.csv", "EURUSD"),
        ("EURUSD.m_M1_2024.csv", "EURUSD.m"),
        ("DAT_ASCII_EURUSD_M1_2020.csv", "EURUSD"),
        ("DAT_MT_XAUUSD_M1_202001.csv", "XAUUSD"),
        ("EURUSD_Candlestick_1_M_BID_01.01.2020-01.02.2020.csv", "EURUSD"),
        ("US500.parquet", "US500"),
        ("XAUUSD.demo.parquet", "XAUUSD.demo"),
        ("prices.csv", None),
        ("2020.csv", None),
        ("EURUSD_M15.csv", None),
        ("my data.csv", None),
        ("_M1_.csv", None),
    ],
)
def test_the_symbol_is_taken_from_names_that_tell_it(name, symbol):
    assert symbol_from_name(Path(name)) == symbol
