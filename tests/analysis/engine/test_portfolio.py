"""Several symbols on one account, worked out by hand. A lot of either gains 100.00 when its price rises by 1.00."""

from dataclasses import replace

import pytest

from analysis.engine import BacktestSettings, Leg, run_portfolio
from tests.analysis.engine.worked import FLAT, GOLD, MINUTE, MONDAY, Script, buy, candles

SILVER = replace(GOLD, symbol="XAGUSD")


def run(gold, silver, golden, silvern, **setup):
    """Rows and scripts of both. Returns the result and both strategies."""
    strategies = Script(golden), Script(silvern)
    legs = [
        Leg(strategies[0], candles(gold), GOLD),
        Leg(strategies[1], replace(candles(silver), symbol="XAGUSD"), SILVER),
    ]
    return run_portfolio(legs, BacktestSettings(initial_equity=10_000.0, **setup)), *strategies


def test_the_equity_at_a_decision_has_the_last_close_of_every_symbol():
    rows = [FLAT, (100.0, 101.0, 100.0, 101.0), (101.0, 103.0, 101.0, 103.0), (103.0, 103.0, 103.0, 103.0)]
    _, gold, silver = run(rows, [FLAT, FLAT, None, FLAT], {0: [buy()]}, {})
    assert gold.equity == {0: 10_000.0, 1: 10_100.0, 2: 10_300.0, 3: 10_300.0}
    assert silver.equity == {0: 10_000.0, 1: 10_100.0, 3: 10_300.0}


def test_risk_is_a_share_of_the_common_equity():
    """Gold has made 1,000.00; one per cent of 11,000.00 over a distance of 1.00 is 1.10 lots of silver."""
    up = (110.0, 110.0, 110.0, 110.0)
    asked = {"action": "OPEN_TRADE", "side": "BUY", "risk_percent": 1.0, "sl": 99.0}
    result, *_ = run([FLAT, FLAT, up, up], [FLAT] * 4, {0: [buy()]}, {2: [asked]})
    assert [(t.symbol, t.lots) for t in result.trades] == [("XAUUSD", 1.0), ("XAGUSD", 1.1)]


def test_at_the_same_time_the_first_symbol_decides_first():
    script = {0: [buy()]}
    result, *_ = run([FLAT] * 3, [FLAT] * 3, script, script, risk={"max_open_positions": 1})
    assert [t.symbol for t in result.trades] == ["XAUUSD"]
    assert [r.code for r in result.refusals] == ["max_open_positions"]


def test_an_order_waits_for_the_next_candle_of_its_own_symbol():
    result, *_ = run([FLAT] * 5, [FLAT, None, None, (101.0, 101.0, 101.0, 101.0)], {}, {0: [buy()]})
    assert [(t.entry_time, t.entry_price) for t in result.trades] == [(MONDAY + 3 * MINUTE, 101.0)]


def test_an_action_may_name_another_symbol():
    golden = {1: [{"action": "CLOSE_TRADE", "symbol": "XAGUSD"}], 2: [{"action": "CLOSE_TRADE"}]}
    result, *_ = run([FLAT] * 5, [FLAT] * 5, golden, {0: [buy()]})
    assert [(t.symbol, t.exit_reason, t.exit_time) for t in result.trades] == [
        ("XAGUSD", "signal", MONDAY + 2 * MINUTE)
    ]
    assert [r.code for r in result.refusals] == ["unknown_trade"]  # there is none of gold


def test_the_curve_has_one_point_a_minute_with_all_symbols_in_it():
    up, down = (102.0, 102.0, 102.0, 102.0), (99.0, 99.0, 99.0, 99.0)
    result, *_ = run([FLAT, FLAT, up], [FLAT, FLAT, down], {0: [buy()]}, {0: [buy()]})
    assert result.equity_time.tolist() == [MONDAY + i * MINUTE for i in range(4)]
    assert result.equity.tolist() == [10_000.0, 10_000.0, 10_000.0, 10_100.0]


@pytest.mark.parametrize(("lots", "count"), [(0.5, 2), (0.51, 1)])
def test_margin_is_common(lots, count):
    result, *_ = run([FLAT] * 4, [FLAT] * 4, {0: [buy(lots=0.5)]}, {1: [buy(lots=lots)]}, leverage=1.0)
    assert len(result.trades) == count


def test_a_stop_out_takes_what_loses_most_at_its_last_quote():
    """Half a lot of each. Silver has lost 3,000.00 and has no more candles; gold at 60.00 has lost 2,000.00, and
    5,000.00 of equity are half of the margin. Silver goes at its last close, in the candle of gold."""
    gold = [FLAT, FLAT, FLAT, FLAT, (100.0, 100.0, 40.0, 60.0)]
    silver = [FLAT, FLAT, (100.0, 100.0, 40.0, 40.0)]
    result, *_ = run(gold, silver, {0: [buy(lots=0.5)]}, {0: [buy(lots=0.5)]}, leverage=1.0)
    assert [(t.symbol, t.exit_reason, t.exit_price, t.pnl) for t in result.trades] == [
        ("XAUUSD", "end_of_data", 60.0, -2_000.0),
        ("XAGUSD", "stop_out", 40.0, -3_000.0),
    ]
    assert result.trades[1].exit_time == MONDAY + 4 * MINUTE
    assert result.trades[1].bars_held == 1  # bar 1 to bar 2, silver's last
