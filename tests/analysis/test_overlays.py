"""What a chart is given to draw: bounded, in UTC, and of one symbol each."""

import json
import re
import sys
import time
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.engine.trade_overlays import MAX_TRADES_DRAWN, ask_overlays, chart_overlays, trade_overlays
from analysis.engine.trades import Trade, Trades
from analysis.strategy.overlays import (
    MAX_BOXES,
    MAX_LINE_POINTS,
    MAX_LINES,
    MAX_MARKERS,
    MAX_SEGMENTS,
    Overlays,
    checked_overlays,
)

MS = 1_767_571_200_000  # 2026-01-05 00:00 UTC
NOON = datetime(2026, 1, 5, 12, tzinfo=UTC)
NOON_MS = MS + 12 * 3_600_000
NAIVE = NOON.replace(tzinfo=None)
BERLIN_SUMMER = timezone(timedelta(hours=2))


def minutes(count, start=MS):
    return start + np.arange(count, dtype=np.int64) * 60_000


def trade(id_=1, part=0, symbol="EURUSD", side="BUY", **values):
    defaults = {
        "lots": 0.1, "entry_time": MS, "entry_price": 1.1, "exit_time": MS + 60_000, "exit_price": 1.2, "sl": 1.0,
        "tp": 1.2, "initial_risk": 10.0, "pnl": 5.0, "pnl_r": 0.5, "pnl_pessimistic": 5.0, "pnl_optimistic": 5.0,
        "commission": 0.0, "swap": 0.0, "mae_r": 0.0, "mfe_r": 1.0, "bars_held": 1, "exit_reason": "tp",
        "intrabar_decided": False, "tag": "",
    }  # fmt: skip
    return Trade(id=id_, part=part, symbol=symbol, side=side, **{**defaults, **values})


class TestTimes:
    @pytest.mark.parametrize(
        "moment",
        [
            NOON_MS,
            np.int64(NOON_MS),
            NOON,
            NOON.astimezone(BERLIN_SUMMER),
            pd.Timestamp(NOON),
            pd.Timestamp("2026-01-05 13:00", tz="Europe/Berlin"),
        ],
        ids=repr,
    )
    def test_an_instant_is_the_same_milliseconds_in_every_zone(self, moment):
        drawn = Overlays().marker(moment, 1.0, "x").segment("s", moment, moment, 1.0)
        drawn.box(moment, moment, 1.0, None, None, 1, "BUY")
        answer = drawn.to_json()
        times = [
            answer["markers"][0]["time"],
            *(answer["segments"][0][key] for key in ("start_time", "end_time")),
            *(answer["order_boxes"][0][key] for key in ("open_time", "close_time")),
        ]
        assert times == [NOON_MS] * 5
        assert {type(value) for value in times} == {int}

    @pytest.mark.parametrize("zone", ["UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata"])
    def test_an_index_is_the_same_milliseconds_in_every_zone(self, zone):
        index = pd.date_range("2026-03-28 22:00", periods=6, freq="h", tz="UTC")  # over Berlin's change of clocks
        expected = [1_774_735_200_000 + hour * 3_600_000 for hour in range(6)]
        for times in (index.tz_convert(zone), pd.Series(index.tz_convert(zone)), list(index.tz_convert(zone))):
            line = Overlays().line("EMA_21", times, range(6)).to_json()["lines"]["EMA_21"]
            assert [point["time"] for point in line] == expected

    @pytest.mark.parametrize(
        "moment", [NAIVE, pd.Timestamp("2026-01-05"), pd.NaT, 1_767_571_200, 1.0, True, "2026", None]
    )  # fmt: skip
    def test_what_is_not_an_instant_is_refused(self, moment):
        with pytest.raises(ValueError, match=r"^time_ms: "):
            Overlays().marker(moment, 1.0, "x")

    def test_a_time_without_a_zone_says_what_to_do(self):
        with pytest.raises(ValueError, match="has no time zone: use the frame's index, or .replace"):
            Overlays().box(NAIVE, None, 1.0, None, None, 1, "BUY")

    @pytest.mark.parametrize(
        ("times", "message"),
        [
            (pd.date_range("2026-01-05", periods=2), "no time zone"),
            (pd.date_range("2026-01-05", periods=2).to_numpy(), "no time zone"),
            ([NAIVE, NAIVE + timedelta(days=1)], "no time zone"),
            (pd.DatetimeIndex(["2026-01-05", pd.NaT], tz="UTC"), "NaT is not a time"),
            ([MS, MS], "must ascend, and number 1 is not later"),
            ([MS, MS - 1], "must ascend"),
            ([1_767_571_200, 1_767_571_201], "not epoch milliseconds"),
            ([MS, MS * 1_000_000], "not epoch milliseconds"),
            ([[MS, MS + 1]], "flat list"),
            ([MS + 0.5, MS + 1.5], "not float"),
        ],
    )
    def test_an_axis_that_a_chart_cannot_draw_is_refused(self, times, message):
        with pytest.raises(ValueError, match=message):
            Overlays().line("EMA_21", times, [1.0, 2.0])

    def test_nothing_ends_before_it_begins(self):
        with pytest.raises(ValueError, match="must not end before"):
            Overlays().segment("s", MS, MS - 1, 1.0)
        with pytest.raises(ValueError, match="must not close before"):
            Overlays().box(MS, MS - 1, 1.0, None, None, 1, "BUY")


class TestLines:
    def line(self, values, **options):
        return Overlays().line("x", minutes(len(values)), values).to_json(**options)["lines"]["x"]

    def test_a_gap_is_one_point_without_a_value_and_ends_have_none(self):
        nan, inf = float("nan"), float("inf")
        line = self.line([nan, nan, 1.0, 2.0, nan, inf, nan, 3.0, None, 4.0, nan])
        assert [point["value"] for point in line] == [1.0, 2.0, None, 3.0, None, 4.0]
        assert [(point["time"] - MS) // 60_000 for point in line] == [2, 3, 4, 7, 8, 9]

    @pytest.mark.parametrize("values", [[], [float("nan")] * 5])
    def test_a_line_without_values_has_no_points(self, values):
        assert self.line(values) == []

    def test_a_long_line_keeps_its_extremes_and_ends(self):
        values = np.sin(np.arange(200_000) / 300) * 10
        values[77_777], values[123_456] = 500.0, -500.0
        line = self.line(values)
        assert len(line) <= 2000
        drawn = [point["value"] for point in line]
        assert (max(drawn), min(drawn), drawn[0], drawn[-1]) == (500.0, -500.0, values[0], values[-1])
        assert line[drawn.index(500.0)]["time"] == MS + 77_777 * 60_000
        assert len(self.line(values, max_points=50)) <= 50

    def test_a_long_line_keeps_its_gaps(self):
        values = np.arange(30_000, dtype=float)
        values[10_000:10_005] = np.nan
        values[20_000:20_005] = np.nan
        values[:50] = np.nan
        line = self.line(values)
        gaps = [(point["time"] - MS) // 60_000 for point in line if point["value"] is None]
        assert gaps == [10_000, 20_000]
        assert line[0] == {"time": MS + 50 * 60_000, "value": 50.0}

    @pytest.mark.parametrize("max_points", [8, 9, 10, 99, 2000])
    def test_a_line_of_gaps_has_no_more_points_either(self, max_points):
        values = np.where(np.arange(9_999) % 2, np.nan, 1.0)
        line = self.line(values, max_points=max_points)
        assert len(line) <= max_points
        assert [point["time"] for point in line] == sorted({point["time"] for point in line})

    def test_values_are_not_those_of_the_caller(self):
        values = np.array([1.0, np.inf])
        overlays = Overlays().line("x", minutes(2), values)
        assert np.isinf(values[1])
        values[0] = 9.0
        assert overlays.to_json()["lines"]["x"][0]["value"] == 1.0

    def test_what_does_not_fit_is_refused(self):
        with pytest.raises(ValueError, match=r"line 'x': 3 times and values of shape \(2,\)"):
            Overlays().line("x", minutes(3), [1.0, 2.0])
        with pytest.raises(ValueError, match="there is a line 'x' already"):
            Overlays().line("x", minutes(1), [1.0]).line("x", minutes(1), [1.0])
        with pytest.raises(ValueError, match="max_points must be at least 8"):
            self.line([1.0], max_points=7)


class TestBounds:
    def test_a_careless_strategy_draws_no_more_than_a_chart_holds_and_hears_of_it(self):
        overlays = Overlays()
        for i in range(MAX_LINES + 3):
            overlays.line(f"line {i}", minutes(MAX_LINE_POINTS + 100), np.arange(MAX_LINE_POINTS + 100))
        for i in range(MAX_SEGMENTS + 7):
            overlays.segment("level", MS + i, MS + i, 1.0)
        for i in range(MAX_MARKERS + 8):
            overlays.marker(MS + i, 1.0, "x")
        for i in range(MAX_BOXES + 9):
            overlays.box(MS + i, None, 1.0, None, None, i, "SELL")
        answer = overlays.to_json()
        assert [len(answer[key]) for key in ("lines", "segments", "markers", "order_boxes")] == [
            MAX_LINES, MAX_SEGMENTS, MAX_MARKERS, MAX_BOXES,
        ]  # fmt: skip
        assert (answer["markers"][0]["time"], answer["order_boxes"][0]["trade_id"]) == (MS + 8, 9)  # the latest stay
        assert answer["notes"] == [
            "3 left out of lines: a chart has 16 at most",
            "8 left out of markers: the last 5000 are kept",
            "9 left out of order boxes: the last 5000 are kept",
            "7 left out of segments: the last 5000 are kept",
        ]
        assert len(json.dumps(answer)) < 4_000_000

    @pytest.mark.parametrize("name", ["", "x" * 65, 5, None])
    def test_a_name_is_a_short_text(self, name):
        with pytest.raises(ValueError, match="must be a text of 1 to 64 characters"):
            Overlays().line(name, [], [])
        with pytest.raises(ValueError, match="must be a text of 1 to 64 characters"):
            Overlays().segment(name, MS, MS, 1.0)

    def test_text_is_cut_and_what_a_database_refuses_is_not_in_it(self):
        (marker,) = Overlays().marker(MS, 1.0, "a\0b\ud800" + "x" * 200).to_json()["markers"]
        assert marker["text"] == "a?b?" + "x" * 73 + "..."

    @pytest.mark.parametrize("price", [float("nan"), float("inf"), None, np.float64("nan"), 10**400])
    def test_a_price_that_is_none_draws_nothing_and_is_counted(self, price):
        overlays = Overlays().segment("s", MS, MS, price).marker(MS, price, "x")
        answer = overlays.box(MS, None, price, 1.0, 1.0, 1, "BUY").to_json()
        assert answer["segments"] == answer["markers"] == answer["order_boxes"] == []
        assert answer["notes"] == [
            "1 left out of markers: no price", "1 left out of order boxes: no price",
            "1 left out of segments: no price",
        ]  # fmt: skip

    def test_a_level_without_a_value_is_none(self):
        (box,) = Overlays().box(MS, None, np.float32(1.5), float("nan"), None, 7, "BUY").to_json()["order_boxes"]
        assert box == {
            "trade_id": 7, "side": "BUY", "open_time": MS, "close_time": None, "entry": 1.5, "sl": None, "tp": None,
            "close_reason": "",
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("values", "message"),
        [
            ({"price": "1.0"}, "price must be a number, not str"),
            ({"price": True}, "price must be a number, not bool"),
            ({"text": 5}, "text must be text, not int"),
            ({"position": "left"}, "position must be one of above, below"),
            ({"kind": "buy"}, "kind must be one of entry, exit, info"),
            ({"trade_id": "1"}, "trade_id must be the id of a trade"),
            ({"trade_id": 2**60}, "trade_id must be the id of a trade"),
        ],
    )
    def test_a_value_of_the_wrong_kind_is_refused(self, values, message):
        with pytest.raises(ValueError, match=message):
            Overlays().marker(**{"time_ms": MS, "price": 1.0, "text": "", **values})

    def test_a_side_is_buy_or_sell(self):
        with pytest.raises(ValueError, match="side must be one of BUY, SELL"):
            Overlays().box(MS, None, 1.0, None, None, 1, "long")


class TestDrawing:
    def test_lists_are_in_order_of_time(self):
        overlays = Overlays()
        for at in (3, 1, 2):
            overlays.segment("s", MS + at, MS + at, at).marker(MS + at, at, "").box(
                MS + at, None, at, None, None, at, "BUY"
            )
        answer = overlays.to_json()
        assert [s["price"] for s in answer["segments"]] == [m["price"] for m in answer["markers"]] == [1.0, 2.0, 3.0]
        assert [box["trade_id"] for box in answer["order_boxes"]] == [1, 2, 3]

    def test_a_box_is_replaced_by_its_id_and_one_without_id_never(self):
        overlays = Overlays().box(MS, None, 1.0, None, None, 4, "BUY").box(MS, MS + 1, 1.0, None, None, 4, "BUY", "tp")
        overlays.box(MS, None, 2.0, None, None, None, "BUY").box(MS, None, 2.0, None, None, None, "BUY")
        boxes = overlays.to_json()["order_boxes"]
        assert [(box["trade_id"], box["close_reason"]) for box in boxes] == [(4, "tp"), (None, ""), (None, "")]

    def test_what_came_out_cannot_change_what_is_inside(self):
        overlays = Overlays().marker(MS, 1.0, "x")
        overlays.to_json()["markers"][0]["price"] = 9.0
        assert overlays.to_json()["markers"][0]["price"] == 1.0

    def test_an_empty_one_has_every_list(self):
        assert Overlays().to_json() == {"lines": {}, "segments": [], "markers": [], "order_boxes": [], "notes": []}

    @pytest.mark.parametrize("drawn", [None, [], {"EURUSD": {}}, {5: Overlays()}, Overlays()])
    def test_a_strategy_answers_with_overlays_by_symbol(self, drawn):
        with pytest.raises(ValueError, match="must"):
            checked_overlays(drawn)


class TestAsking:
    def test_what_a_strategy_draws_comes_without_a_warning(self):
        drawn = {"EURUSD": Overlays()}
        assert ask_overlays(lambda: drawn) == (drawn, ())

    def test_a_drawing_that_fails_is_a_warning(self):
        def fails():
            return {"EURUSD": Overlays().marker(NAIVE, 1.0, "x")}

        drawn, (warning,) = ask_overlays(fails)
        assert drawn == {}
        assert warning.startswith(
            "The strategy's drawing was left out: ValueError: time_ms: 2026-01-05 12:00:00 has no"
        )

    @pytest.mark.parametrize("answer", [None, {"EURUSD": None}])
    def test_an_answer_that_is_no_drawing_is_one_too(self, answer):
        assert "chart_overlays must return Overlays" in ask_overlays(lambda: answer)[1][0]

    def test_leaving_the_process_is_one_too(self):
        assert ask_overlays(sys.exit)[1] == ("The strategy's drawing was left out: SystemExit",)


class TestGuide:
    def test_its_example_draws(self):
        guide = (Path(__file__).parents[2] / "docs" / "strategy-guide.md").read_text()
        (example,) = (code for code in re.findall(r"```py\n(.*?)```", guide, re.DOTALL) if "chart_overlays" in code)
        names: dict[str, object] = {}
        exec(example.replace("def chart_overlays(self, ", "def chart_overlays("), names)
        index = pd.date_range("2026-01-05", periods=3, freq="h", tz="UTC")
        frame = pd.DataFrame({"EMA_21": [1.0, 2.0, 3.0], "high": 9.0, "low": 5.0}, index=index)
        answer = names["chart_overlays"](frame).to_json()
        assert len(answer["lines"]["EMA_21"]) == 3
        assert [(s["kind"], s["price"], s["start_time"]) for s in answer["segments"]] == [("resistance", 9.0, MS)]
        assert [(m["text"], m["price"]) for m in answer["markers"]] == [("low", 5.0)]


class TestTrades:
    def test_a_trade_is_a_box_an_entry_and_an_exit(self):
        drawn = trade_overlays(Trades.of([trade(7, side="SELL", pnl=-3.456, exit_reason="sl", sl=1.3, tp=None)]))
        answer = drawn["EURUSD"].to_json()
        assert answer["order_boxes"] == [
            {
                "trade_id": 7, "side": "SELL", "open_time": MS, "close_time": MS + 60_000, "entry": 1.1, "sl": 1.3,
                "tp": None, "close_reason": "sl",
            }
        ]  # fmt: skip
        assert answer["markers"] == [
            {"time": MS, "price": 1.1, "text": "SELL 0.1", "position": "above", "kind": "entry", "trade_id": 7},
            {
                "time": MS + 60_000, "price": 1.2, "text": "sl -3.46", "position": "below", "kind": "exit",
                "trade_id": 7,
            },
        ]  # fmt: skip

    def test_orders_of_one_bar_do_not_collide(self):
        same_bar = [trade(1, side="BUY", entry_price=1.1), trade(2, side="SELL", entry_price=1.15), trade(3)]
        answer = trade_overlays(Trades.of(same_bar))["EURUSD"].to_json()
        assert [(box["trade_id"], box["entry"]) for box in answer["order_boxes"]] == [(1, 1.1), (2, 1.15), (3, 1.1)]
        assert [m["trade_id"] for m in answer["markers"]] == [1, 2, 3, 1, 2, 3]

    def test_parts_of_a_trade_share_a_box_and_each_is_an_exit(self):
        parts = [
            trade(1, 2, lots=0.03, exit_time=MS + 9, exit_price=1.4, exit_reason="sl"),
            trade(2, 0, lots=1.0),
            trade(1, 1, lots=0.07, exit_time=MS + 5, exit_price=1.3, exit_reason="signal"),
        ]
        answer = trade_overlays(Trades.of(parts))["EURUSD"].to_json()
        box, _ = answer["order_boxes"]
        assert (box["trade_id"], box["close_time"], box["close_reason"]) == (1, MS + 9, "sl")
        of_first = [m for m in answer["markers"] if m["trade_id"] == 1]
        assert [(m["kind"], m["price"], m["text"]) for m in of_first] == [
            ("entry", 1.1, "BUY 0.1"), ("exit", 1.3, "signal +5.00"), ("exit", 1.4, "sl +5.00"),
        ]  # fmt: skip

    def test_a_symbol_shows_its_own_prices_only(self):
        mixed = [
            trade(
                i, symbol="XAUUSD" if i % 3 else "EURUSD", entry_price=scale + i, exit_price=scale, sl=scale, tp=scale
            )
            for i in range(1, 40)
            for scale in [2_000.0 if i % 3 else 1.0]
        ]
        own = {"XAUUSD": Overlays().segment("s", MS, MS, 2_100.0), "EURUSD": Overlays().segment("s", MS, MS, 1.5)}
        answer = chart_overlays(own, Trades.of(mixed))
        assert list(answer) == ["EURUSD", "XAUUSD"]
        for symbol, in_range in (("EURUSD", lambda price: price < 100), ("XAUUSD", lambda price: price >= 2_000)):
            prices = [m["price"] for key in ("segments", "markers") for m in answer[symbol][key]]
            prices += [box[key] for box in answer[symbol]["order_boxes"] for key in ("entry", "sl", "tp")]
            assert all(in_range(price) for price in prices)
        assert [len(answer[s]["order_boxes"]) for s in answer] == [13, 26]

    def test_the_same_id_in_two_symbols_is_two_trades(self):
        answer = chart_overlays({}, Trades.of([trade(1, symbol="EURUSD"), trade(1, symbol="GBPUSD", part=1)]))
        assert [len(answer[s]["order_boxes"]) for s in ("EURUSD", "GBPUSD")] == [1, 1]

    def test_a_run_without_trades_draws_what_the_strategy_drew(self):
        none = Trades.of([])
        assert chart_overlays({}, none) == {}
        answer = chart_overlays({"EURUSD": Overlays().marker(MS, 1.0, "x")}, none)
        assert len(answer["EURUSD"]["markers"]) == 1

    def test_the_log_wins_over_a_box_of_the_strategy_with_the_same_id(self):
        own = Overlays().box(MS, None, 9.0, None, None, 1, "SELL").box(MS, None, 8.0, None, None, None, "SELL")
        answer = chart_overlays({"EURUSD": own}, Trades.of([trade(1)]))
        assert sorted(box["entry"] for box in answer["EURUSD"]["order_boxes"]) == [1.1, 8.0]
        assert own.to_json()["order_boxes"][0]["entry"] == 9.0

    def test_lines_and_notes_of_the_strategy_are_kept(self):
        own = Overlays().line("EMA_21", minutes(3), [1, 2, 3]).marker(MS, None, "x")
        answer = chart_overlays({"EURUSD": own}, Trades.of([trade(1)]), max_points=8)
        assert [point["value"] for point in answer["EURUSD"]["lines"]["EMA_21"]] == [1.0, 2.0, 3.0]
        assert answer["EURUSD"]["notes"] == ["1 left out of markers: no price"]

    def test_markers_of_the_strategy_do_not_give_way_to_those_of_trades(self):
        own = Overlays()
        for i in range(MAX_MARKERS):
            own.marker(MS + i, 1.0, "x")
        markers = chart_overlays({"EURUSD": own}, Trades.of([trade(1)]))["EURUSD"]["markers"]
        assert len(markers) == MAX_MARKERS + 2
        assert [m["time"] for m in markers] == sorted(m["time"] for m in markers)

    def test_symbols_share_the_trades_a_chart_draws(self):
        many = Trades.of([trade(i, symbol=f"S{i % 5}") for i in range(1, 5 * 600 + 1)])
        answer = chart_overlays({}, many)
        assert [len(answer[f"S{i}"]["order_boxes"]) for i in range(5)] == [500] * 5

    def test_more_symbols_than_a_strategy_may_draw_are_refused(self):
        with pytest.raises(ValueError, match="64 symbols at most, not 65"):
            chart_overlays({f"S{i}": Overlays() for i in range(65)}, Trades.of([]))

    def test_eleven_thousand_trades_take_no_time_and_the_latest_are_drawn(self):
        many = Trades.of([trade(i, entry_time=MS + i * 1000, exit_time=MS + i * 1000) for i in range(1, 11_001)])
        spent = []
        for _ in range(3):
            began = time.perf_counter()
            answer = chart_overlays({}, many)
            spent.append(time.perf_counter() - began)
        assert min(spent) < 0.06 * 5  # 25 ms here; a busy machine must not fail it
        boxes = answer["EURUSD"]["order_boxes"]
        assert (len(boxes), boxes[0]["trade_id"], boxes[-1]["trade_id"]) == (MAX_TRADES_DRAWN, 8_501, 11_000)
        assert len(answer["EURUSD"]["markers"]) == 2 * MAX_TRADES_DRAWN
        assert answer["EURUSD"]["notes"] == ["The latest 2500 of 11000 trades are drawn: the trade log has all"]
