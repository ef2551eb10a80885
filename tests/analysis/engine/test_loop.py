"""What a backtest means, rule by rule, on markets small enough to work out by hand.

One lot of the test instrument gains 1.00 per tick of 0.01. Bar 0 is flat at 100.00 and decides; bar 1 is where
it fills.
"""

import pytest

from analysis.engine import BacktestSettings, run_backtest
from analysis.instrument import Instrument
from tests.analysis.engine.worked import FLAT, GOLD, MINUTE, MONDAY, Script, buy, candles, play, sell

AFTER = (100.0, 100.0, 100.0, 100.0)


def only(result):
    assert len(result.trades) == 1, result.refusals
    return result.trades[0]


def trade_on(*later, action=None, **settings):
    """The one trade that is opened on the first of the `later` candles."""
    return only(play([FLAT, *later], {0: [action or buy()]}, **settings))


class TestEntry:
    def test_a_long_fills_at_the_ask_of_the_next_open(self):
        trade = trade_on((101.0, 102.0, 100.5, 101.5), spread=12)
        assert (trade.side, trade.lots, trade.entry_price, trade.entry_time) == ("BUY", 1.0, 101.12, MONDAY + MINUTE)

    def test_a_short_fills_at_the_bid_of_the_next_open(self):
        trade = trade_on((101.0, 102.0, 100.5, 101.5), action=sell(), spread=12)
        assert (trade.side, trade.entry_price) == ("SELL", 101.0)

    def test_the_next_candle_may_be_days_away(self):
        trade = trade_on(None, None, None, (103.0, 103.0, 103.0, 103.0))
        assert (trade.entry_price, trade.entry_time) == (103.0, MONDAY + 4 * MINUTE)

    def test_a_decision_on_the_last_candle_finds_no_market(self):
        result = play([FLAT, FLAT], {1: [buy()]})
        assert len(result.trades) == 0
        assert [(r.time, r.outcome, r.code) for r in result.refusals] == [(MONDAY + 2 * MINUTE, "refused", "no_market")]

    def test_a_long_in_profit_gains_what_the_price_moved_less_the_spread(self):
        trade = trade_on((101.0, 103.0, 101.0, 103.0), spread=12)
        assert (trade.exit_reason, trade.exit_price, trade.pnl) == ("end_of_data", 103.0, 188.0)

    def test_a_short_leaves_at_the_ask(self):
        trade = trade_on((101.0, 101.0, 99.0, 99.0), action=sell(), spread=12)
        assert (trade.exit_price, trade.pnl) == (99.12, 188.0)


class TestProtectiveLevels:
    def test_a_long_is_stopped_on_the_bid(self):
        trade = trade_on(FLAT, (100.0, 100.2, 98.9, 99.5), action=buy(sl=99.0, tp=102.0), spread=10)
        assert (trade.exit_reason, trade.exit_price, trade.exit_time) == ("sl", 99.0, MONDAY + 2 * MINUTE)
        assert (trade.pnl, trade.initial_risk, trade.pnl_r, trade.bars_held) == (-110.0, 110.0, -1.0, 1)

    def test_a_short_is_stopped_on_the_ask_which_the_bid_alone_does_not_reach(self):
        trade = trade_on(FLAT, (100.0, 100.95, 100.0, 100.5), action=sell(sl=101.0, tp=98.0), spread=10)
        assert (trade.exit_reason, trade.exit_price, trade.pnl, trade.pnl_r) == ("sl", 101.0, -100.0, -1.0)

    def test_a_short_takes_profit_only_when_the_ask_gets_there(self):
        near = (100.0, 100.0, 97.95, 98.5)  # ask 98.05
        there = (98.5, 98.5, 97.9, 98.5)  # ask 98.00
        trade = trade_on(FLAT, near, there, action=sell(sl=101.0, tp=98.0), spread=10)
        assert (trade.exit_reason, trade.exit_price, trade.exit_time) == ("tp", 98.0, MONDAY + 3 * MINUTE)
        assert (trade.pnl, trade.pnl_r) == (200.0, 2.0)

    def test_levels_live_from_the_entry_candle_on(self):
        trade = trade_on((100.0, 100.1, 98.5, 99.8), action=buy(sl=99.0))
        assert (trade.exit_reason, trade.exit_time, trade.bars_held) == ("sl", trade.entry_time, 0)

    def test_a_candle_that_opens_beyond_the_stop_fills_at_its_open(self):
        trade = trade_on(FLAT, (97.0, 99.5, 96.0, 99.0), action=buy(sl=99.0, tp=102.0))
        assert (trade.exit_reason, trade.exit_price, trade.pnl, trade.pnl_r) == ("sl", 97.0, -300.0, -3.0)

    def test_a_candle_that_opens_beyond_the_target_fills_at_its_open(self):
        trade = trade_on(FLAT, (104.0, 104.5, 98.0, 99.0), action=buy(sl=99.0, tp=102.0))
        assert (trade.exit_reason, trade.exit_price, trade.pnl) == ("tp", 104.0, 400.0)

    def test_a_short_gaps_on_the_ask(self):
        trade = trade_on(FLAT, (100.95, 101.5, 100.0, 100.5), action=sell(sl=101.0), spread=10)
        assert (trade.exit_price, trade.pnl) == (101.05, -105.0)

    def test_a_level_that_is_passed_when_the_order_fills_closes_at_once(self):
        trade = trade_on((98.0, 99.9, 97.0, 99.0), action=buy(sl=99.0, tp=102.0), spread=10)
        assert (trade.entry_price, trade.exit_price, trade.exit_reason) == (98.1, 98.0, "sl")
        assert (trade.pnl, trade.initial_risk, trade.intrabar_decided) == (-10.0, 90.0, False)

    def test_no_levels_means_no_levels(self):
        trade = trade_on((100.0, 500.0, 1.0, 100.0))
        assert (trade.exit_reason, trade.sl, trade.tp) == ("end_of_data", None, None)
        assert (trade.initial_risk, trade.pnl_r, trade.mae_r, trade.mfe_r) == (None, None, None, None)

    @pytest.mark.parametrize(
        ("rule", "dips_first", "reason"),
        [
            ("pessimistic", True, "sl"), ("pessimistic", False, "sl"),
            ("optimistic", True, "tp"), ("optimistic", False, "tp"),
            ("ohlc", True, "sl"), ("ohlc", False, "tp"),
        ],
    )  # fmt: skip
    def test_the_rule_decides_when_one_candle_holds_both(self, rule, dips_first, reason):
        wide = (100.0, 102.5, 98.0, 100.0) if dips_first else (100.0, 102.0, 97.5, 100.0)
        result = play([FLAT, FLAT, wide], {0: [buy(sl=99.0, tp=101.0)]}, intrabar=rule)
        trade = only(result)
        assert (trade.exit_reason, trade.exit_price) == (reason, {"sl": 99.0, "tp": 101.0}[reason])
        assert trade.intrabar_decided
        assert result.stats["intrabar_decided"] == 1

    def test_one_level_alone_is_not_decided_by_the_rule(self):
        result = play([FLAT, FLAT, (100.0, 101.5, 99.5, 100.0)], {0: [buy(sl=99.0, tp=101.0)]})
        assert not only(result).intrabar_decided
        assert result.stats["intrabar_decided"] == 0


class TestSlippage:
    PATH = (100.0, 101.2, 97.0, 99.0)  # up 1.20, down 4.20, up 2.00, twenty seconds each

    @pytest.mark.parametrize(
        ("ms", "price"), [(0, 100.0), (10_000, 100.6), (20_000, 101.2), (30_000, 99.1), (50_000, 98.0)]
    )
    def test_an_order_fills_where_the_price_is_when_it_arrives(self, ms, price):
        trade = trade_on(self.PATH, slippage_ms=ms, spread=10)
        assert (trade.entry_price, trade.entry_time) == (round(price + 0.1, 2), MONDAY + MINUTE + ms)

    def test_an_extreme_from_before_the_arrival_does_not_stop_the_trade(self):
        trade = trade_on((100.0, 101.2, 98.5, 100.0), action=sell(sl=101.0, tp=90.0), slippage_ms=40_000)
        assert (trade.entry_price, trade.exit_reason) == (98.5, "end_of_data")
        assert (trade.mae_r, trade.mfe_r) == (-0.6, 0.0)

    def test_a_stop_that_the_candle_passed_before_the_arrival_still_holds_in_the_next(self):
        dip = (100.0, 100.5, 98.5, 100.0)  # at the low after 40 s, at 99.25 after 50 s
        trade = trade_on(dip, (100.0, 100.0, 98.0, 98.0), action=buy(sl=98.8), slippage_ms=50_000)
        assert (trade.entry_price, trade.exit_price, trade.exit_time) == (99.25, 98.8, MONDAY + 2 * MINUTE)

    def test_what_follows_the_arrival_in_the_same_candle_does(self):
        trade = trade_on((100.0, 101.2, 98.5, 101.0), action=sell(sl=101.0, tp=90.0), slippage_ms=40_000)
        assert (trade.entry_price, trade.exit_reason, trade.exit_price) == (98.5, "sl", 101.0)
        assert trade.exit_time == trade.entry_time == MONDAY + MINUTE + 40_000

    def test_a_delay_of_minutes_reaches_a_later_candle(self):
        trade = trade_on(FLAT, (102.0, 102.0, 102.0, 102.0), (103.0, 103.0, 103.0, 103.0), slippage_ms=60_000)
        assert (trade.entry_price, trade.entry_time) == (102.0, MONDAY + 2 * MINUTE)

    def test_a_delay_that_ends_in_a_gap_waits_for_the_next_candle(self):
        trade = trade_on(FLAT, None, None, (104.0, 105.0, 104.0, 105.0), slippage_ms=90_000)
        assert (trade.entry_price, trade.entry_time) == (104.0, MONDAY + 4 * MINUTE)

    def test_a_delay_beyond_the_data_is_refused(self):
        result = play([FLAT, FLAT], {0: [buy()]}, slippage_ms=60_000)
        assert [r.code for r in result.refusals] == ["no_market"]

    @pytest.mark.parametrize(("action", "price"), [(buy(sl=98.0), 100.2), (sell(sl=102.0), 99.8), (buy(), 100.0)])
    def test_slippage_r_worsens_the_entry_by_a_share_of_the_risk(self, action, price):
        assert trade_on(FLAT, action=action, slippage_r=0.1).entry_price == price

    def test_slippage_r_worsens_a_signal_exit_but_not_a_stop(self):
        close = {0: [buy(sl=98.0)], 1: [{"action": "CLOSE_TRADE"}]}
        trade = only(play([FLAT, FLAT, FLAT], close, slippage_r=0.1))
        assert (trade.entry_price, trade.exit_price, trade.pnl) == (100.2, 99.78, -42.0)  # risk 2.20 after the entry
        stopped = trade_on(FLAT, (100.0, 100.0, 97.0, 97.0), action=buy(sl=98.0), slippage_r=0.1)
        assert stopped.exit_price == 98.0

    def test_an_order_does_not_change_how_other_trades_see_the_candle(self):
        # Trade 1 meets both its levels in the candle in which trade 2 arrives late.
        wide = (100.0, 102.0, 97.0, 100.0)
        rows = [FLAT, FLAT, FLAT, wide]
        first = buy(sl=98.0, tp=101.5)
        alone = play(rows, {0: [first]}, slippage_ms=30_000)
        both = play(rows, {0: [first], 2: [buy(sl=90.0)]}, slippage_ms=30_000)
        assert only(alone) == both.trades[0]
        assert (both.trades[0].exit_reason, both.trades[0].intrabar_decided) == ("sl", True)


class TestManaging:
    def test_close_trade_leaves_at_the_next_open(self):
        rows = [FLAT, FLAT, (101.0, 105.0, 95.0, 104.0), FLAT]
        trade = only(play(rows, {0: [buy()], 1: [{"action": "CLOSE_TRADE", "trade_id": 1}]}, spread=10))
        assert (trade.exit_reason, trade.exit_price, trade.exit_time) == ("signal", 101.0, MONDAY + 2 * MINUTE)
        assert (trade.pnl, trade.bars_held) == (90.0, 1)

    def test_a_short_is_closed_at_the_ask(self):
        rows = [FLAT, FLAT, (101.0, 105.0, 95.0, 104.0)]
        trade = only(play(rows, {0: [sell()], 1: [{"action": "CLOSE_TRADE"}]}, spread=10))
        assert (trade.exit_price, trade.pnl) == (101.1, -110.0)

    def test_close_by_tag_leaves_the_others(self):
        script = {0: [buy(tag="a"), sell(tag="b"), buy(tag="a")], 1: [{"action": "CLOSE_TRADE", "tag": "a"}]}
        result = play([FLAT] * 4, script)
        assert [(t.id, t.tag, t.exit_reason) for t in result.trades] == [
            (1, "a", "signal"), (2, "b", "end_of_data"), (3, "a", "signal"),
        ]  # fmt: skip

    def test_a_stop_that_is_hit_before_the_close_arrives_wins(self):
        rows = [FLAT, FLAT, FLAT, (100.0, 100.5, 98.0, 100.0)]
        script = {0: [buy(sl=99.0)], 2: [{"action": "CLOSE_TRADE", "trade_id": 1}]}
        result = play(rows, script, slippage_ms=40_000)
        assert (only(result).exit_reason, only(result).exit_time) == ("sl", MONDAY + 3 * MINUTE)
        assert [(r.code, r.time) for r in result.refusals] == [("unknown_trade", MONDAY + 3 * MINUTE)]

    def test_a_close_that_arrives_before_the_stop_wins(self):
        rows = [FLAT, FLAT, FLAT, (100.0, 100.5, 98.0, 100.0)]
        script = {0: [buy(sl=99.0)], 2: [{"action": "CLOSE_TRADE", "trade_id": 1}]}
        trade = only(play(rows, script, slippage_ms=10_000))
        assert (trade.exit_reason, trade.exit_price, trade.exit_time) == (
            "signal",
            100.25,
            MONDAY + 3 * MINUTE + 10_000,
        )

    def test_modify_moves_the_stop_from_the_next_candle_on(self):
        rows = [FLAT, (100.0, 100.0, 99.2, 100.0), (100.0, 100.0, 99.2, 100.0)]
        script = {0: [buy(sl=98.0, tp=103.0)], 1: [{"action": "MODIFY_TRADE", "trade_id": 1, "sl": 99.5}]}
        trade = only(play(rows, script))
        assert (trade.exit_reason, trade.exit_price, trade.exit_time) == ("sl", 99.5, MONDAY + 2 * MINUTE)
        assert (trade.sl, trade.tp, trade.initial_risk, trade.pnl_r) == (98.0, 103.0, 200.0, -0.25)

    def test_a_moved_stop_holds_in_every_later_candle(self):
        rows = [FLAT, FLAT, FLAT, FLAT, (100.0, 100.0, 99.2, 100.0)]
        script = {0: [buy(sl=98.0)], 1: [{"action": "MODIFY_TRADE", "trade_id": 1, "sl": 99.5}]}
        trade = only(play(rows, script))
        assert (trade.exit_reason, trade.exit_price, trade.exit_time) == ("sl", 99.5, MONDAY + 4 * MINUTE)

    def test_a_stop_that_moves_within_a_candle_does_not_see_what_was_before(self):
        rows = [FLAT, FLAT, (100.0, 100.0, 99.2, 100.0), FLAT]  # at the low after 40 s
        script = {0: [buy(sl=98.0)], 1: [{"action": "MODIFY_TRADE", "trade_id": 1, "sl": 99.5}]}
        late = only(play(rows, script, slippage_ms=55_000))
        assert (late.exit_reason, late.mae_r) == ("end_of_data", -0.4)
        early = only(play(rows, script, slippage_ms=10_000))
        assert (early.exit_reason, early.exit_price, early.exit_time) == ("sl", 99.5, MONDAY + 2 * MINUTE + 10_000)

    def test_modify_keeps_what_it_does_not_mention(self):
        rows = [FLAT, FLAT, (100.0, 103.5, 100.0, 103.0)]
        script = {0: [buy(sl=98.0, tp=103.0)], 1: [{"action": "MODIFY_TRADE", "sl": 99.0}]}
        assert only(play(rows, script)).exit_reason == "tp"

    def test_modify_removes_a_level_with_none(self):
        rows = [FLAT, FLAT, (100.0, 103.5, 90.0, 103.0)]
        script = {0: [buy(sl=98.0, tp=103.0)], 1: [{"action": "MODIFY_TRADE", "sl": None}]}
        assert only(play(rows, script)).exit_reason == "tp"

    def test_a_modified_level_that_is_passed_on_arrival_closes_there(self):
        rows = [FLAT, FLAT, (99.0, 99.2, 98.9, 99.0)]
        script = {0: [buy(sl=95.0)], 1: [{"action": "MODIFY_TRADE", "sl": 99.5}]}
        assert (only(play(rows, script)).exit_price, only(play(rows, script)).exit_reason) == (99.0, "sl")

    def test_several_trades_are_open_at_once_and_end_on_their_own(self):
        rows = [FLAT, FLAT, (100.0, 101.0, 100.0, 101.0), (101.0, 102.0, 98.0, 99.0), FLAT]
        script = {0: [buy(sl=99.0)], 1: [sell(sl=103.0, tp=98.5)], 2: [buy(sl=98.5, tp=101.5)]}
        result = play(rows, script)
        assert [(t.id, t.side, t.exit_reason, t.pnl) for t in result.trades] == [
            (1, "BUY", "sl", -100.0), (2, "SELL", "tp", 150.0), (3, "BUY", "sl", -250.0),
        ]  # fmt: skip
        assert result.stats["final_equity"] == 9_800.0

    def test_the_strategy_sees_its_open_trades(self):
        script = Script({0: [sell(sl=101.0, tag="x", lots=0.5)], 1: []})
        run(script, [FLAT, (100.0, 100.0, 99.0, 99.0), FLAT], spread=10)
        assert script.open[0] == ()
        (seen,) = script.open[1]
        assert (seen.id, seen.side, seen.lots, seen.entry_price, seen.sl, seen.tp) == (
            1,
            "SELL",
            0.5,
            100.0,
            101.0,
            None,
        )
        assert (seen.tag, script.unrealized[1], seen.entry_time) == ("x", [45.0], MONDAY + MINUTE)

    def test_a_strategy_that_does_not_declare_positions_is_left_alone(self):
        class Own(Script):
            positions = None

        script = Own({0: [buy()]})
        run(script, [FLAT, FLAT, FLAT])
        assert script.positions is None


def run(script, rows, *, spread=0, progress=None, instrument=GOLD, **settings):
    settings = BacktestSettings(**{"initial_equity": 10_000.0, **settings})
    return run_backtest(script, candles(rows, spread=spread), instrument, settings, progress)


class TestMoney:
    def test_commission_is_paid_on_entry_and_on_exit(self):
        script = Script({0: [buy(lots=0.37)]})
        result = run(script, [FLAT, FLAT, FLAT], commission_per_lot=3.5)
        assert script.equity[1] == 9_998.70  # 1.295 rounds to 1.30
        trade = only(result)
        assert (trade.commission, trade.swap, trade.pnl) == (2.60, 0.0, -2.60)
        assert result.equity.tolist() == [10_000.0, 10_000.0, 9_998.7, 9_997.4]

    def test_equity_is_marked_to_market_on_the_closing_side(self):
        script = Script({0: [buy(), sell(lots=2.0)]})
        result = run(script, [FLAT, (100.0, 101.0, 100.0, 101.0), FLAT], spread=10)
        assert script.equity == {0: 10_000.0, 1: 9_870.0, 2: 9_970.0}  # +90 -220, then -10 -20
        assert result.equity_time.tolist() == [MONDAY + i * MINUTE for i in range(4)]
        assert result.equity.tolist() == [10_000.0, 10_000.0, 9_870.0, 9_970.0]

    def test_sums_close(self):
        rows = [FLAT, FLAT, (100.0, 101.0, 99.0, 100.37)]
        result = play(rows, {0: [buy(lots=0.33), sell(lots=0.12)]}, commission_per_lot=2.77, spread=7)
        assert round(10_000 + sum(t.pnl for t in result.trades), 2) == result.stats["final_equity"] == result.equity[-1]

    @pytest.mark.parametrize(("asked", "traded"), [(0.019, 0.01), (0.3, 0.3), (0.29999999999, 0.3), (1.239, 1.23)])
    def test_lots_are_rounded_down_to_a_step(self, asked, traded):
        assert trade_on(FLAT, action=buy(lots=asked)).lots == traded

    @pytest.mark.parametrize("lots", [0, 0.0099, 1e-12])
    def test_lots_below_the_minimum_are_refused(self, lots):
        result = play([FLAT, FLAT], {0: [buy(lots=lots)]})
        assert len(result.trades) == 0
        (refusal,) = result.refusals
        assert (refusal.outcome, refusal.code) == ("refused", "volume_too_small")
        assert refusal.reason == f"{lots:.6g} lots are below the minimum of 0.01"

    def test_lots_above_the_maximum_are_cut_with_a_note(self):
        result = play([FLAT, FLAT], {0: [buy(lots=70)]})
        assert only(result).lots == 50.0
        (note,) = result.refusals
        assert (note.outcome, note.code, note.reason) == (
            "reduced",
            "volume_too_large",
            "70 lots were cut to the maximum of 50",
        )
        assert result.stats["refused_actions"] == 0

    @pytest.mark.parametrize(
        ("action", "lots"),
        [
            ({"side": "BUY", "sl": 98.0}, 0.47),  # 1 % of 10,000 over 2.10 from the ask
            ({"side": "SELL", "sl": 102.0}, 0.5),  # over 2.00 from the bid
            ({"side": "SELL", "sl": 103.0}, 0.33),
        ],
    )
    def test_risk_percent_sizes_by_the_distance_to_the_stop(self, action, lots):
        order = {"action": "OPEN_TRADE", "risk_percent": 1.0, **action}
        assert trade_on(FLAT, action=order, spread=10).lots == lots

    def test_excursions_are_in_r_and_end_with_the_trade(self):
        rows = ((100.0, 101.0, 99.5, 100.0), (100.0, 101.5, 99.2, 100.0), (100.0, 104.0, 98.0, 100.0))
        trade = trade_on(*rows, action=buy(sl=98.0))
        assert (trade.mae_r, trade.mfe_r) == (-1.0, 0.75)  # what the last candle reached after the stop is not its own

    def test_the_last_candle_counts_for_a_trade_that_is_open_at_the_end(self):
        trade = trade_on(FLAT, (100.0, 101.0, 99.5, 100.0), action=buy(sl=98.0))
        assert (trade.mae_r, trade.mfe_r) == (-0.25, 0.5)

    def test_excursions_of_a_short_are_measured_on_the_ask(self):
        trade = trade_on(FLAT, (100.0, 100.4, 98.9, 100.0), FLAT, action=sell(sl=102.0), spread=10)
        assert (trade.mae_r, trade.mfe_r) == (-0.25, 0.5)

    def test_an_account_in_another_currency_is_valued_by_its_tick(self):
        index = Instrument("DE40", 1, 0.1, 0.5, 0.54, 1, 0.1, 100, 0.1)
        rows = [(100.0,) * 4, (100.0,) * 4, (104.5,) * 4]
        trade = only(play(rows, {0: [buy(lots=1.3)]}, instrument=index))
        assert (trade.lots, trade.exit_price, trade.pnl) == (1.3, 104.5, 6.32)  # 9 ticks of 0.54 on 1.3 lots: 6.318


REFUSED = [
    ({"action": "OPEN_TRAD", "side": "BUY"}, "not_understood"),
    ("BUY", "not_understood"),
    (None, "not_understood"),
    ({"action": "OPEN_TRADE", "side": "UP", "lots": 1}, "not_understood"),
    ({"action": "OPEN_TRADE", "lots": 1}, "not_understood"),
    (buy(stop_loss=99.0), "not_understood"),
    (buy(sl="99"), "not_understood"),
    (buy(sl=True), "not_understood"),
    (buy(price=100.0), "not_understood"),
    (buy(lots=-1), "not_understood"),
    (buy(lots=None), "no_size"),
    (buy(risk_percent=1.0), "no_size"),
    ({"action": "OPEN_TRADE", "side": "BUY", "risk_percent": 1.0}, "no_size"),
    (buy(sl=float("nan")), "not_finite"),
    (buy(tp=float("inf")), "not_finite"),
    (buy(lots=float("nan")), "not_finite"),
    (buy(sl=10**400), "not_finite"),
    (buy(sl=0), "not_understood"),
    (buy(sl=1e300), "not_understood"),
    (sell(tp=1e300), "not_understood"),
    (buy(entry_type="limit", price=1e300), "not_understood"),
    (buy(tag="\ud800"), "not_understood"),
    (buy(sl=100.0), "wrong_side"),
    (buy(sl=101.0), "wrong_side"),
    (buy(tp=99.0), "wrong_side"),
    (buy(tp=100.0), "wrong_side"),
    (sell(sl=99.0), "wrong_side"),
    (sell(tp=101.0), "wrong_side"),
    (buy(entry_type="limit", price=101.0), "wrong_side"),
    (buy(entry_type="limit", price=100.0), "wrong_side"),
    (sell(entry_type="limit", price=99.0), "wrong_side"),
    (buy(entry_type="stop", price=99.0), "wrong_side"),
    (sell(entry_type="stop", price=101.0), "wrong_side"),
    (buy(entry_type="limit", price=99.0, sl=99.0), "wrong_side"),
    (buy(entry_type="limit", price=99.0, tp=98.5), "wrong_side"),
    (buy(symbol="EURUSD"), "wrong_symbol"),
    ({"action": "CANCEL_ORDER", "order_id": 1}, "unknown_order"),
    ({"action": "CLOSE_TRADE", "trade_id": 7}, "unknown_trade"),
    ({"action": "CLOSE_TRADE", "tag": "nothing"}, "unknown_trade"),
    ({"action": "CLOSE_TRADE", "lots": 0.001}, "volume_too_small"),
    ({"action": "MODIFY_TRADE", "trade_id": 1}, "not_understood"),
    ({"action": "MODIFY_TRADE", "trade_id": 1, "tag": "a", "sl": 99.0}, "not_understood"),
    ({"action": "MODIFY_TRADE", "sl": 100.5}, "wrong_side"),
]


class TestRefusals:
    @pytest.mark.parametrize(("action", "code"), REFUSED)
    def test_an_action_that_cannot_be_carried_out_is_refused_and_the_run_goes_on(self, action, code):
        good = buy(sl=95.0)
        result = play([FLAT] * 5, {0: [good], 1: [action], 2: [good]})
        assert [(r.time, r.outcome, r.code) for r in result.refusals] == [(MONDAY + 2 * MINUTE, "refused", code)]
        assert result.refusals[0].reason
        assert [t.entry_time for t in result.trades] == [MONDAY + MINUTE, MONDAY + 3 * MINUTE]
        assert {t.exit_reason for t in result.trades} == {"end_of_data"}
        assert result.stats["refused_actions"] == 1

    def test_other_actions_of_the_same_bar_are_carried_out(self):
        result = play([FLAT] * 3, {0: [buy(sl=101.0), buy(sl=99.0)]})
        assert [t.sl for t in result.trades] == [99.0]

    @pytest.mark.parametrize("answer", [buy(), "BUY", 7, iter([])])
    def test_an_answer_that_is_not_a_list_is_refused(self, answer):
        result = play([FLAT] * 3, {0: answer})
        assert [r.code for r in result.refusals] == ["not_understood"]
        assert "must return a list" in result.refusals[0].reason

    def test_none_is_no_action(self):
        assert play([FLAT] * 3, {0: None}).refusals == ()

    def test_a_refusal_says_what_was_asked_for(self):
        (refusal,) = play([FLAT] * 3, {0: [buy(sl=101.0, tag="x")]}).refusals
        assert refusal.action == "action=OPEN_TRADE side=BUY lots=1 sl=101 tag=x"
        assert refusal.reason == "sl 101 is on the wrong side of the price 100 for a BUY"

    def test_a_strategy_that_errs_on_every_bar_is_counted_in_full_and_listed_in_part(self):
        result = play([FLAT] * 1_500, dict.fromkeys(range(1_500), ["nonsense"]))
        assert len(result.refusals) == 1_000
        assert result.stats["refused_actions"] == 1_500
        assert "1500 actions were refused; the reasons are in the list of refusals." in result.warnings
