import numpy as np
import pandas as pd
import pytest

from analysis.indicators import atr, cmf, ema, macd, slope
from tests.analysis.library import ta

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


def test_macd_is_the_difference_of_two_averages_and_its_own_average():
    # EMA_1 10 11 12 11 14 13, EMA_2 - 10.5 11.5 11 1/6 13 1/18 13 1/54; the signal's seed is the mean of two
    columns = macd(CLOSE, 1, 2, 2)
    assert list(columns) == ["MACD_1_2_2", "MACDh_1_2_2", "MACDs_1_2_2"]
    assert columns.isna().sum().tolist() == [1, 2, 2]
    line = [0.5, 0.5, -1 / 6, 17 / 18, -1 / 54]
    signal = [0.5, 1 / 18, 35 / 54, 11 / 54]
    assert columns["MACD_1_2_2"].tolist()[1:] == pytest.approx(line)
    assert columns["MACDs_1_2_2"].tolist()[2:] == pytest.approx(signal)
    assert columns["MACDh_1_2_2"].tolist()[2:] == pytest.approx([a - b for a, b in zip(line[1:], signal, strict=True)])


def test_money_flow_weighs_each_volume_with_the_place_of_its_close():
    # places in the range: 0, 1/2, -1; the last bar has no range
    high, low = pd.Series([12.0, 14.0, 13.0, 10.0]), pd.Series([10.0, 10.0, 10.0, 10.0])
    close, volume = pd.Series([11.0, 13.0, 10.0, 10.0]), pd.Series([5, 10, 30, 20])
    flow = cmf(high, low, close, volume, 2)
    assert flow.name == "CMF_2"
    assert flow.isna().tolist() == [True, False, False, False]
    assert flow.tolist()[1:] == pytest.approx([5 / 15, (5 - 30) / 40, -30 / 50])


def test_money_flow_has_no_value_without_volume():
    assert cmf(HIGH, LOW, CLOSE, pd.Series([0, 0, 5, 0, 0, 0]), 2).isna().tolist() == [
        True, True, False, False, True, True,
    ]  # fmt: skip


@pytest.mark.parametrize("length", [2, 3, 4, 5, 14])
def test_slope_is_that_of_the_least_squares_line(length):
    values = pd.Series(np.random.default_rng(5).normal(100, 3, 60))
    slopes = slope(values, length)
    assert slopes.name == f"SLOPE_{length}"
    assert slopes.isna().sum() == length - 1
    for end in (length, 30, 60):
        window = values.iloc[end - length : end]
        assert slopes.iloc[end - 1] == pytest.approx(np.polyfit(range(length), window, 1)[0])


@pytest.mark.parametrize("values", [[0.1] * 5, [3, 1, 2, 1, 3], [1, 5, 0, 1, 3], [7, 6, 2, 4, 8]])
def test_slope_of_what_does_not_rise_is_exactly_zero(values):
    assert slope(pd.Series(values), 5).iloc[-1] == 0.0


def walk(rows=500):
    rng = np.random.default_rng(11)
    close = pd.Series(100 + np.cumsum(rng.normal(0, 1, rows)).round(2))
    return (
        close + rng.integers(1, 4, rows),
        close - rng.integers(1, 4, rows),
        close,
        pd.Series(rng.integers(1, 99, rows)),
    )


@pytest.mark.parametrize("lengths", [(12, 26, 9), (5, 35, 5), (2, 3, 2)])
def test_macd_is_that_of_the_library(lengths):
    close = walk()[2]
    fast, slow, signal = lengths
    theirs = ta.macd(close, fast=fast, slow=slow, signal=signal, talib=False)
    pd.testing.assert_frame_equal(macd(close, *lengths), theirs[list(theirs)], rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("length", [1, 5, 20])
def test_money_flow_is_that_of_the_library(length):
    high, low, close, volume = walk()
    theirs = ta.cmf(high, low, close, volume.astype(float), length=length)
    pd.testing.assert_series_equal(cmf(high, low, close, volume, length), theirs, rtol=1e-12, atol=1e-12)


@pytest.mark.parametrize("cut", [3, 20, 34, 77, 101])
def test_no_value_of_the_others_depends_on_a_later_row(cut):
    high, low, close, volume = walk(120)
    high.iloc[100:], low.iloc[100:] = close.iloc[100:], close.iloc[100:]  # candles without a range, late
    part = [column.iloc[:cut] for column in (high, low, close, volume)]
    assert macd(close, 3, 6, 4).iloc[:cut].equals(macd(part[2], 3, 6, 4))
    assert cmf(high, low, close, volume, 5).iloc[:cut].equals(cmf(*part, 5))
    assert slope(close, 5).iloc[:cut].equals(slope(part[2], 5))


@pytest.mark.parametrize("length", [1, 2, 12, 26, 200])
def test_averages_are_those_of_the_library(length):
    rng = np.random.default_rng(11)
    close = pd.Series(1.1 + np.cumsum(rng.normal(0, 1e-4, 2_000)))
    high, low = close + rng.uniform(1e-5, 2e-4, 2_000), close - rng.uniform(1e-5, 2e-4, 2_000)
    expected = ta.ema(close, length=length, talib=False)
    np.testing.assert_allclose(ema(close, length), expected, rtol=1e-12, atol=0)
    previous = close.shift(1)
    ranges = np.maximum(high, previous) - np.minimum(low, previous)
    np.testing.assert_allclose(atr(high, low, close, length), ta.rma(ranges, length=length), rtol=1e-10, atol=0)


@pytest.mark.parametrize("rows", [0, 1, 4])
def test_too_short_a_series_has_no_macd_flow_or_slope(rows):
    high, low, close, volume = (column.iloc[:rows] for column in walk(10))
    for values in (macd(close, 3, 6, 4), cmf(high, low, close, volume, 5), slope(close, 5)):
        assert len(values) == rows
        assert np.isnan(values.to_numpy()).all()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: macd(CLOSE, 3, 3, 2), "fast must be shorter than slow"),
        (lambda: macd(CLOSE, 0, 3, 2), "at least 1"),
        (lambda: macd(CLOSE, 1, 3, 0), "at least 1"),
        (lambda: cmf(HIGH, LOW, CLOSE, CLOSE, 0), "at least 1"),
        (lambda: slope(CLOSE, 1), "at least 2"),
    ],
)
def test_lengths_without_a_meaning_are_errors(call, message):
    with pytest.raises(ValueError, match=message):
        call()
