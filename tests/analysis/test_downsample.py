"""Fewer points: candles stay exact, curves keep what the eye looks for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.downsample import aggregate_ohlc, fitting_minutes, keep_extremes
from tests.analysis.series import START, at, candles, ms


def by_hand(series, minutes):
    """Plain Python, one dictionary per candle."""
    made: dict[int, dict[str, float]] = {}
    for i, time in enumerate(series.time.tolist()):
        label = time - time % (minutes * 60_000)
        bar = made.setdefault(
            label, {"open": series.open[i], "high": -1.0, "low": 9.0, "close": 0.0, "tick_volume": 0, "spread": 0}
        )
        bar["high"], bar["low"] = max(bar["high"], series.high[i]), min(bar["low"], series.low[i])
        bar["close"], bar["spread"] = series.close[i], series.spread[i]
        bar["tick_volume"] += series.tick_volume[i]
    return made


def as_rows(series):
    names = ("open", "high", "low", "close", "tick_volume", "spread")
    return {int(t): {name: getattr(series, name)[i] for name in names} for i, t in enumerate(series.time)}


@pytest.mark.parametrize("minutes", [1, 2, 7, 60, 1440, 2880])
def test_an_aggregate_is_first_open_highest_high_lowest_low_last_close_and_summed_volume(minutes):
    series = candles(3_001)
    assert as_rows(aggregate_ohlc(series, minutes)) == by_hand(series, minutes)


@given(st.lists(st.integers(0, 20_000), min_size=1, max_size=60, unique=True), st.sampled_from([1, 3, 15, 240]))
def test_gaps_make_no_candles_and_lose_none(offsets, minutes):
    series = at(ms(START) + np.array(sorted(offsets)) * 60_000)
    assert as_rows(aggregate_ohlc(series, minutes)) == by_hand(series, minutes)


def test_nothing_aggregates_to_nothing():
    assert len(aggregate_ohlc(candles(0), 5)) == 0
    assert fitting_minutes(candles(0).time, 1) == 1


@pytest.mark.parametrize(
    ("max_points", "minutes"), [(3_000, 1), (2_999, 2), (1_000, 3), (999, 5), (3, 1440), (2, 2880)]
)
def test_the_shortest_length_that_fits_is_taken(max_points, minutes):
    series = candles(3_000)
    assert fitting_minutes(series.time, max_points) == minutes
    assert len(aggregate_ohlc(series, minutes)) <= max_points


def test_time_without_candles_takes_no_room():
    series = at(np.concatenate([candles(10).time, candles(10).time + 7 * 86_400_000]))
    assert fitting_minutes(series.time, 20) == 1


def test_a_single_point_is_reached_however_long_the_series():
    time = np.array([0, 40 * 365 * 86_400_000], np.int64)
    assert len(aggregate_ohlc(at(time), fitting_minutes(time, 1))) == 1


def test_no_points_at_all_cannot_be_asked_for():
    with pytest.raises(ValueError, match="at least 1"):
        fitting_minutes(candles(2).time, 0)


@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=300), st.integers(4, 40))
def test_first_last_lowest_and_highest_are_kept_in_few_enough_points(values, max_points):
    curve = np.array(values)
    kept = keep_extremes(curve, max_points)
    assert len(kept) <= max_points
    assert (np.diff(kept) > 0).all()
    assert (kept[0], kept[-1]) == (0, len(curve) - 1)
    assert (curve[kept].min(), curve[kept].max()) == (curve.min(), curve.max())


def test_a_short_curve_is_left_as_it_is():
    assert keep_extremes(np.arange(4.0), 4).tolist() == [0, 1, 2, 3]
    assert keep_extremes(np.array([]), 4).tolist() == []
