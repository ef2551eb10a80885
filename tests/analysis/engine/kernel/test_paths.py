import pytest

from analysis.engine.kernel.paths import (
    Path,
    after_limit,
    after_stop,
    outcome,
    price_at,
    seen_by,
    stretch,
    waypoints,
)
from analysis.engine.kernel.records import (
    NO_STOP,
    NO_TARGET,
    OHLC,
    OPTIMISTIC,
    PESSIMISTIC,
    SL,
    STILL_OPEN,
    TP,
)


def path(start, high, low, end, high_first):
    """A stretch in which everything that was reached was reached for certain."""
    return Path(start, low, high, low, high, end, low, high, high_first)


@pytest.mark.parametrize(
    ("candle", "course"),
    [
        ((100, 103, 90, 95), (100, 103, 90, 95)),  # the high is nearer
        ((100, 110, 98, 95 + 4), (100, 98, 110, 99)),  # the low is nearer
        ((100, 105, 95, 101), (100, 95, 105, 101)),  # as near: a rising candle dips first
        ((100, 105, 95, 100), (100, 95, 105, 100)),  # one that does not move as well
        ((100, 105, 95, 99), (100, 105, 95, 99)),  # a falling candle rises first
    ],
)
def test_the_course_goes_to_the_nearer_extreme_first(candle, course):
    assert waypoints(*candle) == course


@pytest.mark.parametrize(
    ("ms", "price"),
    [
        (0, 100), (10_000, 106), (20_000, 112), (30_000, 101), (40_000, 90), (50_000, 95), (60_000, 100),
        (1, 100), (834, 101), (833, 100),  # 12 ticks in 20 s: half a tick after 833.3 ms
    ],
)  # fmt: skip
def test_every_leg_takes_a_third_of_the_minute(ms, price):
    assert price_at((100, 112, 90, 100), ms) == price


def test_half_a_tick_rounds_up_on_the_way_down_too():
    assert price_at((100, 99, 99, 99), 10_000) == 100


@pytest.mark.parametrize(
    ("from_ms", "to_ms", "part"),
    [
        (0, 60_000, path(100, 112, 90, 100, True)),
        (0, 10_000, path(100, 106, 100, 106, False)),
        (10_000, 60_000, path(106, 112, 90, 100, True)),
        (10_000, 30_000, path(106, 112, 101, 101, True)),
        (20_000, 60_000, path(112, 112, 90, 100, True)),
        (30_000, 60_000, path(101, 101, 90, 100, True)),
        (40_000, 60_000, path(90, 100, 90, 100, False)),
        (60_000, 60_000, path(100, 100, 100, 100, False)),
    ],
)
def test_a_stretch_holds_only_the_prices_of_its_time(from_ms, to_ms, part):
    assert stretch((100, 112, 90, 100), from_ms, to_ms) == part


HIGH_FIRST = path(100, 110, 90, 95, True)
LOW_FIRST = path(100, 110, 90, 95, False)


@pytest.mark.parametrize(
    ("course", "stop", "target", "rule", "expected"),
    [
        (HIGH_FIRST, NO_STOP, NO_TARGET, PESSIMISTIC, None),
        (HIGH_FIRST, 89, 111, PESSIMISTIC, None),
        (HIGH_FIRST, 90, 111, PESSIMISTIC, (90, SL, False)),  # touching is enough
        (HIGH_FIRST, 89, 110, PESSIMISTIC, (110, TP, False)),
        (HIGH_FIRST, 95, 105, PESSIMISTIC, (95, SL, True)),
        (LOW_FIRST, 95, 105, PESSIMISTIC, (95, SL, True)),
        (HIGH_FIRST, 95, 105, OPTIMISTIC, (105, TP, True)),
        (LOW_FIRST, 95, 105, OPTIMISTIC, (105, TP, True)),
        (HIGH_FIRST, 95, 105, OHLC, (105, TP, True)),
        (LOW_FIRST, 95, 105, OHLC, (95, SL, True)),
        (HIGH_FIRST, 101, 105, OPTIMISTIC, (100, SL, False)),  # opened beyond the stop: a gap
        (HIGH_FIRST, 100, 105, OPTIMISTIC, (100, SL, False)),  # exactly at it
        (HIGH_FIRST, 95, 100, PESSIMISTIC, (100, TP, False)),
        (HIGH_FIRST, 95, 99, PESSIMISTIC, (100, TP, False)),  # opened beyond the target: better than asked for
    ],
)
def test_the_level_reached_first_closes(course, stop, target, rule, expected):
    assert closes(course, stop, target, rule) == expected


def closes(course, stop, target, rule):
    """(price, reason, whether the rule decided), None when it stays open."""
    ends = outcome(course, stop, target, rule)
    decided = ends.pessimistic != ends.optimistic
    return None if ends.reason == STILL_OPEN else (ends.price, ends.reason, decided)


def test_a_short_is_a_long_upside_down():
    mirrored = seen_by(HIGH_FIRST, -1, 2)
    assert mirrored == path(-102, -92, -112, -97, False)
    assert closes(mirrored, -112, NO_TARGET, PESSIMISTIC) == (-112, SL, False)
    assert closes(mirrored, -105, -95, OHLC) == (-105, SL, True)  # up first is against a short


@pytest.mark.parametrize("rule", [PESSIMISTIC, OPTIMISTIC, OHLC])
def test_after_a_limit_the_way_down_is_certain(rule):
    """Open 100, low 90, high 110, close 95; filled at 97 on the way down."""
    for course in (HIGH_FIRST, LOW_FIRST):
        assert closes(after_limit(course, 97), 92, NO_TARGET, rule) == (92, SL, False)
        assert closes(after_limit(course, 97), 89, NO_TARGET, rule) is None


@pytest.mark.parametrize(
    ("course", "rule", "expected"),
    [
        (HIGH_FIRST, PESSIMISTIC, None),  # the high may have been before
        (HIGH_FIRST, OHLC, None),  # and by the course it was
        (HIGH_FIRST, OPTIMISTIC, (105, TP, True)),
        (LOW_FIRST, PESSIMISTIC, None),
        (LOW_FIRST, OHLC, (105, TP, True)),
    ],
)
def test_whether_a_target_comes_after_a_limit_is_an_assumption(course, rule, expected):
    assert closes(after_limit(course, 97), NO_STOP, 105, rule) == expected


def test_a_close_beyond_the_target_is_no_assumption():
    assert closes(after_limit(path(100, 110, 90, 108, True), 97), NO_STOP, 105, PESSIMISTIC) == (105, TP, False)


@pytest.mark.parametrize(
    ("course", "rule", "expected"),
    [
        (LOW_FIRST, OPTIMISTIC, None),  # open 100, filled at 104 on the way up, close 95: 96 is below the close
        (LOW_FIRST, PESSIMISTIC, (94, SL, True)),
        (LOW_FIRST, OHLC, None),
        (HIGH_FIRST, OHLC, (94, SL, True)),
    ],
)
def test_whether_a_stop_loss_comes_after_a_stop_entry_is_an_assumption(course, rule, expected):
    assert closes(after_stop(course, 104), 94, NO_TARGET, rule) == expected


def test_after_a_stop_entry_the_way_up_is_certain():
    for course in (HIGH_FIRST, LOW_FIRST):
        for rule in (PESSIMISTIC, OPTIMISTIC, OHLC):
            assert closes(after_stop(course, 104), 80, 109, rule) == (109, TP, False)
