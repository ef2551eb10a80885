"""What a backtrader strategy sees of a run, and what a run says of it."""

import math
from dataclasses import replace
from datetime import UTC, datetime, time

import backtrader as bt
import numpy as np
import pytest

from analysis.backtrader_engine import Feed, run_backtrader
from analysis.backtrader_engine.feeds import date_number
from analysis.engine import BacktestSettings
from analysis.errors import NoCandles, ParamsInvalid, RunFailed, StrategyError
from analysis.strategy import load_strategy_class
from analysis.strategy.overlays import Overlays
from tests.analysis.backtrader_engine.scripted import Scripted, at, play
from tests.analysis.engine.worked import FLAT, GOLD, MINUTE, MONDAY, candles

SETTINGS = BacktestSettings(initial_equity=10_000.0)
RISING = [(100.0 + i, 100.5 + i, 99.5 + i, 100.0 + i) for i in range(20)]


def feed(rows, name="XAUUSD", **changes):
    return Feed(replace(candles(rows), symbol=name), replace(GOLD, symbol=name, **changes))


def run(strategy, rows=RISING, params=None, on_progress=None, report=False, feeds=None, **settings):
    feeds = [feed(rows)] if feeds is None else feeds
    return run_backtrader(
        strategy, feeds, replace(SETTINGS, **settings), on_progress, params=params or {}, report=report
    )


class Seen(bt.Strategy):
    """Remembers what `look` gave at every bar."""

    def __init__(self):
        type(self).seen = self.seen = []

    def prenext(self):
        self.next()

    def next(self):
        self.seen.append(self.look())


def seeing(look, **members):
    return type("Looking", (Seen,), {"look": look, **members})


class TestBars:
    def test_a_bar_comes_with_its_open_time_in_utc_when_it_has_closed(self):
        look = seeing(
            lambda s: (
                s.data.datetime.datetime(0, tz=UTC, naive=False),
                s.data.open[0],
                s.data.close[0],
                s.data.volume[0],
            )
        )
        run(look, timeframe="M5")
        assert look.seen == [
            (datetime(2026, 1, 5, 0, 5 * i, tzinfo=UTC), 100.0 + 5 * i, 104.0 + 5 * i, 5.0) for i in range(4)
        ]  # fmt: skip

    def test_a_decision_is_filled_at_the_open_that_follows_its_bar(self):
        result, _ = play(RISING, {1: lambda s: s.buy(size=1)}, minutes=5, timeframe="M5")
        assert (result.trades.entry_time[0] - MONDAY) // MINUTE == 10
        assert result.trades.entry_price[0] == 110.0

    def test_a_feed_knows_its_symbol_and_its_instrument(self):
        look = seeing(lambda s: (s.data._name, s.data.instrument.tick_size, s.getdatabyname("XAUUSD") is s.data))
        run(look)
        assert look.seen[0] == ("XAUUSD", 0.01, True)

    def test_there_is_a_line_for_the_spread(self):
        look = seeing(lambda s: s.data.spread[0])
        run(look, rows=[(*FLAT, 7), (*FLAT, -1)])
        assert look.seen == [7.0, -1.0]

    def test_the_strategy_is_asked_once_its_indicators_have_what_they_need(self):
        calls = []
        members = {
            "__init__": lambda s: setattr(s, "average", bt.indicators.SMA(s.data, period=5)),
            "prenext": lambda s: calls.append("prenext"), "nextstart": lambda s: calls.append("nextstart"),
            "next": lambda s: calls.append(s.average[0]),
        }  # fmt: skip
        run(type("Average", (bt.Strategy,), members), rows=RISING[:7])
        assert calls == ["prenext"] * 4 + ["nextstart", 103.0, 104.0]

    def test_what_precedes_the_window_warms_up_and_no_more(self):
        calls = []
        members = {
            "__init__": lambda s: setattr(s, "average", bt.indicators.SMA(s.data, period=5)),
            "prenext": lambda s: calls.append("prenext"),
            "nextstart": lambda s: calls.append(("nextstart", len(s.data), s.average[0])),
            "next": lambda s: calls.append(("next", len(s.data), s.average[0])),
        }  # fmt: skip
        run(type("Average", (bt.Strategy,), members), rows=RISING[:12], trade_from=MONDAY + 10 * MINUTE)
        assert calls == [("nextstart", 11, 108.0), ("next", 12, 109.0)]

    def test_a_warm_up_that_is_too_short_is_continued(self):
        calls = []
        members = {
            "__init__": lambda s: setattr(s, "average", bt.indicators.SMA(s.data, period=5)),
            "prenext": lambda s: calls.append(("prenext", len(s.data))),
            "next": lambda s: calls.append(("next", len(s.data))),
        }  # fmt: skip
        run(type("Average", (bt.Strategy,), members), rows=RISING[:6], trade_from=MONDAY + 3 * MINUTE)
        assert calls == [("prenext", 4), ("next", 5), ("next", 6)]

    def test_a_window_shorter_than_the_indicators_is_said(self):
        members = {"__init__": lambda s: setattr(s, "average", bt.indicators.SMA(s.data, period=50))}
        result = run(type("Average", (bt.Strategy,), members))
        assert (
            "The strategy needs 50 bars before its first decision and the window has 20: nothing could be traded."
        ) in result.warnings

    def test_without_candles_there_is_no_run(self):
        with pytest.raises(NoCandles):
            run(seeing(lambda s: None), rows=[])

    def test_times_are_exact_to_the_minute_all_year(self):
        times = MONDAY + MINUTE * np.arange(0, 525_600, 7)
        line = bt.linebuffer.LineBuffer()
        for value in date_number(times).tolist():
            line.forward(value)
        expected = [datetime.fromtimestamp(ms / 1000, UTC) for ms in times.tolist()]
        assert [line.datetime(i - len(times) + 1, tz=UTC, naive=False) for i in range(len(times))] == expected

    def test_a_timer_goes_off_at_its_time(self):
        rung = []
        members = {
            "__init__": lambda s: s.add_timer(when=time(0, 5)),
            "notify_timer": lambda s, timer, when, *args, **kwargs: rung.append((when, len(s.data))),
        }  # fmt: skip
        run(type("Rung", (bt.Strategy,), members))
        assert rung == [(datetime(2026, 1, 5, 0, 5), 6)]  # noqa: DTZ001 - as backtrader gives it

    def test_an_order_after_the_last_bar_finds_no_market(self):
        look = seeing(lambda s: None, stop=lambda s: s.buy(size=1))
        result = run(look)
        assert [refusal.code for refusal in result.refusals] == ["no_market"]


class TestTheFuture:
    @pytest.mark.parametrize("look", [lambda s: s.data.close[1], lambda s: s.data.datetime[2], lambda s: s.data[1]])
    def test_a_bar_that_has_not_come_cannot_be_read(self, look):
        with pytest.raises(RunFailed) as caught:
            run(seeing(look))
        assert caught.value.code == "look_ahead"
        assert "a bar that has not come yet" in caught.value.message
        assert caught.value.bar_time == datetime(2026, 1, 5, tzinfo=UTC)

    def test_no_other_way_leads_there(self):
        look = seeing(lambda s: (len(s.data.close.array), list(s.data.close.get(ago=1, size=1)), s.data.buflen()))
        run(look)
        assert look.seen == [(i, [], i) for i in range(1, 21)]

    def test_a_line_moved_ahead_is_never_known_in_time(self):
        look = seeing(
            lambda s: (s.ahead[0], s.data.close[0]),
            __init__=lambda s: (Seen.__init__(s), setattr(s, "ahead", s.data.close(1)))[0],
        )
        run(look)
        assert len(look.seen) == 20
        assert all(math.isnan(ahead) or ahead <= now for ahead, now in look.seen)

    def test_half_of_the_data_gives_half_of_the_decisions(self):
        rng = np.random.default_rng(5)
        close = 100 + np.cumsum(rng.normal(0, 0.2, 400)).round(2)
        rows = [(a, max(a, b) + 0.1, min(a, b) - 0.1, b) for a, b in zip(close[:-1], close[1:], strict=True)]
        look = seeing(
            lambda s: (s.fast[0], s.range[0]),
            __init__=lambda s: (
                Seen.__init__(s), setattr(s, "fast", bt.indicators.EMA(s.data, period=9)),
                setattr(s, "range", bt.indicators.ATR(s.data, period=14)),
            )[0],
        )  # fmt: skip
        run(look, rows=rows)
        whole = look.seen
        run(look, rows=rows[:200])
        np.testing.assert_array_equal(look.seen, whole[:200])


class TestSeveralSymbols:
    def test_each_is_a_feed_on_one_equity_and_filled_at_its_own_price(self):
        def both(s):
            for data in s.datas:
                s.buy_bracket(
                    data=data, size=1, exectype=bt.Order.Market, stopprice=data.close[0] - 5,
                    limitprice=data.close[0] + 2,
                )  # fmt: skip

        cheap = [(10.0, 10.0, 10.0, 10.0), (10.0, 13.0, 10.0, 13.0), (13.0, 13.0, 13.0, 13.0)]
        dear = [FLAT, FLAT, (100.0, 100.0, 94.0, 94.0)]
        result, told = play({"CHEAP": cheap, "DEAR": dear}, {0: both})
        t = result.trades
        assert dict(zip(t.symbol.tolist(), zip(t.entry_price, t.exit_price, t.pnl, strict=True), strict=True)) == {
            "CHEAP": (10.0, 12.0, 200.0), "DEAR": (100.0, 95.0, -500.0),
        }  # fmt: skip
        assert told.seen[-1][2] == 9_700.0
        assert result.bars == 6

    def test_one_without_a_candle_at_that_time_keeps_its_last_bar(self):
        look = seeing(lambda s: [(len(d), d.close[0] if len(d) else None) for d in s.datas])
        run(look, feeds=[feed([FLAT, None, FLAT], "A"), feed([None, RISING[1], RISING[2]], "B")])
        assert look.seen == [[(1, 100.0), (0, None)], [(1, 100.0), (1, 101.0)], [(2, 100.0), (2, 102.0)]]

    def test_positions_are_by_symbol(self):
        script = {0: lambda s: s.buy(data=s.datas[1], size=2), 1: lambda s: s.close(data=s.datas[0])}
        result, told = play({"A": [FLAT] * 4, "B": [FLAT] * 4}, script)
        assert [told.getposition(data).size for data in told.datas] == [0, 0]
        assert (result.trades.symbol.tolist(), result.trades.exit_reason.tolist()) == (["B"], ["end_of_data"])

    def test_orders_of_several_symbols_on_one_bar_all_survive(self):
        def all_of_them(s):
            for data in s.datas:
                s.orders[data._name] = s.buy(data=data, size=1, price=99.0, exectype=bt.Order.Limit)

        rows = [FLAT, FLAT, (100.0, 100.0, 98.0, 98.0), FLAT]
        result, told = play(dict.fromkeys("ABC", rows), {0: all_of_them})
        assert sorted(result.trades.symbol.tolist()) == ["A", "B", "C"]
        assert {name: told.told(name)[-1] for name in "ABC"} == dict.fromkeys("ABC", "Completed")


class TestFailures:
    def test_what_the_strategy_raises_ends_the_run_with_line_and_bar(self):
        source = (
            "import backtrader as bt\n\n\nclass Mine(bt.Strategy):\n    def next(self):\n"
            "        if len(self) == 3:\n            raise ValueError('third')\n"
        )
        with pytest.raises(RunFailed) as caught:
            run(load_strategy_class(source, "mine.py"))
        failed = caught.value
        assert failed.code == "strategy_error"
        assert failed.message == "The strategy raised ValueError: third on the bar of 2026-01-05 00:02 UTC"
        assert failed.bar_time == datetime(2026, 1, 5, 0, 2, tzinfo=UTC)
        assert 'File "mine.py", line 7, in next' in failed.traceback
        assert "backtrader_engine" not in failed.traceback

    def test_what_its_init_raises_has_no_bar(self):
        def broken(s):
            raise KeyError("nothing there")

        with pytest.raises(RunFailed) as caught:
            run(type("Broken", (bt.Strategy,), {"__init__": broken}))
        assert (caught.value.code, caught.value.bar_time) == ("strategy_error", None)

    def test_an_index_error_of_its_own_is_no_look_ahead(self):
        with pytest.raises(RunFailed) as caught:
            run(seeing(lambda s: [][1]))
        assert caught.value.code == "strategy_error"

    def test_leaving_the_process_is_an_error(self):
        with pytest.raises(RunFailed, match="SystemExit"):
            run(seeing(lambda s: exit(3)))

    def test_one_that_skips_the_run_has_not_run(self):
        def skip(s):
            raise bt.errors.StrategySkipError

        with pytest.raises(RunFailed, match="skipped"):
            run(type("Skipping", (bt.Strategy,), {"__init__": skip}))

    def test_one_that_stops_early_keeps_its_result(self):
        look = seeing(lambda s: s.env.runstop() if len(s) == 3 else None)
        result = run(look)
        assert (len(look.seen), len(result.equity)) == (3, 21)


class TestParams:
    class Plain(Seen):
        params = (("length", 5), ("factor", 2.0), ("name", "x"), ("active", True), ("anything", None))

        def look(self):
            return self.p.length, self.p.factor, self.p.name, self.p.active, self.p.anything

    def test_they_are_laid_over_those_of_the_class(self):
        run(self.Plain, params={"length": 7.0, "factor": 3, "anything": [1]})
        assert self.Plain.seen[0] == (7, 3.0, "x", True, [1])
        assert isinstance(self.Plain.seen[0][0], int)

    def test_what_is_unknown_or_of_another_type_is_named_all_at_once(self):
        with pytest.raises(ParamsInvalid) as caught:
            run(self.Plain, params={"length": 1.5, "active": 1, "lenght": 3})
        assert {problem.field for problem in caught.value.errors} == {"length", "active", "lenght"}

    def test_a_schema_has_the_word_on_what_it_names(self):
        members = {
            "params": (("length", 5), ("other", 1)), "DEFAULT_PARAMS": {"length": 9},
            "PARAMS_SCHEMA": {"length": {"type": "int", "min": 2}}, "look": lambda s: (s.p.length, s.p.other),
        }  # fmt: skip
        strategy = type("WithSchema", (Seen,), members)
        run(strategy)
        assert strategy.seen[0] == (9, 1)
        with pytest.raises(ParamsInvalid, match="at least 2"):
            run(strategy, params={"length": 1})

    def test_a_schema_for_what_backtrader_does_not_know_is_a_strategy_error(self):
        members = {"DEFAULT_PARAMS": {"length": 9}, "PARAMS_SCHEMA": {"length": {"type": "int"}}, "look": len}
        with pytest.raises(StrategyError, match="params lacks length"):
            run(type("WithSchema", (Seen,), members))


class TestResult:
    def test_the_money_adds_up_and_the_same_inputs_give_the_same_digest(self):
        script = {0: lambda s: s.buy(size=1.5), 3: lambda s: s.sell(size=2.5), 8: lambda s: s.close()}
        first, _ = play(RISING, script, spread=12, commission_per_lot=3.5)
        second, _ = play(RISING, script, spread=12, commission_per_lot=3.5)
        assert first.digest == second.digest
        assert round(10_000 + first.trades.pnl.sum(), 2) == first.equity[-1] == first.stats["final_equity"]

    def test_a_report_has_the_trades_and_what_the_strategy_drew(self):
        class Drawing(Scripted):
            def __init__(self):
                super().__init__()
                self.average = bt.indicators.SMA(self.data, period=3)

            def chart_overlays(self):
                times = MONDAY + MINUTE * np.arange(len(self.data))
                return {"XAUUSD": Overlays().line("SMA_3", times, np.array(self.average.get(size=len(self.data))))}

        script = {3: lambda s: s.buy_bracket(size=1, exectype=bt.Order.Market, stopprice=90.0, limitprice=110.0)}
        result, _ = play(RISING, script, base=Drawing, report=True)
        drawn = result.overlays["XAUUSD"]
        assert list(drawn["lines"]) == ["SMA_3"]
        assert drawn["lines"]["SMA_3"][-1]["value"] == 118.0
        (box,) = drawn["order_boxes"]
        assert (box["entry"], box["sl"], box["tp"], box["close_reason"]) == (104.0, 90.0, 110.0, "tp")

    def test_a_drawing_that_fails_costs_the_drawing(self):
        class Drawing(Scripted):
            def chart_overlays(self):
                raise RuntimeError("no paper")

        result, _ = play([FLAT] * 4, {0: lambda s: s.buy(size=1)}, base=Drawing, report=True)
        assert any("drawing was left out: RuntimeError: no paper" in warning for warning in result.warnings)
        assert result.overlays["XAUUSD"]["order_boxes"]

    def test_the_tag_of_an_order_is_that_of_its_trade(self):
        result, _ = play([FLAT] * 4, {0: at(entry=lambda s: s.buy(size=1, tag="first"))})
        assert result.trades.tag.tolist() == ["first"]


class TestProgress:
    def test_it_begins_at_nothing_and_ends_at_all(self):
        told = []
        run(seeing(lambda s: None), on_progress=lambda done, total: told.append((done, total)))
        assert (told[0], told[-1]) == ((0, 20), (20, 20))

    def test_who_watches_may_end_the_run(self, monkeypatch):
        class Stopped(Exception):
            pass

        def stop(done, total):
            if done:
                raise Stopped

        monkeypatch.setattr("analysis.backtrader_engine.run.PROGRESS_EVERY_S", 0.0)
        look = seeing(lambda s: None)
        with pytest.raises(Stopped):
            run(look, on_progress=stop)
        assert len(look.seen) == 1
