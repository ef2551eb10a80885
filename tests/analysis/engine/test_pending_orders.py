"""Limit and stop entries, each worked out by hand. A lot of gold gains 100.00 when the price rises by 1.00."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from tests.analysis.engine.worked import FLAT, GOLD, MINUTE, MONDAY, play

FINE = replace(GOLD, volume_step=0.005)
DIP = (100.0, 100.5, 98.0, 100.0)  # 100.5 after 20 s, 98 after 40 s, back at 100 after 60 s


def entry(side, kind, price, **fields):
    return {"action": "OPEN_TRADE", "side": side, "entry_type": kind, "price": price, "lots": 1.0, **fields}


def after(ms):
    return datetime.fromtimestamp(MONDAY / 1000, UTC) + timedelta(milliseconds=ms)


def fills(result):
    return [(t.entry_time - MONDAY, t.entry_price) for t in result.trades]


@pytest.mark.parametrize(
    ("side", "kind", "price", "near", "reached"),
    [
        ("BUY", "limit", 99.0, (100.0, 100.0, 98.91, 100.0), (100.0, 100.0, 98.9, 100.0)),  # the ask: a spread of 0.10
        ("BUY", "stop", 101.0, (100.0, 100.89, 100.0, 100.0), (100.0, 100.9, 100.0, 100.0)),
        ("SELL", "limit", 101.0, (100.0, 100.99, 100.0, 100.0), (100.0, 101.0, 100.0, 100.0)),  # the bid
        ("SELL", "stop", 99.0, (100.0, 100.0, 99.01, 100.0), (100.0, 100.0, 99.0, 100.0)),
    ],
)
def test_touching_the_price_fills_at_the_price(side, kind, price, near, reached):
    result = play([FLAT, near, reached, FLAT], {0: [entry(side, kind, price)]}, spread=10)
    assert fills(result) == [(2 * MINUTE, price)]


@pytest.mark.parametrize(
    ("side", "kind", "price", "open_", "filled"),
    [
        ("BUY", "limit", 99.0, 98.0, 98.1),
        ("BUY", "stop", 101.0, 102.0, 102.1),
        ("SELL", "limit", 101.0, 102.0, 102.0),
        ("SELL", "stop", 99.0, 98.0, 98.0),
    ],
)
def test_a_gap_fills_at_the_open_better_for_a_limit_worse_for_a_stop(side, kind, price, open_, filled):
    rows = [FLAT, FLAT, (open_, open_, open_, open_), FLAT]
    assert fills(play(rows, {0: [entry(side, kind, price)]}, spread=10)) == [(2 * MINUTE, filled)]


@pytest.mark.parametrize(("kind", "price", "sl", "filled"), [("stop", 101.0, 99.0, 101.2), ("limit", 99.0, 97.0, 99.0)])
def test_slippage_r_worsens_stops_not_limits(kind, price, sl, filled):
    rows = [FLAT, (100.0, 101.0, 99.0, 100.0), FLAT]
    assert fills(play(rows, {0: [entry("BUY", kind, price, sl=sl)]}, slippage_r=0.1)) == [(MINUTE, filled)]


class TestExpiry:
    """In DIP the price falls from 100.5 to 98 between 20 s and 40 s: it is 99.005 after 31.96 s, which is the last
    moment at which the nearest tick is above 99.00."""

    @pytest.mark.parametrize(("expiry_ms", "filled"), [(31_961, []), (31_962, [(MINUTE, 99.0)])])
    def test_it_is_the_first_instant_at_which_the_order_can_no_longer_be_filled(self, expiry_ms, filled):
        result = play([FLAT, DIP, FLAT], {0: [entry("BUY", "limit", 99.0, expiry=after(MINUTE + expiry_ms))]})
        assert fills(result) == filled
        assert [(r.outcome, r.code) for r in result.refusals] == ([] if filled else [("expired", "expired")])

    def test_an_expiry_at_the_open_does_not_see_the_candle(self):
        result = play([FLAT, FLAT, DIP], {0: [entry("BUY", "limit", 99.0, expiry=after(2 * MINUTE))]})
        assert fills(result) == []
        assert [r.code for r in result.refusals] == ["expired"]

    def test_an_expiry_in_a_gap_ends_the_order_before_the_next_candle(self):
        rows = [FLAT, FLAT, None, None, (98.0, 98.0, 98.0, 98.0)]
        assert fills(play(rows, {0: [entry("BUY", "limit", 99.0, expiry=after(3 * MINUTE))]})) == []

    def test_without_expiry_it_waits(self):
        assert fills(play([FLAT] * 20 + [DIP], {0: [entry("BUY", "limit", 99.0)]})) == [(20 * MINUTE, 99.0)]


class TestArrival:
    """With 45 s of slippage an order meets DIP at 98.5, on its way up from 98."""

    def test_what_the_candle_did_before_the_arrival_fills_nothing(self):
        assert fills(play([FLAT, DIP, FLAT], {0: [entry("BUY", "limit", 98.4)]}, slippage_ms=45_000)) == []

    def test_a_price_that_is_beyond_the_limit_on_arrival_fills_at_once(self):
        result = play([FLAT, DIP, FLAT], {0: [entry("BUY", "limit", 99.0)]}, slippage_ms=45_000)
        assert fills(result) == [(MINUTE + 45_000, 98.5)]


class TestCancel:
    def test_a_cancelled_order_is_not_filled(self):
        result = play([FLAT, FLAT, DIP], {0: [entry("BUY", "limit", 99.0)], 1: [{"action": "CANCEL_ORDER"}]})
        assert (fills(result), result.refusals) == ([], ())

    @pytest.mark.parametrize(("price", "filled"), [(99.5, True), (98.5, False)])  # reached after 28 s and after 36 s
    def test_a_fill_before_the_cancellation_arrives_wins(self, price, filled):
        script = {0: [entry("BUY", "limit", price)], 1: [{"action": "CANCEL_ORDER"}]}
        result = play([FLAT, FLAT, DIP, FLAT], script, slippage_ms=30_000)
        assert fills(result) == ([(2 * MINUTE, price)] if filled else [])
        assert [r.code for r in result.refusals] == (["unknown_order"] if filled else [])

    def test_a_waiting_order_counts_as_open(self):
        script = {0: [entry("BUY", "limit", 90.0), entry("SELL", "limit", 110.0)]}
        result = play([FLAT] * 3, script, risk={"max_open_positions": 1})
        assert [r.code for r in result.refusals] == ["max_open_positions"]


class TestTheRestOfTheCandle:
    @pytest.mark.parametrize("rule", ["pessimistic", "optimistic", "ohlc"])
    def test_a_limit_buy_at_97_in_a_candle_with_a_low_of_90_saw_90(self, rule):
        rows = [FLAT, (100.0, 100.0, 90.0, 99.0), FLAT]
        trade = play(rows, {0: [entry("BUY", "limit", 97.0, sl=91.0)]}, intrabar=rule).trades[0]
        assert (trade.exit_reason, trade.pnl, trade.intrabar_decided) == ("sl", -600.0, False)

    @pytest.mark.parametrize(
        ("rule", "high", "pnl"),
        [
            ("pessimistic", 105.0, 200.0),  # left open, closed at 99 at the end of the data
            ("optimistic", 105.0, 400.0),
            ("ohlc", 105.0, 400.0),  # the low is nearer to the open: fill, then 105
            ("ohlc", 102.0, 200.0),  # the high is nearer: it was over before the fill
        ],
    )
    def test_whether_a_target_came_after_a_limit_is_decided_by_the_rule(self, rule, high, pnl):
        rows = [FLAT, (100.0, high, 96.0, 99.0)]
        trade = play(rows, {0: [entry("BUY", "limit", 97.0, tp=101.0)]}, intrabar=rule).trades[0]
        assert (trade.pnl, trade.pnl_pessimistic, trade.pnl_optimistic) == (pnl, 200.0, 400.0)
        assert trade.intrabar_decided

    @pytest.mark.parametrize(("rule", "mfe"), [("pessimistic", 0.5), ("optimistic", 1.25)])
    def test_excursions_follow_the_rule(self, rule, mfe):
        """Risk 4.00. The close is 2.00 above the fill for certain, the high of 102 perhaps not after it."""
        rows = [FLAT, (100.0, 102.0, 96.0, 99.0), (99.0, 99.0, 99.0, 99.0)]
        trade = play(rows, {0: [entry("BUY", "limit", 97.0, sl=93.0)]}, intrabar=rule).trades[0]
        assert (trade.mae_r, trade.mfe_r) == (-0.25, mfe)


def test_the_bounds_hold_every_decision_of_the_rule():
    """Decided in the candle of the fill (a target of 101 not taken), and in the next, with the target now at 99.50."""
    rows = [FLAT, (100.0, 102.0, 96.0, 99.0), (99.0, 103.0, 93.0, 99.0), FLAT]
    script = {0: [entry("BUY", "limit", 97.0, sl=94.0, tp=101.0)], 1: [{"action": "MODIFY_TRADE", "tp": 99.5}]}
    trade = play(rows, script).trades[0]
    assert (trade.exit_reason, trade.pnl, trade.pnl_pessimistic, trade.pnl_optimistic) == ("sl", -300.0, -300.0, 400.0)


def test_a_second_part_that_would_leave_too_little_is_refused_on_arrival():
    """Both closes were fine when they were asked for; the first leaves 0.02 lots, the second would leave 0.005."""
    parts = [{"action": "CLOSE_TRADE", "lots": lots} for lots in (0.98, 0.015)]
    result = play([FLAT] * 5, {0: [{"action": "OPEN_TRADE", "side": "BUY", "lots": 1.0}], 2: parts}, instrument=FINE)
    assert [t.lots for t in result.trades] == [0.98, 0.02]
    assert [r.code for r in result.refusals] == ["volume_too_small"]
