"""What becomes of backtrader's orders: worked by hand, on candles of four numbers."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import backtrader as bt
import pytest

from tests.analysis.backtrader_engine.scripted import at, play
from tests.analysis.engine.worked import FLAT, GOLD

UP = (100.0, 103.0, 100.0, 103.0)
DOWN = (100.0, 100.0, 97.0, 97.0)
DONE = ["Submitted", "Accepted", "Completed"]
GONE = ["Submitted", "Accepted", "Canceled"]
THREE_PAST = datetime(2026, 1, 5, 0, 3, tzinfo=UTC)
REJECTED = ["Submitted", "Rejected"]


def log(result):
    t = result.trades
    return list(
        zip(
            t.side.tolist(), t.lots.tolist(), t.entry_price.tolist(), t.exit_price.tolist(), t.exit_reason.tolist(),
            t.pnl.tolist(), strict=True,
        )
    )  # fmt: skip


def codes(result):
    return [(refusal.outcome, refusal.code) for refusal in result.refusals]


def bracket(side="buy", **orders):
    def step(s):
        names = ("entry", "stop", "limit")
        s.orders.update(zip(names, getattr(s, f"{side}_bracket")(**orders), strict=True))

    return step


class TestMarketOrders:
    def test_one_is_filled_at_the_open_of_the_next_candle_with_spread_and_commission(self):
        rows = [FLAT, (101.0, 101.0, 101.0, 101.0), (102.0, 102.0, 102.0, 102.0), (104.0, 104.0, 104.0, 104.0)]
        script = {0: at(entry=lambda s: s.buy(size=0.5)), 2: at(exit=lambda s: s.close())}
        result, told = play(rows, script, spread=30, commission_per_lot=4)
        assert log(result) == [("BUY", 0.5, 101.3, 104.0, "signal", 131.0)]
        assert (told.told("entry"), told.told("exit")) == (DONE, DONE)
        assert told.trades == [(True, False, 0.5, 0.0, -2.0), (False, True, 0.0, 135.0, 131.0)]
        assert told.seen[-1] == (3, 0.0, 10_131.0, 10_131.0)

    def test_a_short_is_entered_at_the_bid_and_closed_at_the_ask(self):
        script = {0: at(entry=lambda s: s.sell(size=1)), 1: at(exit=lambda s: s.close())}
        result, told = play([FLAT, FLAT, DOWN, FLAT], script, spread=30)
        assert log(result) == [("SELL", 1.0, 100.0, 100.3, "signal", -30.0)]
        assert [size for _, size, _, _ in told.seen] == [0, -1, 0, 0]

    def test_volume_is_in_lots_rounded_down_to_a_step(self):
        result, told = play([FLAT] * 3, {0: at(entry=lambda s: s.buy(size=0.019))})
        assert log(result)[0][:2] == ("BUY", 0.01)
        assert told.seen[1][1] == 0.01

    def test_the_opposite_side_closes_first_in_first_out_in_parts(self):
        script = {
            0: lambda s: s.buy(size=1), 1: lambda s: s.buy(size=2), 2: lambda s: s.sell(size=1.5),
            3: lambda s: s.sell(size=1.5),
        }  # fmt: skip
        result, told = play([FLAT] * 6, script)
        assert [(t[1], t[4]) for t in log(result)] == [(1.0, "signal"), (0.5, "signal"), (1.5, "signal")]
        assert result.trades.id.tolist() == [1, 2, 2]
        assert [size for _, size, _, _ in told.seen] == [0, 1, 3, 1.5, 0, 0]

    def test_more_than_is_open_turns_the_position_around(self):
        script = {0: lambda s: s.buy(size=1), 1: at(turn=lambda s: s.sell(size=3))}
        result, told = play([FLAT] * 4, script)
        assert [t[:2] for t in log(result)] == [("BUY", 1.0), ("SELL", 2.0)]
        assert [size for _, size, _, _ in told.seen] == [0, 1, -2, -2]
        assert told.told("turn") == DONE

    def test_two_closes_on_one_bar_do_not_close_twice(self):
        def twice(s):
            s.orders["first"], s.orders["second"] = s.sell(size=1), s.sell(size=1)

        result, told = play([FLAT] * 4, {0: lambda s: s.buy(size=1), 1: twice})
        assert [t[:2] for t in log(result)] == [("BUY", 1.0), ("SELL", 1.0)]
        assert told.told("first") == told.told("second") == DONE

    def test_sums_of_lots_have_no_noise(self):
        script = {0: lambda s: s.buy(size=0.1), 1: lambda s: s.buy(size=0.2), 2: lambda s: s.close()}
        result, told = play([FLAT] * 4, script)
        assert [size for _, size, _, _ in told.seen] == [0, 0.1, 0.3, 0]
        assert told.trades[-1][1] is True

    def test_what_is_open_at_the_end_is_closed_and_told(self):
        result, told = play([FLAT, FLAT, UP], {0: lambda s: s.buy(size=1)})
        assert log(result) == [("BUY", 1.0, 100.0, 103.0, "end_of_data", 300.0)]
        assert told.trades[-1] == (False, True, 0.0, 300.0, 300.0)

    def test_on_the_last_bar_there_is_no_market(self):
        result, told = play([FLAT, FLAT], {1: at(entry=lambda s: s.buy(size=1))})
        assert (told.told("entry"), codes(result)) == (REJECTED, [("refused", "no_market")])

    def test_a_target_size_counts_from_the_net_position(self):
        script = {0: lambda s: s.order_target_size(target=2), 1: lambda s: s.order_target_size(target=-1)}
        _, told = play([FLAT] * 4, script)
        assert [size for _, size, _, _ in told.seen] == [0, 2, -1, -1]

    def test_fills_are_told_in_the_order_in_which_they_happened(self):
        script = {
            0: lambda s: s.buy(size=1),
            1: bracket("sell", size=1, exectype=bt.Order.Market, stopprice=101.0, limitprice=90.0),
            2: lambda s: s.buy(size=3),
            3: at(exit=lambda s: s.close()),
        }
        result, told = play([FLAT, FLAT, FLAT, FLAT, UP, FLAT], script)
        assert [(t[1], t[4]) for t in log(result)][:3] == [(1.0, "signal"), (1.0, "sl"), (2.0, "signal")]
        assert [news for news in told.news if news[1] in ("Partial", "Completed")][-3:] == [
            ("exit", "Partial"), ("stop", "Completed"), ("exit", "Completed"),
        ]  # fmt: skip


class TestRestingOrders:
    def test_a_limit_waits_for_its_price(self):
        rows = [FLAT, FLAT, DOWN, FLAT]
        script = {0: at(entry=lambda s: s.buy(size=1, price=98.0, exectype=bt.Order.Limit))}
        result, told = play(rows, script)
        assert log(result)[0][:3] == ("BUY", 1.0, 98.0)
        assert [size for _, size, _, _ in told.seen] == [0, 0, 1, 1]
        assert told.told("entry") == DONE

    def test_a_stop_is_filled_at_the_gap(self):
        rows = [FLAT, (105.0, 105.0, 105.0, 105.0), FLAT]
        result, _ = play(rows, {0: lambda s: s.buy(size=1, price=102.0, exectype=bt.Order.Stop)})
        assert log(result)[0][:3] == ("BUY", 1.0, 105.0)

    def test_one_that_was_cancelled_is_never_filled(self):
        script = {
            0: at(entry=lambda s: s.buy(size=1, price=98.0, exectype=bt.Order.Limit)),
            1: lambda s: s.cancel(s.orders["entry"]),
        }  # fmt: skip
        result, told = play([FLAT, FLAT, FLAT, DOWN], script)
        assert (log(result), told.told("entry"), codes(result)) == ([], GONE, [])

    def test_a_cancellation_that_comes_too_late_is_listed(self):
        script = {
            0: at(entry=lambda s: s.buy(size=1, price=98.0, exectype=bt.Order.Limit)),
            1: lambda s: s.cancel(s.orders["entry"]),
        }  # fmt: skip
        result, told = play([FLAT, FLAT, (97.0, 97.0, 97.0, 97.0), FLAT], script, slippage_ms=30_000)
        assert log(result)[0][:3] == ("BUY", 1.0, 97.0)
        assert (told.told("entry"), codes(result)) == (DONE, [("refused", "unknown_order")])

    @pytest.mark.parametrize(
        "valid",
        [
            timedelta(minutes=2), THREE_PAST, THREE_PAST.replace(tzinfo=None), bt.date2num(THREE_PAST),
        ],
    )  # fmt: skip
    def test_one_that_is_valid_until_then_expires(self, valid):
        script = {0: at(entry=lambda s: s.buy(size=1, price=98.0, exectype=bt.Order.Limit, valid=valid))}
        filled, _ = play([FLAT, FLAT, DOWN, FLAT, FLAT], script)
        assert log(filled)[0][2] == 98.0
        result, told = play([FLAT, FLAT, FLAT, DOWN, FLAT], script)
        assert (log(result), codes(result)) == ([], [("expired", "expired")])
        assert told.told("entry") == ["Submitted", "Accepted", "Expired"]

    def test_a_price_the_market_has_passed_is_rejected(self):
        script = {0: at(entry=lambda s: s.buy(size=1, price=101.0, exectype=bt.Order.Limit))}
        result, told = play([FLAT] * 3, script)
        assert (told.told("entry"), codes(result)) == (REJECTED, [("refused", "wrong_side")])


class TestBrackets:
    def test_the_children_are_stop_loss_and_take_profit_of_the_trade(self):
        script = {0: bracket(size=1, exectype=bt.Order.Market, stopprice=98.0, limitprice=102.0)}
        result, told = play([FLAT, FLAT, FLAT, UP, FLAT], script)
        assert log(result) == [("BUY", 1.0, 100.0, 102.0, "tp", 200.0)]
        assert (result.trades.sl.tolist(), result.trades.tp.tolist()) == ([98.0], [102.0])
        assert (told.told("entry"), told.told("stop"), told.told("limit")) == (DONE, GONE, DONE)

    def test_they_live_in_the_candle_of_the_entry(self):
        script = {0: bracket("sell", size=1, exectype=bt.Order.Market, stopprice=102.0, limitprice=90.0)}
        result, told = play([FLAT, UP, FLAT], script)
        assert log(result) == [("SELL", 1.0, 100.0, 102.0, "sl", -200.0)]
        assert (told.told("stop"), told.told("limit")) == (DONE, GONE)
        assert told.trades[-1] == (False, True, 0.0, -200.0, -200.0)

    def test_a_limit_entry_takes_them_along(self):
        script = {0: bracket(size=1, price=98.0, exectype=bt.Order.Limit, stopprice=96.0, limitprice=99.5)}
        result, told = play([FLAT, FLAT, DOWN, (97.0, 100.0, 97.0, 100.0), FLAT], script)
        assert log(result) == [("BUY", 1.0, 98.0, 99.5, "tp", 150.0)]
        assert told.told("limit") == DONE

    def test_a_cancelled_entry_takes_its_children_with_it(self):
        script = {
            0: bracket(size=1, price=98.0, exectype=bt.Order.Limit, stopprice=96.0, limitprice=99.5),
            1: lambda s: s.cancel(s.orders["entry"]),
        }  # fmt: skip
        result, told = play([FLAT, FLAT, FLAT, DOWN], script)
        assert log(result) == []
        assert {name: told.told(name) for name in told.orders} == {"entry": GONE, "stop": GONE, "limit": GONE}

    def test_one_child_may_be_left_out(self):
        script = {0: lambda s: s.buy_bracket(size=1, exectype=bt.Order.Market, stopprice=98.0, limitexec=None)}
        result, _ = play([FLAT, FLAT, DOWN, FLAT], script)
        assert log(result)[0][3:5] == (98.0, "sl")

    def test_the_exit_by_signal_cancels_them(self):
        script = {
            0: bracket(size=1, exectype=bt.Order.Market, stopprice=98.0, limitprice=105.0),
            1: lambda s: s.close(),
        }  # fmt: skip
        result, told = play([FLAT, FLAT, FLAT, DOWN], script)
        assert log(result)[0][3:5] == (100.0, "signal")
        assert told.told("stop") == told.told("limit") == GONE

    def test_a_level_that_is_cancelled_no_longer_closes_the_trade(self):
        script = {
            0: bracket(size=1, exectype=bt.Order.Market, stopprice=98.0, limitprice=105.0),
            1: lambda s: s.cancel(s.orders["stop"]),
        }  # fmt: skip
        result, told = play([FLAT, FLAT, FLAT, DOWN], script)
        assert log(result)[0][3:5] == (97.0, "end_of_data")
        assert told.told("stop") == GONE

    def test_several_of_one_bar_all_survive(self):
        def three(s):
            for distance in (1.0, 2.0, 3.0):
                s.buy_bracket(size=1, exectype=bt.Order.Market, stopprice=90.0, limitprice=100.0 + distance)

        result, told = play([FLAT, FLAT, UP, FLAT], {0: three})
        assert [t[3:5] for t in log(result)] == [(101.0, "tp"), (102.0, "tp"), (103.0, "tp")]
        assert told.seen[1][1] == 3

    def test_both_sides_may_be_open_at_once(self):
        def both(s):
            s.buy_bracket(size=1, exectype=bt.Order.Market, stopprice=90.0, limitprice=102.0)
            s.sell_bracket(size=1, exectype=bt.Order.Market, stopprice=110.0, limitprice=98.0)

        result, told = play([FLAT, FLAT, UP, (100.0, 100.0, 97.0, 97.0), FLAT], {0: both})
        assert [(t[0], t[3], t[4]) for t in log(result)] == [("BUY", 102.0, "tp"), ("SELL", 98.0, "tp")]
        assert [size for _, size, _, _ in told.seen] == [0, 0, -1, 0, 0]

    def test_a_level_on_the_wrong_side_rejects_all_three(self):
        script = {0: bracket(size=1, exectype=bt.Order.Market, stopprice=101.0, limitprice=105.0)}
        result, told = play([FLAT] * 3, script)
        assert (log(result), codes(result)) == ([], [("refused", "wrong_side")])
        assert told.told("entry") == REJECTED
        assert told.told("stop") == told.told("limit") == ["Submitted", "Canceled"]


class TestProtectingAPosition:
    def test_a_stop_against_the_whole_position_is_its_stop_loss(self):
        script = {
            0: lambda s: s.buy(size=1),
            1: at(stop=lambda s: s.sell(size=1, price=98.0, exectype=bt.Order.Stop)),
        }  # fmt: skip
        result, told = play([FLAT, FLAT, FLAT, DOWN, FLAT], script)
        assert log(result)[0][3:5] == (98.0, "sl")
        assert told.told("stop") == DONE

    def test_stop_and_limit_cancel_each_other(self):
        def protect(s):
            s.orders["stop"] = s.sell(size=1, price=98.0, exectype=bt.Order.Stop)
            s.orders["limit"] = s.sell(size=1, price=102.0, exectype=bt.Order.Limit, oco=s.orders["stop"])

        result, told = play([FLAT, FLAT, FLAT, UP, FLAT], {0: lambda s: s.buy(size=1), 1: protect})
        assert log(result)[0][3:5] == (102.0, "tp")
        assert (told.told("stop"), told.told("limit")) == (GONE, DONE)

    def test_a_stop_is_moved_by_cancelling_it_and_sending_another(self):
        def trail(s):
            s.cancel(s.orders["first"])
            s.orders["second"] = s.sell(size=1, price=99.0, exectype=bt.Order.Stop)

        script = {
            0: lambda s: s.buy(size=1), 1: at(first=lambda s: s.sell(size=1, price=98.0, exectype=bt.Order.Stop)),
            2: trail,
        }  # fmt: skip
        result, told = play([FLAT, FLAT, FLAT, FLAT, DOWN, FLAT], script)
        assert log(result)[0][3:5] == (99.0, "sl")
        assert (told.told("first"), told.told("second")) == (GONE, DONE)

    def test_a_second_stop_is_refused(self):
        def stop(price):
            return lambda s: s.sell(size=1, price=price, exectype=bt.Order.Stop)

        result, told = play([FLAT] * 5, {0: lambda s: s.buy(size=1), 1: at(one=stop(98.0)), 2: at(two=stop(97.0))})
        assert (told.told("two"), codes(result)) == (REJECTED, [("refused", "level_taken")])


class TestWhatTheMarketHasNoWordFor:
    @pytest.mark.parametrize(
        ("send", "code", "reason"),
        [
            (lambda s: s.buy(size=1, price=101.0, exectype=bt.Order.StopTrail, trailamount=1.0), "unsupported_order",
             "StopTrail orders are not carried out: only Market, Limit and Stop are"),
            (lambda s: s.buy(size=1, price=101.0, plimit=102.0, exectype=bt.Order.StopLimit), "unsupported_order",
             "StopLimit orders are not carried out: only Market, Limit and Stop are"),
            (lambda s: s.buy(size=1, exectype=bt.Order.Close), "unsupported_order",
             "Close orders are not carried out: only Market, Limit and Stop are"),
            (lambda s: s.buy(size=float("nan")), "not_finite", None),
            (lambda s: s.buy(size=0.001), "volume_too_small", "0 lots are below the minimum of 0.01"),
            (lambda s: s.buy(size=1, price=float("nan"), exectype=bt.Order.Limit), "not_finite", None),
            (lambda s: s.buy(size=1, exectype=bt.Order.Limit, price=98.0, valid="tomorrow"), "not_understood", None),
        ],
    )  # fmt: skip
    def test_is_rejected_with_a_reason(self, send, code, reason):
        result, told = play([FLAT] * 3, {0: at(order=send)})
        assert (log(result), told.told("order")) == ([], REJECTED)
        (refusal,) = result.refusals
        assert (refusal.outcome, refusal.code) == ("refused", code)
        assert reason in (None, refusal.reason)
        assert "1 action was refused; the reasons are in the list of refusals." in result.warnings

    def test_the_strategy_reads_the_reason_in_the_order(self):
        reasons = []

        def refuse(s):
            s.notify_order = lambda order: reasons.append((order.getstatusname(), order.info.get("refused")))
            s.buy(size=1, exectype=bt.Order.Close)

        play([FLAT] * 3, {0: refuse})
        assert reasons[-1] == ("Rejected", "unsupported_order")

    def test_entries_on_both_sides_that_would_be_netted_later(self):
        def straddle(s):
            s.orders["up"] = s.buy(size=1, price=102.0, exectype=bt.Order.Stop)
            s.orders["down"] = s.sell(size=1, price=98.0, exectype=bt.Order.Stop)

        result, told = play([FLAT] * 3, {0: straddle})
        assert (told.told("down"), codes(result)) == (REJECTED, [("refused", "two_sided")])

    def test_a_resting_order_for_part_of_the_position(self):
        script = {
            0: lambda s: s.buy(size=2),
            1: at(part=lambda s: s.sell(size=1, price=98.0, exectype=bt.Order.Stop)),
        }  # fmt: skip
        result, told = play([FLAT] * 4, script)
        assert (told.told("part"), codes(result)) == (REJECTED, [("refused", "partial_exit")])


class TestTheAccount:
    def test_without_margin_there_is_no_entry(self):
        result, told = play([FLAT] * 4, {0: at(entry=lambda s: s.buy(size=20))}, leverage=10)
        assert (log(result), codes(result)) == ([], [("refused", "no_money")])
        assert told.told("entry") == ["Submitted", "Accepted", "Margin"]

    def test_the_stop_out_is_told_as_a_closed_trade(self):
        rows = [FLAT, FLAT, (100.0, 100.0, 90.0, 90.0), FLAT]
        result, told = play(rows, {0: lambda s: s.buy(size=10)}, leverage=20, stop_out_level=50)
        assert log(result)[0][4] == "stop_out"
        assert [size for _, size, _, _ in told.seen] == [0, 10, 0, 0]

    def test_the_risk_settings_limit_open_trades(self):
        script = {0: lambda s: s.buy(size=1), 1: at(second=lambda s: s.buy(size=1))}
        result, told = play([FLAT] * 4, script, risk={"max_open_positions": 1})
        assert (told.told("second"), codes(result)) == (REJECTED, [("refused", "max_open_positions")])

    def test_the_strategy_cannot_set_the_rules(self):
        def cheat(s):
            s.broker.setcash(1e9)
            s.broker.setcommission(commission=0)
            s.broker.set_slippage_fixed(0)

        result, told = play([FLAT] * 3, {0: cheat})
        assert told.seen[-1][2:] == (10_000.0, 10_000.0)
        assert (
            "The strategy called set_slippage_fixed, setcash, setcommission of its broker: "
            "the rules of a run are the platform's."
        ) in result.warnings

    def test_cash_is_the_balance_and_value_the_equity(self):
        rows = [FLAT, FLAT, UP, FLAT]
        _, told = play(rows, {0: lambda s: s.buy(size=1)}, commission_per_lot=4)
        assert [seen[2:] for seen in told.seen] == [
            (10_000.0, 10_000.0), (9_996.0, 9_996.0), (10_296.0, 9_996.0), (9_996.0, 9_996.0),
        ]  # fmt: skip

    def test_swap_is_in_the_trade_the_strategy_is_told_of(self):
        rows = [FLAT] * (22 * 60 + 5)
        gold = replace(GOLD, swap_long=-10.0, swap_mode="money")
        script = {21 * 60: lambda s: s.buy(size=1), 22 * 60 + 2: lambda s: s.close()}
        result, told = play(rows, script, instrument=gold, rollover_time="22:00", rollover_timezone="UTC")
        assert result.trades.swap.tolist() == [-10.0]
        assert told.trades[-1] == (False, True, 0.0, 0.0, -10.0)
