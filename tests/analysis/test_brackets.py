"""Limit orders with stop loss and take profit, followed through backtrader's broker and the platform's."""

import math
from datetime import timedelta

import backtrader as bt
import pytest

from analysis.backtrader_engine import Feed, run_backtrader
from analysis.engine import BacktestSettings
from analysis.strategy.brackets import BracketBook, Ticket
from analysis.strategy.overlays import Overlays
from tests.analysis.engine.worked import MINUTE, candles
from tests.strategy_templates.break_retest_market import GOLD, TUESDAY, epoch, feed, hours, play

BUY = Ticket("BUY", 0.5, 100.0, 98.0, 103.0)
SELL = Ticket("SELL", 0.5, 104.0, 106.0, 101.0)


class Placing(bt.Strategy):
    """Places the tickets of `script` by bar, and takes brackets back by their number: {bar: [ticket or number]}."""

    script = {}

    def __init__(self):
        type(self).last = self
        self.book, self.placed, self.queue = BracketBook(self), [], []

    def next(self):
        for step in self.script.get(len(self.data) - 1, ()):
            if isinstance(step, Ticket):
                self.placed.append(self.book.place(self.data, step, {"bar": len(self.data) - 1}))
            else:
                self.book.cancel(self.placed[step])
        self.queue.append([bracket.number for bracket in self.book.waiting(self.data)])

    def notify_order(self, order):
        self.book.on_order(order)


def told(closes, script, **options):
    """The strategy after a run over hours that go from close to close."""
    bodies = list(zip([closes[0], *closes[:-1]], closes, strict=True))
    strategy = type("Told", (Placing,), {"script": script})
    return play(strategy, {"XAUUSD": feed(hours(bodies))}, **options)


def states(run):
    return [(bracket.state, bracket.close_reason) for bracket in run.placed]


class TestTicket:
    @pytest.mark.parametrize(
        ("ticket", "refusal"),
        [
            (BUY, ""),
            (SELL, ""),
            (Ticket("BUY", 0.01, 100.0, 98.0, 103.0), ""),
            (Ticket("BUY", 0.0, 100.0, 98.0, 103.0), "volume below 0.01 lots"),
            (Ticket("BUY", 0.5, 2.0, 0.0, 3.0), "a price not above zero"),
            (Ticket("SELL", 0.5, 2.0, 3.0, -1.0), "a price not above zero"),
            (Ticket("BUY", 0.5, 100.0, 100.0, 103.0), "entry not between stop loss and take profit"),
            (Ticket("BUY", 0.5, 100.0, 98.0, 100.0), "entry not between stop loss and take profit"),
            (Ticket("SELL", 0.5, 100.0, 98.0, 103.0), "entry not between stop loss and take profit"),
            (Ticket("BUY", 0.5, math.nan, 98.0, 103.0), "entry not between stop loss and take profit"),
        ],
    )
    def test_it_says_why_it_cannot_be_sent(self, ticket, refusal):
        assert ticket.refusal(GOLD) == refusal


class TestBook:
    def test_any_number_on_one_bar_are_kept_apart(self):
        # 0.5 lots of 100 each: filled at 100 and 99.5; the fall to 98.9 ends the second, the rise to 103 the others
        near = Ticket("BUY", 0.5, 99.5, 99.0, 102.0)
        run = told([102.0, 102.0, 99.2, 98.9, 103.5, 103.5], {1: [BUY, near, SELL]}, cash=1e6)
        assert states(run) == [("TP_HIT", "TP"), ("SL_HIT", "SL"), ("PENDING", "")]
        assert [r["trade_id"] for r in run.book.records()] == [1, 2, 3]
        assert [r["pnl"] for r in run.book.records()] == [pytest.approx(150.0), pytest.approx(-25.0), None]
        assert run.queue == [[], [1, 2, 3], [3], [3], [3], [3]]

    def test_times_candles_and_prices_are_those_of_the_fills(self):
        run = told([102.0, 102.0, 101.0, 99.5, 102.0, 103.5, 103.5], {1: [BUY]}, cash=1e6)
        (record,) = run.book.records()
        names = ("symbol", "order_side", "size", "entry_price", "sl", "tp", "bar")
        assert [record[name] for name in names] == ["XAUUSD", "BUY", 0.5, 100.0, 98.0, 103.0, 1]
        for event, candle in (("placed", 1), ("open", 3), ("close", 5)):
            assert record[f"{event}_candle"] == candle
            assert record[f"{event}_datetime"] == TUESDAY + candle * timedelta(hours=1)
        assert (record["entry_executed_price"], record["exit_price"]) == pytest.approx((100.0, 103.0))
        assert (record["state"], record["time_to_fill"]) == ("TP_HIT", 2)

    def test_a_gap_is_slippage(self):
        # opens at 97.5, below the stop loss; and the entry at 99 was better than asked
        bodies = [(102.0, 102.0), (102.0, 102.0), (99.0, 99.5), (97.5, 97.5), (97.5, 97.5)]
        strategy = type("Told", (Placing,), {"script": {1: [BUY]}})
        (record,) = play(strategy, {"XAUUSD": feed(hours(bodies))}, cash=1e6).book.records()
        names = ("entry_slippage", "close_slippage", "total_slippage", "pnl")
        assert [record[name] for name in names] == pytest.approx([-1.0, 0.5, -0.5, -1.5 * 0.5 * 100])

    def test_the_excursion_is_how_far_the_price_ran_before_the_fill(self):
        run = told([102.0, 102.0, 102.5, 103.75, 99.5, 105.0, 105.0], {1: [BUY]}, cash=1e6)
        assert run.book.records()[0]["highest_excursion_from_breakout"] == 1.75
        run = told([102.0, 102.0, 101.0, 100.25, 104.5, 99.0, 99.0], {1: [SELL]}, cash=1e6)
        assert run.book.records()[0]["highest_excursion_from_breakout"] == 1.75

    def test_the_bars_of_placing_and_fill_have_no_part_in_the_excursion(self):
        frame = hours([(102.0, 102.0)] * 3 + [(102.0, 99.5), (99.5, 99.5)])
        frame["high"] = [102.0, 104.0, 102.5, 104.0, 104.0]
        strategy = type("Told", (Placing,), {"script": {1: [BUY]}})
        (record,) = play(strategy, {"XAUUSD": feed(frame)}, cash=1e6).book.records()
        assert (record["open_candle"], record["highest_excursion_from_breakout"]) == (3, 0.5)

    def test_one_that_is_taken_back_ends_where_it_was(self):
        run = told([102.0] * 6, {1: [BUY, SELL], 3: [0]}, cash=1e6)
        assert states(run) == [("CANCELED", "CANCELED"), ("PENDING", "")]
        assert run.placed[0].close_ms == epoch(3)
        assert run.queue == [[], [1, 2], [1, 2], [1, 2], [2], [2]]

    def test_one_the_broker_refuses_is_at_an_end(self):
        run = told([102.0] * 4, {1: [BUY]}, cash=10.0)  # 0.5 lots need 50
        assert states(run) == [("CANCELED", "MARGIN")]
        assert run.queue[-1] == []

    def test_orders_that_are_not_its_own_are_nothing_to_it(self):
        class Other(Placing):
            script = {1: [BUY]}

            def next(self):
                super().next()
                if len(self.data) == 2:
                    self.buy(size=0.1)

        run = play(Other, {"XAUUSD": feed(hours([(102.0, 102.0)] * 4))}, cash=1e6)
        assert states(run) == [("PENDING", "")]

    def test_it_draws_a_box_for_each(self):
        run = told([102.0, 102.0, 99.5, *[103.5] * 5], {1: [BUY], 2: [SELL], 3: [1], 4: [SELL], 5: [2]}, cash=1e6)
        boxes = run.book.draw(run.data, Overlays()).to_json()["order_boxes"]
        assert [(box["side"], box["open_time"], box["close_time"], box["close_reason"]) for box in boxes] == [
            ("BUY", epoch(1), epoch(3), "TP"),
            ("SELL", epoch(2), epoch(3), "CANCELED"),
            ("SELL", epoch(4), epoch(5), "CANCELED"),
        ]


class TestOnThePlatform:
    @staticmethod
    def run(closes, script, **settings):
        rows = [
            (first, max(first, last), min(first, last), last)
            for first, last in zip([closes[0], *closes[:-1]], closes, strict=True)
        ]
        strategy = type("Told", (Placing,), {"script": script})
        chosen = BacktestSettings(**{"initial_equity": 10_000.0, **settings})
        result = run_backtrader(strategy, [Feed(candles(rows, start=epoch(0)), GOLD)], chosen, params={})
        return result, strategy.last

    def test_a_bracket_has_the_id_of_its_trade(self):
        first = Ticket("BUY", 0.5, 90.0, 80.0, 110.0)
        result, run = self.run([102.0, 102.0, 101.0, 99.5, 103.5, 103.5], {0: [first], 1: [BUY]})
        assert [(made.id, made.entry_price, made.exit_price) for made in result.trades] == [(1, 100.0, 103.0)]
        waits, traded = run.placed
        assert (waits.state, waits.trade_id, traded.state, traded.trade_id) == ("PENDING", None, "TP_HIT", 1)
        assert (traded.open_ms, traded.close_ms) == (epoch(0) + 3 * MINUTE, epoch(0) + 4 * MINUTE)
        assert (traded.open_candle, traded.close_candle) == (3, 4)

    def test_a_trade_the_broker_closes_has_ended_by_neither_level(self):
        # 10 lots at 100 with 30:1 need 3,333; the fall by 9 loses 9,000
        ticket = Ticket("BUY", 10.0, 100.0, 50.0, 150.0)
        result, run = self.run([102.0, 102.0, 100.0, 91.0, 91.0], {1: [ticket]}, leverage=30.0)
        assert [made.exit_reason for made in result.trades] == ["stop_out"]
        assert states(run) == [("CLOSED", "CLOSED")]
        assert run.placed[0].close_price is None
        assert run.book.records()[0]["pnl"] is None

    def test_one_without_the_money_is_at_an_end(self):
        ticket = Ticket("BUY", 50.0, 100.0, 50.0, 150.0)
        _, run = self.run([102.0, 102.0, 99.0, 99.0, 99.0], {1: [ticket]}, leverage=30.0)
        assert states(run) == [("CANCELED", "MARGIN")]
