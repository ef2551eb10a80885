"""Zones and breakouts of the break and retest template: examples worked by hand and a second telling."""

from itertools import groupby

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from analysis.indicators import atr
from tests.strategy_templates.break_retest_market import EURO, NAN, column, feed, hours, play, random_candles, template


class Measure(bt.Indicator):
    """An average true range that is given."""

    lines = ("atr",)
    params = (("atr", 1.0),)

    def next(self):
        self.lines.atr[0] = self.p.atr


class Drawn(bt.Strategy):
    """Zones alone, over an average true range that is given (None: that of the candles)."""

    params = (("atr", 1.0), ("margin_atr", 1.0), ("lookback", 48))

    def __init__(self):
        self.made = []
        for data in self.datas:
            given = self.p.atr is not None
            measure = Measure(data, atr=self.p.atr) if given else bt.indicators.AverageTrueRange(data, period=14)
            rules = {"margin_atr": self.p.margin_atr, "lookback": self.p.lookback}
            self.made.append((template.Zone(data, measure, instrument=data.instrument, **rules), measure))


def levels(bodies, **params):
    """(support, resistance) of every bar."""
    zones = play(Drawn, {"XAUUSD": feed(hours(bodies))}, **params).made[0][0]
    return list(zip(column(zones.support).tolist(), column(zones.resistance).tolist(), strict=True))


def same(found, expected):
    np.testing.assert_array_equal(np.array(found), np.array(expected))


# The average true range is 1, and so is the margin: a leg and a counter-move count from a height of 1 on.
SWINGS = [
    (100.0, 101.0),  # 0 rises
    (101.0, 102.0),  # 1 rises: leg of 0 and 1, which begins before the first bar
    (102.0, 101.5),  # 2 falls: ended by the rise of 1.0, but 0.5 high
    (101.5, 100.8),  # 3 falls: leg 102 to 100.8, 1.2 high, ended by the rise: resistance at 102 + a tick
    (100.8, 100.9),  # 4 rises: 0.1 high
    (100.9, 100.2),  # 5 falls: passes over the rise of 0.1, leg 102 to 100.2: the same resistance
    (100.2, 102.0),  # 6 rises: passes over 5 (0.7), takes in 4, ended by 3 and 2 (1.2): support at 100.2 - a tick
    (102.0, 102.0),  # 7 doji: nothing new
]
SWUNG = [*[(NAN, NAN)] * 3, *[(NAN, 102.01)] * 3, *[(100.19, 102.01)] * 2]


class TestZones:
    def test_levels_are_those_worked_by_hand(self):
        same(levels(SWINGS), SWUNG)

    def test_the_mirror_image_has_the_mirrored_levels(self):
        mirrored = [(round(202 - a, 2), round(202 - b, 2)) for a, b in SWINGS]
        same(levels(mirrored), [(round(202 - r, 2), round(202 - s, 2)) for s, r in SWUNG])

    def test_wicks_do_not_count(self):
        zones = play(Drawn, {"XAUUSD": feed(hours(SWINGS, wick=5.0))}).made[0][0]
        same(column(zones.resistance), [resistance for _, resistance in SWUNG])

    @pytest.mark.parametrize(
        ("counter", "resistance"),
        [
            (100.0, 101.01),  # 99 to 100 is a move of exactly the margin: the leg begins after it... at 101
            (99.75, 102.01),  # 0.75 is passed over: the leg goes back to 102
        ],
    )
    def test_a_counter_move_of_the_margin_ends_a_leg(self, counter, resistance):
        bodies = [(101.0, 102.0), (102.0, 99.0), (99.0, counter), (101.0, 99.5)]
        assert levels(bodies)[-1][1] == resistance

    @pytest.mark.parametrize(("last", "resistance"), [(101.0, 102.01), (101.01, NAN)])
    def test_a_leg_of_the_margin_sets_a_level(self, last, resistance):
        same(levels([(101.0, 102.0), (102.0, last)])[-1][1], resistance)

    def test_a_doji_within_a_leg_is_passed_over(self):
        same(levels([(101.0, 102.0), (102.0, 101.5), (101.5, 101.5), (101.5, 100.9)])[-1], (NAN, 102.01))

    def test_dojis_that_gap_end_a_leg(self):
        # 103 to 105 is a run 2.0 high; the leg after it begins at 105
        same(levels([*SWINGS, (103.0, 103.0), (105.0, 105.0), (105.0, 106.5)])[-1][0], 104.99)

    def test_two_runs_behind_each_other_are_measured_apart(self):
        # looking back from the fall: a doji, then a rise of 0.75. Neither is as high as 1, together they would be
        bodies = [(101.0, 102.0), (102.0, 101.0), (101.0, 101.75), (102.2, 102.2), (101.5, 100.9)]
        same(levels(bodies)[-1], (NAN, 102.01))

    def test_the_candle_before_a_counter_move_is_judged_by_its_colour(self):
        # The walk back from the fall passes over the doji at 101. Before it is a rise to 103 of 2.0: it ends the leg
        # and its body is no part of it.
        bodies = [(100.0, 101.0), (101.0, 103.0), (101.0, 101.0), (101.0, 99.5)]
        same(levels(bodies)[-1], (NAN, 101.01))

    @pytest.mark.parametrize(("lookback", "resistance"), [(1, NAN), (2, 102.01)])
    def test_the_lookback_bounds_the_walk(self, lookback, resistance):
        same(levels(SWINGS[:4], lookback=lookback)[-1], (NAN, resistance))

    def test_beyond_the_lookback_a_level_is_carried(self):
        # bar 6 needs bar 2 to measure a counter-move of 1.2; bar 3 alone is 0.7 high
        same(levels(SWINGS, lookback=3)[6], (NAN, 102.01))
        same(levels(SWINGS, lookback=4)[6], (100.19, 102.01))

    @pytest.mark.parametrize("missing", [NAN, 0.0, -1.0])
    def test_without_an_average_true_range_a_stand_in_is_used(self, missing):
        same(levels([(100.0, 101.0), (101.0, 100.5)], atr=missing)[-1], (NAN, 101.01))

    def test_the_padding_is_a_tick_of_the_instrument(self):
        bodies = [(1.1, 1.102), (1.102, 1.1)]
        zones = play(Drawn, {"EURUSD": feed(hours(bodies), EURO)}, atr=0.001).made[0][0]
        assert zones.resistance[0] == 1.10201

    def test_a_new_support_above_the_resistance_drops_it(self):
        same(levels([*SWINGS, (103.0, 103.0), (105.0, 105.0), (105.0, 106.2)])[-1], (104.99, NAN))

    def test_a_new_resistance_below_the_support_drops_it(self):
        same(levels([*SWINGS, (99.0, 99.0), (97.0, 97.0), (97.0, 95.8)])[-1], (NAN, 97.01))


def retold_zones(frame, measure, margin_atr, lookback):
    """The rule as it is written down, candle by candle, with lists of runs."""
    bodies = frame[["open", "close"]].to_numpy()
    colour = np.sign(bodies[:, 1] - bodies[:, 0])
    support, resistance, told = NAN, NAN, []
    for t in range(len(frame)):
        margin = margin_atr * (measure[t] if measure[t] > 0 else 0.0001)
        leg, ended = [t], False
        before = range(t - 1, max(t - lookback, 0) - 1, -1)
        for run_colour, run in groupby(before, key=lambda i: colour[i]):
            run = list(run)
            if run_colour == colour[t]:
                leg += run
            elif np.ptp(bodies[run]) >= margin:
                ended = True
                break
        if ended and colour[t] and np.ptp(bodies[leg]) >= margin:
            if colour[t] < 0:
                resistance = round(bodies[leg].max() + 0.01, 2)
                support = NAN if support >= resistance else support
            else:
                support = round(bodies[leg].min() - 0.01, 2)
                resistance = NAN if support >= resistance else resistance
        told.append((support, resistance))
    return np.array(told).T


class TestZonesOnRandomCandles:
    @pytest.mark.parametrize(
        ("seed", "margin", "lookback"), [(1, 1.0, 48), (2, 0.3, 5), (3, 2.0, 20), (4, 0.0, 48), (5, 1.5, 1_000_000)]
    )
    def test_they_are_the_rule_told_again(self, seed, margin, lookback):
        frame = random_candles(seed, 1_000)
        made = play(Drawn, {"XAUUSD": feed(frame)}, atr=None, margin_atr=margin, lookback=lookback).made[0]
        measure = column(made[1].lines[0])
        expected = retold_zones(frame, measure, margin, lookback)
        np.testing.assert_array_equal(column(made[0].support), expected[0])
        np.testing.assert_array_equal(column(made[0].resistance), expected[1])
        assert all(len(np.unique(line[~np.isnan(line)])) > 5 for line in expected)
        np.testing.assert_allclose(measure, atr(frame["high"], frame["low"], frame["close"], 14), rtol=1e-12)

    def test_the_support_is_always_below_the_resistance(self):
        zones = play(Drawn, {"XAUUSD": feed(random_candles(6, 2_000))}, atr=None, margin_atr=0.5).made[0][0]
        support, resistance = column(zones.support), column(zones.resistance)
        assert (support < resistance).sum() > 500
        assert not (support >= resistance).any()

    def test_nothing_depends_on_a_later_bar(self):
        whole = self.lines(random_candles(7, 400))
        for cut in (20, 77, 150, 333):
            part = self.lines(random_candles(7, 400).iloc[:cut])
            np.testing.assert_array_equal(part, whole[:, :cut])

    def test_nothing_depends_on_how_backtrader_computes_or_on_another_symbol(self):
        gold, other = random_candles(8, 300), random_candles(9, 900, freq=pd.Timedelta(minutes=17))
        alone = self.lines(gold)
        np.testing.assert_array_equal(self.lines(gold, runonce=False), alone)
        np.testing.assert_array_equal(self.lines(gold, other, runonce=False), alone)
        np.testing.assert_array_equal(self.lines(gold, other), alone)

    @staticmethod
    def lines(*frames, runonce=True):
        run = play(Drawn, {str(i): feed(frame) for i, frame in enumerate(frames)}, atr=None, runonce=runonce)
        return np.array([column(getattr(run.made[0][0], name)) for name in ("support", "resistance", "trend")])


class TestBreakout:
    """Between 100 and 102, with a strength of 0.25, the levels are broken from 102.25 on, and from 99.75."""

    @pytest.mark.parametrize(
        ("before", "close", "trend"),
        [
            (101.0, 102.25, 1.0),
            (101.0, 102.24, NAN),
            (102.25, 103.0, 1.0),
            (102.26, 103.0, NAN),  # was beyond it already
            (101.0, 99.75, 2.0),
            (101.0, 99.76, NAN),
            (99.75, 99.0, 2.0),
            (99.74, 99.0, NAN),
        ],
    )
    def test_a_close_beyond_the_level_and_its_strength_breaks_it(self, before, close, trend):
        same(template.trend_of(before, close, 100.0, 102.0, 0.25), trend)

    def test_when_both_would_be_broken_it_is_the_resistance(self):
        assert template.trend_of(100.25, 100.25, 100.5, 100.0, 0.25) == 1.0

    @pytest.mark.parametrize("close", [50.0, 150.0])
    def test_a_level_that_is_not_there_is_never_broken(self, close):
        same(template.trend_of(101.0, close, NAN, NAN, 0.25), NAN)

    @pytest.mark.parametrize(("before", "trend"), [(2, NAN), (3, 1.0)])
    def test_there_is_none_before_the_fourth_bar(self, before, trend):
        # bar 1 closes at 102 and falls back by 2 on the next: resistance 102.01; then the close of 103
        bodies = [*[(101.0, 102.0)] * (before - 1), (102.0, 100.0), (100.0, 103.0)]
        zone = play(Drawn, {"XAUUSD": feed(hours(bodies))}).made[0][0]
        assert zone.resistance[0] == 102.01
        same((zone.breakout[0], zone.trend[0]), (103.0 if trend == 1 else NAN, trend))

    def test_it_is_on_one_bar_only(self):
        bodies = [(101.0, 102.0)] * 2 + [(102.0, 100.0), (100.0, 103.0), (103.0, 103.5)]
        zone = play(Drawn, {"XAUUSD": feed(hours(bodies))}).made[0][0]
        same(column(zone.trend), [NAN, NAN, NAN, 1.0, NAN])
        same(column(zone.breakout), [NAN, NAN, NAN, 103.0, NAN])
