from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from analysis.candles import PRICES, Candles
from tests.analysis.series import candles


def test_a_frame_and_back_gives_the_same_candles():
    series = candles(50)
    assert Candles.from_frame("EURUSD", series.to_frame()).fingerprint() == series.fingerprint()


def test_the_frame_has_a_utc_index_named_time_and_the_columns_in_order():
    frame = candles(3).to_frame()
    assert list(frame.columns) == ["open", "high", "low", "close", "tick_volume", "spread"]
    assert frame.index.name == "time"
    assert str(frame.index.dtype) == "datetime64[ms, UTC]"
    assert frame.index[1] == pd.Timestamp("2024-01-08 00:01", tz="UTC")


def test_a_missing_spread_becomes_minus_one():
    frame = candles(3).to_frame().astype({"spread": "float64"})
    frame.iloc[1, frame.columns.get_loc("spread")] = np.nan
    read = Candles.from_frame("EURUSD", frame)
    assert read.spread[1] == -1
    assert read.spread.dtype == np.int32


def test_an_index_in_another_zone_is_turned_into_utc():
    series = candles(5)
    frame = series.to_frame().tz_convert("America/New_York")
    assert Candles.from_frame("EURUSD", frame).fingerprint() == series.fingerprint()


def test_an_index_without_a_zone_is_refused():
    with pytest.raises(ValueError, match="no time zone"):
        Candles.from_frame("EURUSD", candles(5).to_frame().tz_localize(None))


@pytest.mark.parametrize("column", ["time", "open", "high", "low", "close", "tick_volume", "spread"])
def test_the_fingerprint_changes_with_any_value(column):
    series = candles(5)
    changed = getattr(series, column).copy()
    changed[3] += 1
    assert replace(series, **{column: changed}).fingerprint() != series.fingerprint()


def test_the_fingerprint_changes_with_the_symbol():
    assert replace(candles(5), symbol="GBPUSD").fingerprint() != candles(5).fingerprint()


def test_the_fingerprint_does_not_depend_on_memory_layout():
    series = candles(6)
    every_other = {name: getattr(series, name)[::2] for name in ("time", "open", "high", "low", "close")}
    strided = replace(series, **every_other, tick_volume=series.tick_volume[::2], spread=series.spread[::2])
    compact = Candles.from_frame("EURUSD", series.to_frame().iloc[::2])
    assert strided.fingerprint() == compact.fingerprint()


def test_columns_of_different_length_are_refused():
    with pytest.raises(ValueError, match="different length"):
        replace(candles(5), close=np.ones(4))


class TestMemoryOfTheFrame:
    """What a strategy prepares starts with a copy of the frame: it must be quick, and touch nobody else's numbers."""

    def adjacent(self, bars=20):
        """Prices as a strategy's process has them: one behind the other."""
        series = candles(bars)
        return replace(series, **dict(zip(PRICES, np.stack([getattr(series, n) for n in PRICES]), strict=True)))

    @pytest.mark.parametrize("made", [candles, adjacent])
    def test_prices_are_one_block_that_is_copied_at_once(self, made):
        series = self.adjacent() if made is not candles else candles(20)
        frame = series.to_frame()
        assert len(frame._mgr.blocks) == 3  # prices, tick volume, spread
        for name in frame.columns:
            np.testing.assert_array_equal(frame[name].to_numpy(), getattr(series, name))

    def test_adjacent_columns_are_not_copied(self):
        series = self.adjacent()
        frame = series.to_frame()
        assert all(np.shares_memory(frame[name].to_numpy(), getattr(series, name)) for name in frame.columns)

    def test_prices_of_several_arrays_are_not_taken_for_one(self):
        series = self.adjacent()
        swapped = replace(series, open=series.close, close=series.open)
        np.testing.assert_array_equal(swapped.to_frame()["open"], series.close)

    @pytest.mark.parametrize("made", [candles, adjacent])
    def test_a_write_to_a_frame_reaches_neither_the_candles_nor_another_frame(self, made):
        series = self.adjacent() if made is not candles else candles(20)
        before, other = series.fingerprint(), series.to_frame()
        frame = series.to_frame()
        frame.iloc[:, :] = 0
        frame.loc[frame.index[3], "close"] = -1.0
        assert series.fingerprint() == before
        assert (other["close"] > 0).all()
