"""Orders and drawings of the break and retest template: worked by hand, in backtrader alone and on the platform."""

import logging
import math
import time
from dataclasses import replace
from datetime import timedelta

import numpy as np
import pandas as pd
import pytest

from analysis.backtrader_engine import Feed, run_backtrader
from analysis.engine import BacktestSettings
from analysis.errors import ParamsInvalid
from analysis.indicators import ema
from analysis.strategy import inspect_source
from analysis.strategy.overlays import checked_overlays
from analysis.timeframes import closed_bars
from tests.analysis.engine.test_independent_referee import random_walk, sample
from tests.analysis.engine.worked import candles
from tests.strategy_templates.break_retest_market import (
    EURO,
    GOLD,
    HOUR,
    PATH,
    PRICES,
    SOURCE,
    TUESDAY,
    BreakRetest,
    epoch,
    feed,
    hour_of,
    hours,
    play,
    random_candles,
)


class TestSource:
    def test_it_passes_the_check_every_upload_passes(self):
        described = inspect_source(SOURCE, PATH.name)
        assert (described.class_name, described.kind) == ("BreakRetestV1Strategy", "backtrader")
        assert described.default_params == {
            "RR": 2.0, "RISK_PER_TRADE": 0.01, "BREAKOUT_LOOKBACK_PERIOD": 48, "ZONE_INVERSION_MARGIN_ATR": 1.0,
            "BREAKOUT_MIN_STRENGTH_ATR": 0.2, "MIN_RISK_DISTANCE_ATR": 0.5, "SR_CANCELLATION_THRESHOLD_ATR": 0.2,
            "SL_BUFFER_ATR": 0.3, "EMA_LENGTH": 40, "ATR_LENGTH": 14, "VOLUME_MA_LENGTH": 20,
            "CHECK_FOR_DAILY_RSI": True,
        }  # fmt: skip
        assert described.doc.startswith("Buys the retest of a resistance")

    def test_every_parameter_has_what_a_form_needs(self):
        described = inspect_source(SOURCE, PATH.name)
        assert set(described.params_schema) == set(described.default_params)
        for rules in described.params_schema.values():
            assert all(rules[key] for key in ("label", "group", "help"))

    def test_numbers_have_the_bounds_of_the_dashboard(self):
        schema = inspect_source(SOURCE, PATH.name).params_schema
        assert {name: (rules.get("min"), rules.get("max")) for name, rules in schema.items()} == {
            "RR": (0, 10_000), "RISK_PER_TRADE": (1e-7, 1), "BREAKOUT_LOOKBACK_PERIOD": (1, 1_000_000),
            "ZONE_INVERSION_MARGIN_ATR": (0, None), "BREAKOUT_MIN_STRENGTH_ATR": (0.001, None),
            "MIN_RISK_DISTANCE_ATR": (0, 100), "SR_CANCELLATION_THRESHOLD_ATR": (0.0001, 1000),
            "SL_BUFFER_ATR": (0, 100), "EMA_LENGTH": (1, 5000), "ATR_LENGTH": (1, 5000),
            "VOLUME_MA_LENGTH": (1, 5000), "CHECK_FOR_DAILY_RSI": (None, None),
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"RISK_PER_TRADE": 1.5}, "RISK_PER_TRADE: must be at most 1.0, and is 1.5"),
            ({"BREAKOUT_LOOKBACK_PERIOD": 0}, "BREAKOUT_LOOKBACK_PERIOD: must be at least 1, and is 0"),
            ({"CHECK_FOR_DAILY_RSI": 1}, "CHECK_FOR_DAILY_RSI: must be true or false"),
        ],
    )
    def test_a_value_it_cannot_use_is_named(self, params, message):
        with pytest.raises(ParamsInvalid) as caught:
            play(BreakRetest, {"XAUUSD": feed(hours(SETUP))}, **params)
        assert message in str(caught.value)


# Every candle is 2.00 high, begins at the close before it and has no wick below: every true range is 2.00, and so is
# its average. Margin 2.00, strength 0.40, stop loss buffer 0.60, cancellation distance 0.40, lowest zone 1.00.
SETUP = [
    (100.0, 101.5),  # 0
    (101.5, 103.0),  # 1
    (103.0, 101.8),  # 2 falls by 1.2
    (101.8, 100.6),  # 3 falls: leg of 2.4 from 103, ended by the rise of 3: resistance 103.01
    (100.6, 102.0),  # 4 rises by 1.4
    (102.0, 102.9),  # 5 rises: leg of 2.3 from 100.6, ended by the fall of 2.4: support 100.59
    (102.9, 104.5),  # 6 closes above 103.01 + 0.40: broken. Zone 103.01 - 100.59 = 2.42 high. Buy limit at 103.01,
    #                    SL 100.59 - 0.60 = 99.99, TP 103.01 + 2 x 2.42 = 107.85,
    #                    1 % of 10,000 = 100 = lots x 2.42 x 100: 0.413, that is 0.41 lots
    (104.5, 105.3),  # 7 high 106.5: ran 2.0 beyond the breakout's close
    (105.3, 103.6),  # 8 high 105.6
    (103.6, 103.0),  # 9 falls to 103: bought at 103.01. Leg of 2.3 from 105.3: resistance 105.31
    (103.0, 104.9),  # 10 rises by 1.9
    (104.9, 106.2),  # 11 leg of 3.2 from 103: support 102.99. Closes above 105.31 + 0.40: broken, 2.32 high.
    #                    Buy limit at 105.31, SL 102.99 - 0.60 = 102.39, TP 105.31 + 4.64 = 109.95,
    #                    equity 10,000 + 0.41 x 100 x (106.2 - 103.01) = 10,130.79: 101.31 / 232 = 0.436, 0.43 lots
    (106.2, 107.9),  # 12 reaches 107.85: +4.84 x 0.41 x 100 = 198.44
    (107.9, 106.9),  # 13 falls by 1
    (106.9, 105.86),  # 14 leg of 2.04 from 107.9: resistance 107.91
    (105.86, 107.0),  # 15 rises by 1.14
    (107.0, 107.9),  # 16 leg of 2.04 from 105.86: support 105.85, more than 0.40 above 105.31: cancelled
    (107.9, 107.8),  # 17 the strategy hears of it
]
MIRRORED = [(round(210 - first, 2), round(210 - last, 2)) for first, last in SETUP]
WAITING = [*SETUP[:8], *[(105.3, 105.3)] * 10]  # the first order only: the price does not come back
MIRRORED_WAITING = [*MIRRORED[:8], *[(104.7, 104.7)] * 10]
SHORT = {"ATR_LENGTH": 3, "EMA_LENGTH": 3, "VOLUME_MA_LENGTH": 3}


def setup(bodies=SETUP, start=TUESDAY, step=HOUR, *, down=False):
    """Candles of (open, close), 2.00 high, with all of the wick on one side; bar 6 has three times the volume."""
    frame = hours(bodies, start, step)
    if down:
        frame["low"] = (frame["high"] - 2).round(2)
    else:
        frame["high"] = (frame["low"] + 2).round(2)
    frame.iloc[6:7, frame.columns.get_loc("volume")] = 30.0
    return frame


def trade(bodies=SETUP, strategy=BreakRetest, *, down=False, start=TUESDAY, frame=None, **params):
    """Records of the orders of one symbol, in backtrader alone."""
    shown = setup(bodies, start, down=down) if frame is None else frame
    return play(strategy, {"XAUUSD": feed(shown)}, **{**SHORT, **params}).trade_records()


def only(records, *names):
    return [tuple(record[name] for name in names) for record in records]


def at(hour):
    return TUESDAY + hour * timedelta(hours=1)


LEVELS = ("order_side", "entry_price", "sl", "tp", "size")
FIRST, SECOND = ("BUY", 103.01, 99.99, 107.85, 0.41), ("BUY", 105.31, 102.39, 109.95, 0.43)


class TestOrders:
    def test_they_are_those_worked_by_hand(self):
        first, second = trade()
        assert only([first, second], *LEVELS) == [FIRST, SECOND]
        events = ("placed", "open", "close_c", "close_d", "close_r")
        assert {name: first[name] for name in first if name.startswith(events)} == {
            "placed_candle": 6, "placed_datetime": at(6), "open_candle": 9, "open_datetime": at(9),
            "close_candle": 12, "close_datetime": at(12), "close_reason": "TP",
        }  # fmt: skip
        assert (first["trade_id"], first["symbol"], first["state"], first["time_to_fill"]) == (1, "XAUUSD", "TP_HIT", 3)
        money = ("entry_executed_price", "exit_price", "pnl", "total_slippage")
        assert [first[name] for name in money] == pytest.approx([103.01, 107.85, 198.44, 0.0])
        assert second["state"] == second["close_reason"] == "CANCELED"
        assert (second["placed_datetime"], second["close_datetime"]) == (at(11), at(16))
        assert second["open_candle"] is second["pnl"] is second["total_slippage"] is None

    def test_the_record_says_what_the_breakout_was_like(self):
        first, _ = trade()
        expected = {
            "broken_resistance": 103.01,
            "broken_support": 100.59,
            "breakout_price": 104.5,
            "relative_volume": 1.8,  # 30 over the mean of 10, 10, 30
            "atr_at_break": 2.0,
            "atr_breakout_wick": 0.2,  # high 104.9, close 104.5
            "atr_sl_dist": 1.51,  # 3.02 below the entry
            "atr_tp_dist": 2.42,  # 4.84 above it
            "highest_excursion_from_breakout": 2.0,  # 106.5 on bar 7; bar 9, which filled it, has no part
            "atr_rel_excursion": 1.0,
        }
        assert {name: first[name] for name in expected} == pytest.approx(expected)
        assert math.isnan(first["rsi_at_break"])  # needs 14 changes

    def test_the_mirror_image_is_sold(self):
        # 210 - 103.01 = 106.99 and so on; the account gains the same
        first, second = trade(MIRRORED, down=True)
        assert only([first], *LEVELS) == [("SELL", 106.99, 110.01, 102.15, 0.41)]
        assert only([second], *LEVELS) == [("SELL", 104.69, 107.61, 100.05, 0.43)]
        assert (first["close_reason"], second["state"]) == ("TP", "CANCELED")
        assert first["pnl"] == pytest.approx(198.44)
        assert first["highest_excursion_from_breakout"] == pytest.approx(2.0)
        assert first["atr_breakout_wick"] == pytest.approx(0.2)

    def test_a_fall_after_the_fill_ends_at_the_stop_loss(self):
        first, *_ = trade([*SETUP[:10], (103.0, 101.2), (101.2, 99.5), *[(99.5, 99.5)] * 6])
        assert (first["state"], first["close_reason"], first["close_candle"]) == ("SL_HIT", "SL", 11)
        assert (first["exit_price"], first["pnl"]) == pytest.approx((99.99, -3.02 * 0.41 * 100))

    def test_an_order_waits_for_ever(self):
        (first,) = trade([*SETUP[:8], *[(105.3, 105.3)] * 500])
        assert (first["state"], first["close_datetime"]) == ("PENDING", None)

    def test_any_number_may_wait(self):
        # 9 falls to 103.2, leg of 2.1 from 105.3: resistance 105.31. 11 rises from there: support 103.19, which is not
        # 0.40 above 103.01, and breaks 105.31.
        records = trade(
            [*SETUP[:8], (105.3, 104.2), (104.2, 103.2), (103.2, 105.0), (105.0, 106.2), *[(106.2, 106.2)] * 4]
        )
        assert only(records, "state", "entry_price", "sl") == [("PENDING", 103.01, 99.99), ("PENDING", 105.31, 102.59)]

    @pytest.mark.parametrize(
        ("params", "levels"),
        [
            ({"RR": 1.0}, ("BUY", 103.01, 99.99, 105.43, 0.41)),
            ({"RR": 0.5}, ("BUY", 103.01, 99.99, 104.22, 0.41)),
            ({"SL_BUFFER_ATR": 0.0}, ("BUY", 103.01, 100.59, 107.85, 0.41)),
            ({"SL_BUFFER_ATR": 1.0}, ("BUY", 103.01, 98.59, 107.85, 0.41)),
            ({"RISK_PER_TRADE": 0.02}, ("BUY", 103.01, 99.99, 107.85, 0.82)),
            ({"MIN_RISK_DISTANCE_ATR": 1.2}, FIRST),  # 2.40
        ],
    )
    def test_a_parameter_moves_what_it_names(self, params, levels):
        assert only(trade(WAITING, **params), *LEVELS) == [levels]

    @pytest.mark.parametrize(
        "params",
        [
            {"MIN_RISK_DISTANCE_ATR": 1.22},  # 2.44
            {"BREAKOUT_LOOKBACK_PERIOD": 2},  # bar 5 does not see the end of its leg: there is no support
            {"ZONE_INVERSION_MARGIN_ATR": 1.3},  # 2.60: nor is a leg high enough
        ],
    )
    def test_no_order_on_the_breakout_when(self, params):
        run = play(BreakRetest, {"XAUUSD": feed(setup(WAITING))}, **{**SHORT, **params})
        assert run.trade_records() == []
        assert [marker["price"] for marker in run.chart_overlays()["XAUUSD"].to_json()["markers"]] == [104.5]

    @pytest.mark.parametrize(("strength", "candle"), [(0.74, 6), (0.75, 7)])
    def test_the_strength_of_a_breakout_is_that_of_the_parameter(self, strength, candle):
        # 103.01 + 1.48 = 104.49, reached by the close of 104.5; 104.51 only by that of 105.3
        assert only(trade(WAITING, BREAKOUT_MIN_STRENGTH_ATR=strength), "placed_candle") == [(candle,)]

    @pytest.mark.parametrize(("bodies", "down"), [(SETUP, False), (MIRRORED, True)])
    def test_the_cancellation_distance_is_that_of_the_parameter(self, bodies, down):
        # 105.85 - 105.31 = 0.54: 0.27 average true ranges
        for distance, state in ((0.26, "CANCELED"), (0.28, "PENDING")):
            records = trade(bodies, down=down, SR_CANCELLATION_THRESHOLD_ATR=distance)
            assert only(records, "state") == [("TP_HIT",), (state,)]

    @pytest.mark.parametrize(
        ("start", "placed"),
        [
            (TUESDAY - timedelta(hours=7), [(11,)]),  # bar 6 opens on Monday at 23:00
            (TUESDAY - timedelta(hours=6), [(6,), (11,)]),  # on Tuesday at 00:00
            (TUESDAY - timedelta(hours=24), []),
            (TUESDAY - timedelta(hours=31), [(6,)]),  # on Sunday at 23:00
        ],
    )
    def test_no_order_on_a_monday(self, start, placed):
        assert only(trade(start=start), "placed_candle") == placed

    def test_no_purchase_below_the_average(self):
        # 25 bars fall from 125 to 100 first: the average of 20 closes lies above 104.5 at the breakout
        fall = [(125.0 - i, 124.0 - i) for i in range(25)]
        frame = setup([*fall, *WAITING])
        average = ema(frame["close"], 20)
        assert average.iloc[31] > frame["close"].iloc[31] == 104.5
        assert trade(frame=frame, EMA_LENGTH=20) == []
        assert only(trade(frame=frame, EMA_LENGTH=3), *LEVELS) == [FIRST]

    def test_no_sale_above_the_average(self):
        rise = [(85.0 + i, 86.0 + i) for i in range(25)]
        frame = setup([*rise, *MIRRORED_WAITING], down=True)
        assert trade(frame=frame, EMA_LENGTH=20) == []
        assert only(trade(frame=frame, EMA_LENGTH=3), "order_side", "entry_price") == [("SELL", 106.99)]

    @pytest.mark.parametrize("down", [False, True])
    def test_no_order_where_completed_days_have_gone_far_enough_already(self, down):
        # One bar a day, each 1.00 higher: the RSI of those days is 100, and 0 for the mirror image.
        days = 20
        rise = [(80.0 + i, 81.0 + i) for i in range(days)]
        bodies = [(210 - a, 210 - b) for a, b in rise] if down else rise
        before = setup(bodies, TUESDAY - timedelta(days=days), pd.Timedelta(days=1), down=down)
        frame = pd.concat([before, setup(MIRRORED_WAITING if down else WAITING, down=down)])
        assert trade(frame=frame) == []
        assert len(trade(frame=frame, CHECK_FOR_DAILY_RSI=False)) == 1
        assert len(trade(frame=frame.iloc[6:])) == 1  # 14 days are too few for it: not a reason

    @pytest.mark.parametrize(
        ("params", "reason"),
        [
            ({"RISK_PER_TRADE": 1e-6}, "volume below 0.01 lots"),
            ({"RR": 0.0}, "entry not between stop loss and take profit"),
            ({"SL_BUFFER_ATR": 100.0}, "a price not above zero"),
        ],
    )
    def test_an_order_that_cannot_be_is_not_sent_and_the_chart_says_why(self, params, reason, caplog):
        with caplog.at_level(logging.INFO):
            run = play(BreakRetest, {"XAUUSD": feed(setup(WAITING))}, **{**SHORT, **params})
        assert run.trade_records() == []
        assert run.chart_overlays()["XAUUSD"].notes == [f"Breakouts without an order: 1, {reason}"]
        assert f"XAUUSD 2026-01-06 06:00:00+00:00: no order, {reason}" in caplog.text

    def test_a_live_feed_is_not_traded_on_its_history(self):
        class FilledUp(BreakRetest):
            def next(self):
                if len(self.data) in (1, 9):
                    self.notify_data(self.data, self.data.DELAYED if len(self.data) == 1 else self.data.LIVE)
                super().next()

        assert only(trade(strategy=FilledUp), "placed_candle") == [(11,)]


class TestSymbols:
    """Each symbol by itself: the old system mixed prices, indices and the daily RSI of its symbols up."""

    def test_a_symbol_may_have_values_of_its_own(self):
        class Paired(BreakRetest):
            PAIR_PARAMS = {"XAUUSD": {"RR": 3.0, "SL_BUFFER_ATR": 0.0}}

        feeds = {name: feed(setup(WAITING)) for name in ("XAUUSD", "OTHER")}
        run = play(Paired, feeds, cash=1e6, **SHORT)
        assert only(run.trade_records(), "symbol", "sl", "tp") == [
            ("XAUUSD", 100.59, 110.27),
            ("OTHER", 99.99, 107.85),
        ]

    def test_a_value_of_its_own_is_checked_too(self):
        class Paired(BreakRetest):
            PAIR_PARAMS = {"XAUUSD": {"RR": -1.0}}

        with pytest.raises(ParamsInvalid, match="RR"):
            trade(strategy=Paired)

    def test_orders_of_two_symbols_on_one_bar_are_two_orders(self):
        run = play(BreakRetest, {"A": feed(setup()), "B": feed(setup(MIRRORED, down=True))}, cash=1e6, **SHORT)
        records = run.trade_records()
        assert only(records, "trade_id", "symbol", "order_side", "entry_price", "placed_candle") == [
            (1, "A", "BUY", 103.01, 6),
            (2, "B", "SELL", 106.99, 6),
            (3, "A", "BUY", 105.31, 11),
            (4, "B", "SELL", 104.69, 11),
        ]
        assert only(records, "state", "close_candle") == [("TP_HIT", 12), ("TP_HIT", 12), *[("CANCELED", 17)] * 2]
        assert [record["exit_price"] for record in records[:2]] == pytest.approx([107.85, 102.15])
        boxes = {symbol: overlays.to_json()["order_boxes"] for symbol, overlays in run.chart_overlays().items()}
        assert {symbol: [box["entry"] for box in drawn] for symbol, drawn in boxes.items()} == {
            "A": [103.01, 105.31],
            "B": [106.99, 104.69],
        }

    @pytest.mark.parametrize("runonce", [True, False])
    def test_none_changes_with_the_others(self, runonce):
        # Other times, other prices, other lengths; sizes are left out since they depend on the equity of all.
        frames = {
            "A": random_candles(21, 300),
            "B": random_candles(22, 900, freq=pd.Timedelta(minutes=17)),
            "C": setup(SETUP, TUESDAY + timedelta(days=2, minutes=30)),
        }
        names = ("symbol", "order_side", "entry_price", "sl", "tp", "placed_candle", "placed_datetime", "rsi_at_break")

        def told(chosen):
            run = play(BreakRetest, {n: feed(frames[n]) for n in chosen}, cash=1e9, runonce=runonce, **SHORT)
            by_symbol = {name: [r for r in run.trade_records() if r["symbol"] == name] for name in chosen}
            return {name: repr(only(records, *names)) for name, records in by_symbol.items()}, run.chart_overlays()

        together, drawn = told("ABC")
        for name in "ABC":
            alone, alone_drawn = told(name)
            assert together[name] == alone[name] != "[]"
            for what in ("lines", "segments", "markers"):
                assert drawn[name].to_json()[what] == alone_drawn[name].to_json()[what]

    def test_candles_times_and_prices_belong_together(self):
        frames = {
            "A": random_candles(23, 600),
            "B": random_candles(24, 1_600, tick=0.001, freq=pd.Timedelta(minutes=17)),
        }
        run = play(BreakRetest, {name: feed(frame) for name, frame in frames.items()}, cash=1e9, **SHORT)
        filled = [record for record in run.trade_records() if record["open_candle"] is not None]
        assert {record["symbol"] for record in filled} == {"A", "B"}
        assert len(filled) > 100
        for record in filled:
            frame = frames[record["symbol"]]
            for event in ("placed", "open") + ("close",) * (record["exit_price"] is not None):
                assert frame.index[record[f"{event}_candle"]] == record[f"{event}_datetime"]
            bar = frame.iloc[record["open_candle"]]
            assert bar["low"] - 1e-9 <= record["entry_executed_price"] <= bar["high"] + 1e-9
            if record["exit_price"] is not None:
                assert record["open_candle"] <= record["close_candle"]
            at_break = frame.iloc[record["placed_candle"]]
            assert at_break["close"] == record["breakout_price"]
            assert record["placed_datetime"].weekday() != 0

    def test_the_daily_rsi_is_that_of_the_symbol_itself(self):
        rise = setup([(80.0 + i, 81.0 + i) for i in range(20)], TUESDAY - timedelta(days=20), pd.Timedelta(days=1))
        level = setup([(100.0, 100.0)] * 20, TUESDAY - timedelta(days=20), pd.Timedelta(days=1))
        frames = {"A": pd.concat([rise, setup(WAITING)]), "B": pd.concat([level, setup(WAITING)])}
        for order in ("AB", "BA"):
            run = play(BreakRetest, {name: feed(frames[name]) for name in order}, cash=1e6, **SHORT)
            assert only(run.trade_records(), "symbol") == [("B",)]

    def test_equity_counts_what_is_open_once(self):
        # Twice the risk, 0.82 lots: 10,000 + 82 x 3.19 = 10,261.58 at bar 11, 2 % of it over 232 is 0.884. Without
        # what is open it would be 0.862, with all of it twice 0.907.
        assert only(trade(RISK_PER_TRADE=0.02), "size") == [(0.82,), (0.88,)]


class TestDrawing:
    def test_it_shows_average_levels_breakouts_and_orders(self):
        run = play(BreakRetest, {"XAUUSD": feed(setup())}, **SHORT)
        drawn = checked_overlays(run.chart_overlays())["XAUUSD"].to_json()
        assert list(drawn["lines"]) == ["EMA_3"]
        line = drawn["lines"]["EMA_3"]
        expected = ema(setup()["close"], 3).dropna()
        assert [point["time"] for point in line] == [epoch(i) for i in range(2, 18)]
        assert [point["value"] for point in line] == pytest.approx(expected.tolist())
        shown = [(s["kind"], hour_of(s["start_time"]), hour_of(s["end_time"]), s["price"]) for s in drawn["segments"]]
        assert sorted(shown) == [
            ("resistance", 2, 9, 103.01),  # while there is no average range a fall of 1.2 is enough
            ("resistance", 9, 14, 105.31),
            ("resistance", 14, 17, 107.91),
            ("support", 5, 11, 100.59),
            ("support", 11, 16, 102.99),
            ("support", 16, 17, 105.85),
        ]
        markers = [(hour_of(m["time"]), m["price"], m["text"], m["position"]) for m in drawn["markers"]]
        assert markers == [(6, 104.5, "Breakout up", "below"), (11, 106.2, "Breakout up", "below")]
        names = ("entry", "sl", "tp", "side", "close_reason")
        boxes = [
            (hour_of(b["open_time"]), hour_of(b["close_time"]), *(b[n] for n in names)) for b in drawn["order_boxes"]
        ]
        assert boxes == [(6, 12, *FIRST[1:4], "BUY", "TP"), (11, 16, *SECOND[1:4], "BUY", "CANCELED")]
        assert drawn["notes"] == []

    @pytest.mark.parametrize("zone", ["Europe/Athens", "America/New_York", "Asia/Kolkata"])
    def test_times_are_utc_whatever_the_zone_of_machine_or_feed(self, zone, monkeypatch):
        expected = play(BreakRetest, {"XAUUSD": feed(setup())}, **SHORT)
        monkeypatch.setenv("TZ", zone)
        time.tzset()
        try:
            feeds = {
                "moved": feed(setup().tz_convert(zone)),
                "shown": feed(setup(), tz=zone),
                "naive": feed(setup().tz_localize(None)),
            }
            run = play(BreakRetest, feeds, cash=1e6, **SHORT)
            drawn = {name: overlays.to_json() for name, overlays in run.chart_overlays().items()}
            told = only(run.trade_records(), "placed_datetime", "close_datetime")
            assert set(told) == {(at(6), at(12)), (at(11), at(16))}
        finally:
            monkeypatch.undo()
            time.tzset()
        for overlays in drawn.values():
            assert overlays == expected.chart_overlays()["XAUUSD"].to_json()


class TestOnThePlatform:
    """The same file on the platform's market."""

    def test_it_makes_the_orders_worked_by_hand(self):
        # As M1 candles of a day that is a Tuesday, without a spread.
        frame = setup(step=pd.Timedelta(minutes=1))
        rows = [tuple(row) for row in frame[["open", "high", "low", "close"]].to_numpy().tolist()]
        market = candles(rows, start=epoch(0))
        settings = BacktestSettings(initial_equity=10_000.0)
        result = run_backtrader(BreakRetest, [Feed(market, GOLD)], settings, params=SHORT, report=True)
        (made,) = result.trades
        assert (made.side, made.entry_price, made.exit_price, made.lots) == ("BUY", 103.01, 107.85, 0.41)
        assert made.pnl == 198.44
        assert result.refusals == ()
        boxes = result.overlays["XAUUSD"]["order_boxes"]
        assert [(box["entry"], box["sl"], box["tp"], box["close_reason"]) for box in boxes] == [
            (103.01, 99.99, 107.85, "tp"),  # the trade log's
            (105.31, 102.39, 109.95, "CANCELED"),  # the strategy's
        ]

    def test_it_trades_two_random_symbols(self):
        other = random_walk(2, 40_000)
        silver = replace(other, symbol="XAGUSD", **{n: np.round(getattr(other, n) / 100, 2) for n in PRICES})
        feeds = [Feed(random_walk(1, 40_000), GOLD), Feed(silver, replace(GOLD, symbol="XAGUSD", contract_size=100))]
        self.check(feeds, BacktestSettings(initial_equity=100_000.0, timeframe="M15"), trades=50)

    def test_it_trades_two_real_symbols_with_its_defaults(self, sample_data):
        feeds = [Feed(sample(sample_data, "EURUSD"), EURO), Feed(sample(sample_data, "XAUUSD"), GOLD)]
        self.check(feeds, BacktestSettings(initial_equity=100_000.0, timeframe="H1", leverage=30), trades=50)

    @staticmethod
    def check(feeds, settings, trades):
        result = run_backtrader(BreakRetest, feeds, settings, params={}, report=True)
        assert len(result.trades) >= trades
        assert {made.symbol for made in result.trades} == {each.instrument.symbol for each in feeds}
        assert not [text for text in result.warnings if "chart_overlays" in text]
        for each in feeds:
            symbol, market = each.instrument.symbol, each.candles
            drawn = result.overlays[symbol]
            bars = set(closed_bars(market, settings.timeframe).candles.time.tolist())
            assert {marker["time"] for marker in drawn["markers"] if marker["text"].startswith("Breakout")} <= bars
            assert {segment["start_time"] for segment in drawn["segments"]} <= bars
            lowest, highest = market.low.min(), market.high.max()
            for made in (made for made in result.trades if made.symbol == symbol):
                assert lowest < made.entry_price < highest
                assert made.sl < made.tp if made.side == "BUY" else made.sl > made.tp
        again = run_backtrader(BreakRetest, feeds, settings, params={})
        assert again.digest == result.digest
