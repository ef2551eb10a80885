"""Margin and stop-out, worked out by hand: at 1:1 a lot of gold at 100.00 needs 10,000.00, which is the account."""

import pytest

from tests.analysis.engine.worked import FLAT, MINUTE, MONDAY, buy, play, sell


def ends(result):
    return [(t.exit_reason, t.exit_price, t.pnl) for t in result.trades]


class TestFreeMargin:
    @pytest.mark.parametrize(("lots", "codes"), [(1.0, []), (1.01, ["no_money"])])
    def test_an_entry_may_use_all_of_it_and_no_more(self, lots, codes):
        result = play([FLAT] * 3, {0: [buy(lots=lots)]}, leverage=1.0)
        assert [r.code for r in result.refusals] == codes

    def test_leverage_divides_it(self):
        assert len(play([FLAT] * 3, {0: [buy(lots=30.0)]}, leverage=30.0).trades) == 1
        assert len(play([FLAT] * 3, {0: [buy(lots=30.01)]}, leverage=30.0).trades) == 0

    def test_longs_and_shorts_are_added_up(self):
        result = play([FLAT] * 4, {0: [buy(lots=0.6)], 1: [sell(lots=0.5)]}, leverage=1.0)
        assert [r.code for r in result.refusals] == ["no_money"]

    def test_it_is_measured_at_the_prices_of_the_fill(self):
        """0.5 lots lose 500.00 by the open of the second fill: 9,500 - 5,000 of equity less margin are free."""
        low = (90.0, 90.0, 90.0, 90.0)
        for lots, count in ((0.5, 2), (0.51, 1)):  # at 90.00 half a lot needs 4,500.00
            assert (
                len(play([FLAT, FLAT, low, low], {0: [buy(lots=0.5)], 1: [buy(lots=lots)]}, leverage=1.0).trades)
                == count
            )

    def test_without_leverage_there_is_none(self):
        assert len(play([FLAT] * 3, {0: [buy(lots=50.0)]}).trades) == 1


class TestStopOut:
    """One lot, 10,000.00 of margin: at 50 per cent the equity may fall to 5,000.00, the price to 50.00."""

    def test_it_closes_at_the_price_at_which_the_level_is_met(self):
        result = play([FLAT, FLAT, (100.0, 100.0, 40.0, 60.0), FLAT], {0: [buy()]}, leverage=1.0)
        assert ends(result) == [("stop_out", 50.0, -5_000.0)]
        assert result.trades[0].exit_time == MONDAY + 2 * MINUTE

    def test_a_short_is_stopped_out_by_the_ask(self):
        result = play([FLAT, FLAT, (100.0, 160.0, 100.0, 100.0)], {0: [sell()]}, leverage=1.0, spread=10)
        assert ends(result) == [("stop_out", 150.0, -5_000.0)]

    def test_a_gap_beyond_it_closes_at_the_open(self):
        result = play([FLAT, FLAT, (45.0, 60.0, 40.0, 60.0), FLAT], {0: [buy()]}, leverage=1.0)
        assert ends(result) == [("stop_out", 45.0, -5_500.0)]

    @pytest.mark.parametrize(("sl", "end"), [(60.0, ("sl", 60.0, -4_000.0)), (40.5, ("stop_out", 50.0, -5_000.0))])
    def test_a_stop_loss_that_is_nearer_comes_first(self, sl, end):
        result = play([FLAT, FLAT, (100.0, 100.0, 40.0, 60.0), FLAT], {0: [buy(sl=sl)]}, leverage=1.0)
        assert ends(result) == [end]

    @pytest.mark.parametrize(("level", "price"), [(80.0, 80.0), (20.0, 20.0), (0.0, 10.0)])
    def test_the_level_is_the_accounts(self, level, price):
        rows = [FLAT, FLAT, (100.0, 100.0, 10.0, 10.0)]
        assert play(rows, {0: [buy()]}, leverage=1.0, stop_out_level=level).trades[0].exit_price == price

    def test_what_loses_most_is_closed_first_and_the_rest_may_live(self):
        """0.5 lots at 100 and 0.4 at 90 use 8,600: out at 4,300, which 1,400 + 90 a point is at 32.22.

        Without the first, 4,299.80 are far above half of 3,600.
        """
        low = (90.0, 90.0, 90.0, 90.0)
        rows = [FLAT, FLAT, low, (90.0, 90.0, 30.0, 30.0)]
        result = play(rows, {0: [buy(lots=0.5)], 1: [buy(lots=0.4)]}, leverage=1.0)
        assert ends(result) == [("stop_out", 32.22, -3_389.0), ("end_of_data", 30.0, -2_400.0)]

    @pytest.mark.parametrize(("close", "end"), [(80.0, "end_of_data"), (45.0, "stop_out")])
    def test_the_candle_of_an_entry_is_judged_by_its_close(self, close, end):
        result = play([FLAT, (100.0, 100.0, 40.0, close)], {0: [buy()]}, leverage=1.0)
        assert ends(result) == [(end, close, (close - 100) * 100)]

    def test_what_is_closed_at_the_close_has_seen_the_whole_candle(self):
        """The first trade lives through the candle in which the second is entered, down to 20: 80 of its risk of 90."""
        rows = [FLAT, FLAT, (100.0, 100.0, 20.0, 40.0)]
        trade = play(rows, {0: [buy(lots=0.5, sl=10.0)], 1: [buy(lots=0.5)]}, leverage=1.0).trades[0]
        assert (trade.exit_reason, trade.exit_price) == ("stop_out", 40.0)
        assert trade.mae_r == pytest.approx(-80 / 90)

    def test_what_survives_the_close_is_not_held_against_the_low_before_it(self):
        """At 35 the equity is 3,500. The entry of this candle goes; 0.3 lots are left, with a margin of 3,000."""
        rows = [FLAT, FLAT, (100.0, 100.0, 10.0, 35.0)]
        setup = {"leverage": 1.0, "stop_out_level": 100.0}
        result = play(rows, {0: [buy(lots=0.3)], 1: [buy(lots=0.7)]}, **setup)
        assert ends(result) == [("end_of_data", 35.0, -1_950.0), ("stop_out", 35.0, -4_550.0)]

    def test_a_trade_does_not_end_before_it_began(self):
        """Entered 30 s into a candle at 70 (on the way from 100 to 40): 7,000 of margin, and 7,000 of equity at 40."""
        rows = [FLAT, (100.0, 100.0, 40.0, 40.0)]
        setup = {"leverage": 1.0, "stop_out_level": 100.0, "slippage_ms": 30_000}
        trade = play(rows, {0: [buy(lots=1.0)]}, **setup).trades[0]
        assert (trade.exit_reason, trade.entry_time, trade.exit_time) == ("stop_out", MONDAY + 90_000, MONDAY + 90_000)
