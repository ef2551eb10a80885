from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.errors import ImportRejected
from analysis.importing.clocks import UTC_CLOCK, from_utc, parse_clock, to_utc

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
HOUR = 3_600_000
MINUTE = 60_000
ZONES = ("Europe/Athens", "America/New_York", "EET", "Australia/Lord_Howe", "America/Sao_Paulo", "Asia/Tehran")


def naive(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def wall(text: str) -> int:
    """Epoch milliseconds that read like the text."""
    return int(datetime.fromisoformat(text).replace(tzinfo=UTC).timestamp() * 1000)


def walls(*texts: str) -> np.ndarray:
    return np.array([wall(text) for text in texts], np.int64)


@pytest.mark.parametrize(
    ("name", "winter", "summer"),
    [
        ("UTC", 0, 0), ("GMT", 0, 0), ("UTC+2", 2, 2), ("utc-05:30", -5.5, -5.5), ("GMT+3", 3, 3), ("+0200", 2, 2),
        ("EET", 2, 3), ("Europe/Athens", 2, 3), ("America/New_York", -5, -4), ("NYCLOSE", 2, 3), ("nyclose", 2, 3),
        ("Etc/GMT+5", -5, -5),
    ],
)  # fmt: skip
def test_a_clock_is_ahead_of_utc_by_its_offset(name, winter, summer):
    clock = parse_clock(name)
    read = to_utc(walls("2024-01-15 12:00", "2024-07-15 12:00"), clock)
    assert ((walls("2024-01-15 12:00", "2024-07-15 12:00") - read.ms) / HOUR).tolist() == [winter, summer]


@pytest.mark.parametrize("name", ["", "nowhere", "UTC+15", "EST5", "../../etc/passwd", "Europe/", "UTC+2:75"])
def test_an_unknown_clock_is_refused_by_name(name):
    with pytest.raises(ImportRejected):
        parse_clock(name)


def test_new_york_close_changes_with_american_not_european_daylight_saving():
    # Between the second and the last Sunday of March 2024 only the United States had daylight saving.
    assert to_utc(walls("2024-03-20 00:00"), parse_clock("NYCLOSE")).ms[0] == wall("2024-03-19 21:00")
    assert to_utc(walls("2024-03-20 00:00"), parse_clock("EET")).ms[0] == wall("2024-03-19 22:00")


def test_a_skipped_hour_does_not_exist():
    read = to_utc(
        walls("2024-03-31 02:59", "2024-03-31 03:00", "2024-03-31 03:59", "2024-03-31 04:00"), parse_clock("EET")
    )
    assert read.nonexistent.tolist() == [False, True, True, False]
    assert read.ms[[0, 3]].tolist() == [wall("2024-03-31 00:59"), wall("2024-03-31 01:00")]


def test_a_repeated_hour_is_told_apart_by_the_order_of_its_rows():
    utc = wall("2024-10-26 23:00") + np.arange(0, 5 * HOUR, MINUTE)
    clock = parse_clock("Europe/Athens")
    read = to_utc(from_utc(utc, clock), clock)
    assert read.ms.tolist() == utc.tolist()
    assert not read.ambiguous.any()


def test_one_pass_of_a_repeated_hour_is_ambiguous():
    utc = wall("2024-10-26 23:00") + np.arange(0, 5 * HOUR, MINUTE)
    clock = parse_clock("Europe/Athens")
    once = np.delete(from_utc(utc, clock), np.arange(120, 180))
    read = to_utc(once, clock)
    assert read.ambiguous.sum() == 60
    assert set(once[read.ambiguous]) == set(range(wall("2024-10-27 03:00"), wall("2024-10-27 04:00"), MINUTE))


def test_two_swapped_rows_are_no_second_pass():
    read = to_utc(walls("2024-10-27 03:10", "2024-10-27 03:12", "2024-10-27 03:11"), parse_clock("Europe/Athens"))
    assert read.ambiguous.all()


def test_three_passes_are_ambiguous():
    hour = wall("2024-10-27 03:00") + np.arange(0, HOUR, MINUTE)
    read = to_utc(np.concatenate([hour, hour, hour]), parse_clock("Europe/Athens"))
    assert read.ambiguous.all()


def test_rows_of_the_repeated_hour_scattered_over_the_file_are_ambiguous():
    read = to_utc(walls("2024-10-27 03:50", "2024-11-05 12:00", "2024-10-27 03:05"), parse_clock("Europe/Athens"))
    assert read.ambiguous.tolist() == [True, False, True]


def test_the_repeated_hours_of_two_years_are_judged_apart():
    clock = parse_clock("Europe/Athens")
    first = wall("2023-10-28 23:00") + np.arange(0, 4 * HOUR, MINUTE)
    second = wall("2024-10-26 23:00") + np.arange(0, 4 * HOUR, MINUTE)
    utc = np.concatenate([first, second])
    assert to_utc(from_utc(utc, clock), clock).ms.tolist() == utc.tolist()


def test_utc_is_left_as_it_is():
    times = walls("2024-10-27 03:10", "2024-03-31 03:00")
    read = to_utc(times, UTC_CLOCK)
    assert read.ms.tolist() == times.tolist()
    assert not read.nonexistent.any()
    assert not read.ambiguous.any()


@settings(max_examples=150, deadline=None)
@given(
    zone=st.sampled_from(ZONES),
    moments=st.lists(
        st.datetimes(naive(2001), naive(2037)).map(lambda at: at.replace(microsecond=0)),
        min_size=1,
        max_size=20,
    ),
)
def test_single_wall_times_agree_with_zoneinfo(zone, moments):
    """For each wall time: its only UTC time by zoneinfo, or nonexistent, or ambiguous."""
    clock = parse_clock(zone)
    for moment in moments:
        candidates = set()
        for fold in (0, 1):
            local = moment.replace(tzinfo=ZoneInfo(zone), fold=fold)
            back = local.astimezone(UTC).astimezone(ZoneInfo(zone)).replace(tzinfo=None)
            if back == moment:
                candidates.add((local.astimezone(UTC) - EPOCH) // timedelta(milliseconds=1))
        read = to_utc(np.array([(moment.replace(tzinfo=UTC) - EPOCH) // timedelta(milliseconds=1)]), clock)
        assert read.nonexistent[0] == (len(candidates) == 0)
        assert read.ambiguous[0] == (len(candidates) == 2)
        if len(candidates) == 1:
            assert {int(read.ms[0])} == candidates


@settings(max_examples=150, deadline=None)
@given(zone=st.sampled_from(ZONES), start=st.datetimes(naive(2001), naive(2036)))
def test_the_wall_time_of_a_moment_agrees_with_zoneinfo(zone, start):
    first = start.replace(tzinfo=UTC, second=0, microsecond=0)
    moments = [first + timedelta(hours=7 * i) for i in range(60)]
    utc = np.array([(moment - EPOCH) // timedelta(milliseconds=1) for moment in moments])
    shown = [moment.astimezone(ZoneInfo(zone)).replace(tzinfo=UTC) for moment in moments]
    assert from_utc(utc, parse_clock(zone)).tolist() == [(at - EPOCH) // timedelta(milliseconds=1) for at in shown]


@settings(max_examples=60, deadline=None)
@given(zone=st.sampled_from(("Europe/Athens", "America/New_York", "NYCLOSE")), day=st.integers(0, 12_000))
def test_an_unbroken_series_survives_the_way_to_wall_time_and_back(zone, day):
    clock = parse_clock(zone)
    utc = np.arange(day * 24 * HOUR, (day + 3) * 24 * HOUR, MINUTE, dtype=np.int64) + wall("2001-01-01 00:00")
    read = to_utc(from_utc(utc, clock), clock)
    assert not read.ambiguous.any()
    assert not read.nonexistent.any()
    assert np.array_equal(read.ms, utc)
