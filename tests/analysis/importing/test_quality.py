from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from analysis.candles import Candles
from analysis.importing.clocks import from_utc, parse_clock
from analysis.importing.demo_data import make_demo_candles
from analysis.importing.quality import Gap, measure_series
from analysis.importing.sessions import learn_sessions
from tests.analysis.series import at, candles

MINUTE = 60_000
MONDAY = datetime(2024, 1, 8, tzinfo=UTC)


def columns(series: Candles) -> dict[str, np.ndarray]:
    return {name: getattr(series, name) for name in Candles.__dataclass_fields__ if name != "symbol"}


def measure(series: Candles):
    return measure_series(columns(series))


def without(series: Candles, start: datetime, minutes: int) -> Candles:
    first = int(start.timestamp() * 1000)
    keep = (series.time < first) | (series.time >= first + minutes * MINUTE)
    return at(series.time[keep])


def weekdays(weeks: int) -> Candles:
    """Monday to Friday round the clock."""
    time = candles(weeks * 7 * 1440).time
    return at(time[(time // 86_400_000 + 3) % 7 < 5])


def test_a_complete_series_has_no_gaps_and_full_coverage():
    quality = measure(weekdays(4))
    assert (quality.gaps, quality.missing_minutes, quality.outside_hours) == (0, 0, 0)
    assert quality.coverage_percent == 100.0
    assert quality.expected_minutes == 4 * 5 * 1440
    assert quality.trading_hours == "120.0 hours a week, Mon 00:00 to Sat 00:00 on the clock UTC (learned from 4 weeks)"


def test_a_hole_in_trading_hours_is_a_gap_with_its_start_and_minutes():
    quality = measure(without(weekdays(4), MONDAY + timedelta(days=8, hours=10), 45))
    assert (quality.gaps, quality.missing_minutes) == (1, 45)
    start = MONDAY + timedelta(days=8, hours=10)
    assert quality.largest_gaps == (Gap(start, start + timedelta(minutes=45), 45),)
    assert quality.coverage_percent == round(100 * (28_800 - 45) / 28_800, 3)


def test_a_hole_over_the_weekend_counts_its_trading_minutes_only():
    quality = measure(without(weekdays(4), MONDAY + timedelta(days=4, hours=23), 3 * 1440))
    assert quality.gaps == 1
    assert quality.missing_minutes == 60 + 23 * 60


def test_the_largest_gaps_are_listed_longest_first_and_all_are_counted():
    series = weekdays(4)
    for day in range(5):
        for hour in range(3):
            series = without(series, MONDAY + timedelta(days=day, hours=4 * hour + 1), 1 + day * 3 + hour)
    quality = measure(series)
    assert quality.gaps == 15
    assert [gap.minutes for gap in quality.largest_gaps] == list(range(15, 5, -1))


def test_hours_that_follow_new_york_are_learned_on_its_clock():
    series = make_demo_candles(
        "XAUUSD", start=datetime(2024, 1, 1, tzinfo=UTC), end=datetime(2024, 12, 1, tzinfo=UTC), seed=3
    )
    quality = measure(series)
    assert "115.0 hours a week, Sun 18:00 to Fri 17:00 on the clock America/New_York" in quality.trading_hours
    assert quality.coverage_percent > 99
    assert quality.outside_hours == 0


def test_a_market_that_never_closes_has_a_week_of_hours():
    quality = measure(candles(3 * 7 * 1440))
    assert quality.trading_hours == "168.0 hours a week on the clock UTC (learned from 3 weeks)"


def test_less_than_two_weeks_tell_no_hours_and_every_hole_is_a_gap():
    quality = measure(without(candles(5000), MONDAY + timedelta(hours=1), 7))
    assert quality.trading_hours is None
    assert quality.coverage_percent is None
    assert (quality.gaps, quality.missing_minutes) == (1, 7)


def test_a_single_stray_minute_is_outside_the_hours():
    series = weekdays(4)
    saturday = int((MONDAY + timedelta(days=5, hours=6)).timestamp() * 1000)
    assert measure(at(np.sort(np.append(series.time, saturday)))).outside_hours == 1


def test_open_minutes_are_counted_across_weeks():
    sessions = learn_sessions(weekdays(4).time)
    start = np.array([int(MONDAY.timestamp() * 1000)])
    assert sessions.open_minutes_between(start, start + 10 * 7 * 1440 * MINUTE).tolist() == [10 * 7200]


def test_times_that_look_like_a_broker_s_clock_are_pointed_out():
    real = make_demo_candles(
        "EURUSD", start=datetime(2024, 1, 7, tzinfo=UTC), end=datetime(2024, 3, 1, tzinfo=UTC), seed=3
    )
    mislabelled = at(from_utc(real.time, parse_clock("NYCLOSE")))
    assert any("NYCLOSE" in warning for warning in measure(mislabelled).warnings)
    assert not any("NYCLOSE" in warning for warning in measure(real).warnings)


def test_the_spread_is_described():
    spread = np.array([2, 4, 4, 6, 100, -1, 0, 4, 4, 4], np.int32)
    statistics = measure(replace(candles(10), spread=spread)).spread
    assert (statistics.recorded, statistics.zero, statistics.zero_throughout) == (9, 1, False)
    assert (statistics.lowest, statistics.median, statistics.largest) == (0, 4.0, 100)


def test_a_spread_of_zero_throughout_is_a_warning():
    quality = measure(replace(candles(10), spread=np.zeros(10, np.int32)))
    assert quality.spread.zero_throughout
    assert any("--no-spread" in warning for warning in quality.warnings)


def test_a_spread_that_was_not_recorded_is_none():
    statistics = measure(replace(candles(10), spread=np.full(10, -1, np.int32))).spread
    assert (statistics.recorded, statistics.zero_throughout, statistics.median) == (0, False, None)


def noisy(count: int = 3000) -> Candles:
    rng = np.random.default_rng(5)
    close = 1.1 * np.exp(np.cumsum(rng.standard_normal(count) * 1e-4))
    open_ = np.concatenate([[1.1], close[:-1]])
    high, low = np.maximum(open_, close) * 1.00005, np.minimum(open_, close) * 0.99995
    return replace(candles(count), open=open_, high=high, low=low, close=close)


def spiked(kind: str) -> Candles:
    series = noisy()
    columns = {name: getattr(series, name).copy() for name in ("open", "high", "low", "close")}
    if kind == "reversal":
        columns["close"][1000] *= 1.01
        columns["high"][1000] = columns["close"][1000]
    elif kind == "jump":
        for values in columns.values():
            values[1000:] *= 1.01
    else:
        columns["low"][1000] *= 0.99
    return replace(series, **columns)


@pytest.mark.parametrize("kind", ["reversal", "jump", "wick"])
def test_a_leap_of_the_price_is_found_once_with_its_kind(kind):
    quality = measure(spiked(kind))
    assert quality.spikes == 1
    (spike,) = quality.largest_spikes
    assert (spike.kind, spike.time) == (kind, MONDAY + timedelta(minutes=1000))
    assert spike.times_usual > 50


def test_ordinary_noise_has_no_spikes():
    assert measure(noisy(50_000)).spikes == 0


def test_a_price_that_hardly_moves_has_no_spikes():
    close = np.full(3000, 1.1)
    close[500::100] = 1.10001
    assert measure(replace(noisy(), open=close, high=close, low=close, close=close)).spikes == 0


def test_a_jump_across_a_pause_is_a_gap_and_no_spike():
    series = spiked("jump")
    time = series.time.copy()
    time[1000:] += 3600_000
    assert measure(replace(series, time=time)).spikes == 0


@pytest.mark.parametrize("count", [1, 2, 3])
def test_a_handful_of_candles_can_be_measured(count):
    quality = measure(candles(count))
    assert (quality.rows, quality.gaps, quality.spikes) == (count, 0, 0)
