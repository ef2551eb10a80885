import pytest

from analysis.engine.fills import NO_STOP, NO_TARGET, Exit, Path, first_exit, price_at, stretch, waypoints
from analysis.engine.result import Intrabar

PESSIMISTIC, OPTIMISTIC, OHLC = Intrabar.PESSIMISTIC, Intrabar.OPTIMISTIC, Intrabar.OHLC


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
        (0, 60_000, Path(100, 112, 90, 100, True)),
        (0, 10_000, Path(100, 106, 100, 106, False)),
        (10_000, 60_000, Path(106, 112, 90, 100, True)),
        (10_000, 30_000, Path(106, 112, 101, 101, True)),
        (20_000, 60_000, Path(112, 112, 90, 100, True)),
        (30_000, 60_000, Path(101, 101, 90, 100, True)),
        (40_000, 60_000, Path(90, 100, 90, 100, False)),
        (60_000, 60_000, Path(100, 100, 100, 100, False)),
    ],
)
def test_a_stretch_holds_only_the_prices_of_its_time(from_ms, to_ms, part):
    assert stretch((100, 112, 90, 100), from_ms, to_ms) == part


HIGH_FIRST = Path(100, 110, 90, 95, True)
LOW_FIRST = Path(100, 110, 90, 95, False)


@pytest.mark.parametrize(
    ("path", "stop", "target", "rule", "expected"),
    [
        (HIGH_FIRST, NO_STOP, NO_TARGET, PESSIMISTIC, None),
        (HIGH_FIRST, 89, 111, PESSIMISTIC, None),
        (HIGH_FIRST, 90, 111, PESSIMISTIC, Exit(90, "sl", False)),  # touching is enough
        (HIGH_FIRST, 89, 110, PESSIMISTIC, Exit(110, "tp", False)),
        (HIGH_FIRST, 95, 105, PESSIMISTIC, Exit(95, "sl", True)),
        (LOW_FIRST, 95, 105, PESSIMISTIC, Exit(95, "sl", True)),
        (HIGH_FIRST, 95, 105, OPTIMISTIC, Exit(105, "tp", True)),
        (LOW_FIRST, 95, 105, OPTIMISTIC, Exit(105, "tp", True)),
        (HIGH_FIRST, 95, 105, OHLC, Exit(105, "tp", True)),
        (LOW_FIRST, 95, 105, OHLC, Exit(95, "sl", True)),
        (HIGH_FIRST, 101, 105, OPTIMISTIC, Exit(100, "sl", False)),  # opened beyond the stop: a gap
        (HIGH_FIRST, 100, 105, OPTIMISTIC, Exit(100, "sl", False)),  # exactly at it
        (HIGH_FIRST, 95, 100, PESSIMISTIC, Exit(100, "tp", False)),
        (HIGH_FIRST, 95, 99, PESSIMISTIC, Exit(100, "tp", False)),  # opened beyond the target: better than asked for
    ],
)
def test_the_level_reached_first_closes(path, stop, target, rule, expected):
    assert first_exit(path, stop, target, rule) == expected


def test_a_short_is_a_long_upside_down():
    ask = HIGH_FIRST.raised(2)
    assert ask == Path(102, 112, 92, 97, True)
    mirrored = ask.mirrored()
    assert mirrored == Path(-102, -92, -112, -97, False)
    assert first_exit(mirrored, -112, NO_TARGET, PESSIMISTIC) == Exit(-112, "sl", False)
    assert first_exit(mirrored, -105, -95, OHLC) == Exit(-105, "sl", True)  # up first is against a short
