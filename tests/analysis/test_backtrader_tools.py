"""Times, lines, sizes and the daily RSI that strategies for backtrader share."""

import math
from datetime import UTC, datetime, timedelta

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from analysis.strategy import backtrader_tools as tools
from tests.analysis.library import ta
from tests.strategy_templates.break_retest_market import EURO, GOLD, TUESDAY, column, feed, play

NAN = math.nan
DAY = timedelta(days=1)


class Watching(bt.Strategy):
    """Keeps what the tools say on every bar of every feed, by the feed's name."""

    def __init__(self):
        self.rsi = {data._name: tools.DailyRSI(data) for data in self.datas}
        self.told = {data._name: [] for data in self.datas}

    def prenext(self):
        self.next()

    def next(self):
        for data in self.datas:
            if len(data) > len(self.told[data._name]):
                before = tools.bar_time(data, -1) if len(data) > 1 else None
                self.told[data._name].append(
                    (tools.bar_ms(data), tools.bar_time(data), before, self.rsi[data._name][0])
                )


def closes(values, times):
    values = np.asarray(values, dtype=float)
    return pd.DataFrame(dict.fromkeys(("open", "high", "low", "close", "volume"), values), index=times)


def daily_rsi(frame, **options):
    return np.array([rsi for *_, rsi in play(Watching, {"A": feed(frame)}, **options).told["A"]])


def days(count, start=TUESDAY):
    return pd.date_range(start, periods=count, freq="D")


class TestTimes:
    @pytest.mark.parametrize("runonce", [True, False])
    def test_they_are_those_of_the_feed_to_the_millisecond(self, runonce):
        # every minute around a year's end, and some odd milliseconds: the line is a float that counts days
        index = pd.date_range("2025-12-30", periods=4_000, freq="min", tz="UTC") + pd.to_timedelta(
            np.arange(4_000) % 7 * 13, "ms"
        )
        run = play(Watching, {"A": feed(closes(np.ones(4_000), index))}, runonce=runonce)
        expected = index.as_unit("ms").asi8.tolist()
        assert [told[0] for told in run.told["A"]] == expected
        assert [told[1] for told in run.told["A"]] == index.to_pydatetime().tolist()
        assert [told[2] for told in run.told["A"]] == [None, *index.to_pydatetime().tolist()[:-1]]
        assert all(told[1].tzinfo is UTC for told in run.told["A"])
        assert tools.line_times(run.data).tolist() == expected

    def test_the_epoch_is_backtraders(self):
        for text in ("1970-01-01T00:00Z", "2026-07-01T23:59:59.999Z", "1999-12-31T12:00Z"):
            moment = datetime.fromisoformat(text)
            expected = round(moment.timestamp() * 1000)
            assert tools.days_to_ms(bt.date2num(moment)) == expected
            assert tools.moment(expected) == moment

    def test_each_feed_has_its_own(self):
        hourly = closes(range(50), pd.date_range(TUESDAY, periods=50, freq="h"))
        odd = closes(range(40), pd.date_range(TUESDAY + timedelta(minutes=7), periods=40, freq="41min"))
        run = play(Watching, {"A": feed(hourly), "B": feed(odd)})
        for name, frame in (("A", hourly), ("B", odd)):
            assert [told[1] for told in run.told[name]] == frame.index.to_pydatetime().tolist()
        for data, frame in zip(run.datas, (hourly, odd), strict=True):
            assert tools.line_values(data.close).tolist() == frame["close"].tolist()


class TestHeldLevels:
    @pytest.mark.parametrize(
        ("values", "levels"),
        [
            ([], []),
            ([NAN], []),
            ([1.0], [(0, 0, 1.0)]),
            ([1.0, 1.0, 2.0, 2.0], [(0, 2, 1.0), (2, 3, 2.0)]),
            ([NAN, NAN, 1.0, 1.0, NAN, 1.0, NAN], [(2, 4, 1.0), (5, 6, 1.0)]),
            ([1.0, 2.0, 1.0], [(0, 1, 1.0), (1, 2, 2.0), (2, 2, 1.0)]),
        ],
    )
    def test_they_last_until_the_row_that_ends_them(self, values, levels):
        assert list(tools.held_levels(np.array(values))) == levels


class TestLotsAtRisk:
    @pytest.mark.parametrize(
        ("instrument", "money", "distance", "lots"),
        [
            (GOLD, 100.0, 2.42, 0.41),  # 242 ticks of 1.00: 0.4132
            (GOLD, 100.0, 2.00, 0.5),  # exactly a step
            (GOLD, 1.0, 2.00, 0.0),  # 0.005: below a step
            (GOLD, 1e9, 2.00, 50.0),  # the largest volume
            (EURO, 100.0, 0.0050, 0.2),  # 500 ticks of 1.00
            (GOLD, 0.0, 2.0, 0.0),
            (GOLD, -5.0, 2.0, 0.0),
            (GOLD, 100.0, 0.0, 0.0),
            (GOLD, 100.0, NAN, 0.0),
            (GOLD, NAN, 2.0, 0.0),
        ],
    )
    def test_they_lose_the_money_over_the_distance(self, instrument, money, distance, lots):
        assert tools.lots_at_risk(instrument, money, distance) == lots


class TestDailyRSI:
    # Seven rises of 1.0 and seven falls of 0.5: averages 7 / 14 = 0.5 and 3.5 / 14 = 0.25.
    CLOSES = (100, 101, 102, 103, 104, 105, 106, 107, 106.5, 106, 105.5, 105, 104.5, 104, 103.5)

    def test_it_is_the_one_worked_by_hand(self):
        # day 15 rises by 2: averages 0.5 x 13/14 + 2/14 = 0.60714 and 0.25 x 13/14 = 0.23214
        found = daily_rsi(closes([*self.CLOSES, 105.5, 105.5], days(17)))
        assert np.isnan(found[:15]).all()  # on the 15th day 14 are over
        assert found[15] == pytest.approx(100 * 0.5 / 0.75)
        assert found[16] == pytest.approx(100 * 0.607142857 / (0.607142857 + 0.232142857))

    def test_it_is_that_of_the_library_for_the_day_before(self):
        walk = 100 + np.cumsum(np.random.default_rng(1).normal(0, 1, 300))
        expected = ta.rsi(pd.Series(walk), length=14).shift(1)
        np.testing.assert_allclose(daily_rsi(closes(walk, days(300))), expected, rtol=1e-9)

    def test_it_is_the_same_all_day_and_knows_nothing_of_the_day(self):
        rng = np.random.default_rng(2)
        times = pd.date_range(TUESDAY, periods=40 * 96, freq="15min")
        values = 100 + np.cumsum(rng.normal(0, 0.1, len(times)))
        found = daily_rsi(closes(values, times)).reshape(40, 96)
        assert (np.isnan(found[:15])).all()
        assert (found[15:] == found[15:, :1]).all()
        assert len(np.unique(found[15:, 0])) == 25
        last = ta.rsi(pd.Series(values.reshape(40, 96)[:, -1]), length=14).shift(1)
        np.testing.assert_allclose(found[:, 0], last, rtol=1e-9)
        values[20 * 96 :] += 50  # the 21st day is another
        changed = daily_rsi(closes(values, times)).reshape(40, 96)
        np.testing.assert_array_equal(changed[:21], found[:21])
        assert (changed[21] != found[21]).all()

    def test_a_day_ends_at_midnight_utc_whatever_the_zone_of_the_feed(self):
        times = pd.date_range(TUESDAY, periods=20 * 24, freq="h")
        values = np.repeat([*self.CLOSES, 105.5, 105.5, 1, 1, 1], 24).astype(float)
        values[23::24] += 0.25  # a change in the last hour of the day
        found = daily_rsi(closes(values, times))
        np.testing.assert_array_equal(daily_rsi(closes(values, times.tz_convert("America/New_York"))), found)
        assert math.isnan(found[15 * 24 - 1])
        assert found[15 * 24] == pytest.approx(100 * 0.5 / 0.75)

    def test_days_without_a_bar_are_no_days(self):
        weekdays = pd.DatetimeIndex([day for day in days(40) if day.weekday() < 5])
        walk = 100 + np.cumsum(np.random.default_rng(3).normal(0, 1, len(weekdays)))
        np.testing.assert_array_equal(daily_rsi(closes(walk, weekdays)), daily_rsi(closes(walk, days(len(walk)))))

    @pytest.mark.parametrize(("step", "rsi"), [(1.0, 100.0), (-1.0, 0.0), (0.0, 50.0)])
    def test_one_way_is_an_end_of_the_scale_and_no_way_the_middle(self, step, rsi):
        assert daily_rsi(closes(100 + step * np.arange(20), days(20)))[-1] == rsi

    @pytest.mark.parametrize("runonce", [True, False])
    def test_each_feed_has_its_own(self, runonce):
        # On every second bar of A backtrader calls B's indicator without a new bar of B.
        walk = 100 + np.cumsum(np.random.default_rng(4).normal(0, 1, 1_000))
        a = closes(walk, pd.date_range(TUESDAY, periods=1_000, freq="h"))
        b = closes(walk[::-2] * 3, pd.date_range(TUESDAY, periods=500, freq="2h"))
        run = play(Watching, {"A": feed(a), "B": feed(b)}, runonce=runonce)
        for name, frame in (("A", a), ("B", b)):
            found = np.array([rsi for *_, rsi in run.told[name]])
            np.testing.assert_array_equal(found, daily_rsi(frame))
            assert len(np.unique(found[~np.isnan(found)])) > 20
            np.testing.assert_array_equal(column(run.rsi[name].lines[0]), found)
