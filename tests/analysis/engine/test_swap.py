"""Swap, worked out by hand: one lot of gold at 100.00 is worth 10,000.00."""

from dataclasses import replace
from datetime import datetime

import pytest

from analysis.engine import BacktestSettings, run_backtest
from tests.analysis.engine.worked import FLAT, GOLD, Script, buy, candles, sell

POINTS = replace(GOLD, swap_long=-38.33, swap_short=11.7)
CLOSE = {"action": "CLOSE_TRADE"}


def run(first, actions, instrument=POINTS, rows=(FLAT,) * 6, **setup):
    """Flat minutes from `first` (UTC) on."""
    start = round(datetime.fromisoformat(f"{first}+00:00").timestamp() * 1000)
    settings = BacktestSettings(initial_equity=10_000.0, **setup)
    return run_backtest(Script(actions, start=start), candles(rows, start=start), instrument, settings)


def swaps(result):
    return [t.swap for t in result.trades]


def test_it_is_booked_in_the_first_candle_at_or_after_the_rollover():
    result = run("2026-01-06T21:57", {0: [buy()]})  # 17:00 in New York is 22:00 UTC
    assert swaps(result) == [-38.33]
    assert result.trades[0].pnl == -38.33
    assert result.equity.tolist() == [10_000.0] * 4 + [9_961.67] * 3


@pytest.mark.parametrize(
    ("action", "swap"),
    [(sell(), 11.7), (buy(lots=0.37), -14.18), (buy(lots=0.01), -0.38), (sell(lots=0.5), 5.85)],
)
def test_each_side_has_its_rate_and_each_booking_is_rounded_to_the_cent(action, swap):
    assert swaps(run("2026-01-06T21:57", {0: [action]})) == [swap]


@pytest.mark.parametrize(
    ("first", "times"),
    [
        ("2026-01-05T21:57", 1), ("2026-01-06T21:57", 1), ("2026-01-07T21:57", 3), ("2026-01-08T21:57", 1),
        ("2026-01-09T21:57", 1), ("2026-01-10T21:57", 0), ("2026-01-11T21:57", 0),
    ],
)  # fmt: skip
def test_monday_to_friday_and_three_times_on_the_triple_day(first, times):
    assert swaps(run(first, {0: [sell()]})) == [round(11.7 * times, 2)]


def test_a_weekend_without_candles_is_one_night():
    """Open on Friday evening, the next candle on Monday: Friday's rollover, none of Saturday and Sunday."""
    rows = [FLAT] * 3 + [None] * (50 * 60) + [FLAT]
    assert swaps(run("2026-01-09T21:56", {0: [sell()]}, rows=rows)) == [11.7]


@pytest.mark.parametrize(
    ("first", "swap"), [("2026-03-06T21:57", 11.7), ("2026-03-10T20:57", 11.7), ("2026-03-10T21:57", 0)]
)
def test_the_rollover_follows_summer_time(first, swap):
    assert swaps(run(first, {0: [sell()]})) == [swap]


def test_the_rollover_of_the_config_is_used():
    setup = {"rollover_time": "00:00", "rollover_timezone": "UTC"}
    assert swaps(run("2026-01-06T23:57", {0: [sell()]}, **setup)) == [35.1]  # booked on Wednesday
    assert swaps(run("2026-01-06T21:57", {0: [sell()]}, **setup)) == [0.0]


def test_an_entry_at_the_rollover_is_after_it_and_an_exit_at_it_is_too():
    assert swaps(run("2026-01-06T21:57", {2: [sell()]})) == [0.0]
    assert swaps(run("2026-01-06T21:57", {0: [sell()], 2: [CLOSE]})) == [11.7]
    assert swaps(run("2026-01-06T21:57", {0: [sell()], 1: [CLOSE]})) == [0.0]


@pytest.mark.parametrize(
    ("fields", "swap"),
    [
        ({"swap_mode": "money", "swap_long": -0.725}, -1.45),  # a lot
        ({"swap_mode": "percent", "swap_long": -5.0}, -2.78),  # of 20,000.00 a year: 1,000.00 / 360
        ({"swap_mode": "points", "swap_long": -3.0, "point": 0.1}, -60.0),  # a point of ten ticks
    ],
)
def test_the_modes(fields, swap):
    assert swaps(run("2026-01-06T21:57", {0: [buy(lots=2.0)]}, replace(GOLD, **fields))) == [swap]


def test_a_part_takes_its_share_rounded_toward_zero_and_the_last_the_rest():
    result = run("2026-01-06T21:57", {0: [buy()], 3: [{"action": "CLOSE_TRADE", "lots": 0.3}]})
    assert [(t.lots, t.swap) for t in result.trades] == [(0.3, -11.49), (0.7, -26.84)]
