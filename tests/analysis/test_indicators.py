import numpy as np
import pandas as pd
import pytest

from analysis.indicators import atr, ema

CLOSE = pd.Series([10.0, 11.0, 12.0, 11.0, 14.0, 13.0])
HIGH = pd.Series([10.5, 11.5, 12.5, 12.5, 14.5, 14.0])
LOW = pd.Series([9.5, 10.5, 11.5, 10.5, 11.0, 12.5])


def test_ema_starts_with_the_mean_of_its_first_closes():
    # alpha 1/2: 11, then (11 + 11) / 2, (11 + 14) / 2, (12.5 + 13) / 2
    averages = ema(CLOSE, 3)
    assert averages.name == "EMA_3"
    assert averages.isna().tolist() == [True, True, False, False, False, False]
    assert averages.tolist()[2:] == pytest.approx([11.0, 11.0, 12.5, 12.75])


def test_atr_is_wilders_and_starts_a_row_later_than_its_length():
    # true ranges -, 1.5, 1.5, 2, 3.5, 1.5: mean of two, then (previous + new) / 2
    ranges = atr(HIGH, LOW, CLOSE, 2)
    assert ranges.name == "ATRr_2"
    assert ranges.isna().tolist() == [True, True, False, False, False, False]
    assert ranges.tolist()[2:] == pytest.approx([1.5, 1.75, 2.625, 2.0625])


@pytest.mark.parametrize("length", [1, 2, 5, 14])
def test_no_value_depends_on_a_later_row(length):
    rng = np.random.default_rng(7)
    close = pd.Series(100 + np.cumsum(rng.normal(0, 1, 120)).round(2))
    high, low = close + rng.integers(0, 3, 120), close - rng.integers(0, 3, 120)
    high.iloc[100:], low.iloc[100:] = close.iloc[100:], close.iloc[100:]  # candles without a range, late
    for cut in (20, 60, 101):
        assert ema(close, length).iloc[:cut].equals(ema(close.iloc[:cut], length))
        assert (
            atr(high, low, close, length)
            .iloc[:cut]
            .equals(atr(high.iloc[:cut], low.iloc[:cut], close.iloc[:cut], length))
        )


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_too_short_a_series_has_no_values_rather_than_an_error(rows):
    close = CLOSE.iloc[:rows]
    assert ema(close, 5).isna().all()
    assert atr(HIGH.iloc[:rows], LOW.iloc[:rows], close, 5).isna().all()
    assert len(ema(close, 5)) == len(atr(HIGH.iloc[:rows], LOW.iloc[:rows], close, 5)) == rows
    assert ema(close, 5).name == "EMA_5"


@pytest.mark.parametrize("length", [0, -3])
def test_a_length_below_one_is_an_error(length):
    with pytest.raises(ValueError, match="at least 1"):
        ema(CLOSE, length)
