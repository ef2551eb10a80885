"""What must hold whatever is traded: waiting orders, parts, swap, margin, several symbols (see test_properties.py for
market entries, which Hypothesis can shrink)."""

from bisect import bisect_right
from collections.abc import Mapping
from dataclasses import replace
from decimal import Decimal
from typing import Any

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from analysis.candles import Candles
from analysis.engine import BacktestResult, BacktestSettings, run_backtest, simulation, ticks
from tests.analysis.engine.random_markets import MINUTE, random_case, run_case
from tests.analysis.engine.worked import GOLD, Script, candles

property_test = settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
cases = st.integers(0, 10**6).map(random_case)


def assert_the_same(one: BacktestResult, other: BacktestResult) -> None:
    assert one.trades == other.trades
    assert one.equity_time.tolist() == other.equity_time.tolist()
    assert one.equity.tolist() == other.equity.tolist()
    assert one.refusals == other.refusals


@property_test
@given(cases)
def test_the_sums_close_to_the_cent(case):
    result = run_case(case)
    trades = list(result.trades)
    total = sum((Decimal(str(t.pnl)) for t in trades), Decimal(str(case.settings.initial_equity)))
    assert total == Decimal(str(result.stats["final_equity"])) == Decimal(str(float(result.equity[-1])))
    for trade in trades:
        assert trade.pnl_pessimistic <= trade.pnl <= trade.pnl_optimistic
        assert trade.intrabar_decided or trade.pnl_pessimistic == trade.pnl == trade.pnl_optimistic


@property_test
@given(cases)
def test_no_fill_is_outside_the_range_of_its_candle(case):
    markets = {instrument.symbol: (candles, instrument) for candles, instrument, _ in case.legs}
    for trade in run_case(case).trades:
        market, instrument = markets[trade.symbol]
        low, high = bid_range(market, trade.entry_time)
        if trade.exit_reason == "stop_out":  # where another symbol's candle stops it out, it leaves at its last quote
            out = min(bid_range(market, trade.exit_time)[0], low), max(bid_range(market, trade.exit_time)[1], high)
        elif trade.exit_reason == "end_of_data":
            out = (market.close[-1], market.close[-1])
        else:
            out = bid_range(market, trade.exit_time)
        gap = most_spread(case.settings, instrument, market)
        distance = 0.0 if trade.sl is None else abs(trade.entry_price - trade.sl)
        share = case.settings.slippage_r
        worse = distance * share / (1 - share) + instrument.tick_size  # the SL is this near once the fill was worsened
        assert low - worse <= trade.entry_price <= high + gap + worse
        worse = worse if trade.exit_reason == "signal" else instrument.tick_size / 2
        assert out[0] - worse <= trade.exit_price <= out[1] + gap + worse


def bid_range(market: Candles, moment: int) -> tuple[float, float]:
    """Low and high of the candle that covers a moment, or of the last one before it."""
    row = max(bisect_right(market.time.tolist(), moment) - 1, 0)
    return float(market.low[row]), float(market.high[row])


def most_spread(setup: BacktestSettings, instrument: Any, market: Candles) -> float:
    fixed = instrument.spread_points if setup.spread_points is None else setup.spread_points
    return float(max(int(market.spread.max()), fixed) * instrument.point)


@property_test
@given(cases)
def test_no_trade_without_an_action(case):
    asked = [
        (action.get("symbol", instrument.symbol), action["side"], action["tag"])
        for _, instrument, plan in case.legs
        for actions in plan.values()
        for action in actions
        if action["action"] == "OPEN_TRADE"
    ]
    result = run_case(case)
    made = [(t.symbol, t.side, t.tag) for t in result.trades if t.part <= 1]
    for one in set(made):
        assert made.count(one) <= asked.count(one)
    idle = run_case(replace(case, legs=tuple((candles, instrument, {}) for candles, instrument, _ in case.legs)))
    assert len(idle.trades) == 0
    assert set(idle.equity.tolist()) == {case.settings.initial_equity}


@property_test
@given(cases)
def test_the_same_run_has_the_same_digest(case):
    first, second = run_case(case), run_case(case)
    assert first.digest == second.digest
    assert_the_same(first, second)


@property_test
@given(cases)
def test_how_far_the_engine_looks_ahead_and_how_much_room_it_begins_with_change_nothing(case):
    at_once = run_case(case)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ticks, "_SHORT_LOOK", 1)
        patch.setattr(ticks, "_LONG_LOOK", 3)
        patch.setattr(ticks, "_MOST_BARS_AT_ONCE", 1)
        patch.setattr(simulation, "_ROOM", 2)
        assert_the_same(run_case(case), at_once)


@property_test
@given(cases, st.integers(1, 60))
def test_bars_before_the_window_change_nothing(case, count):
    case = replace(case, warm_up=1)
    first = min(int(candles.time[0]) for candles, _, _ in case.legs)
    start = case.settings.trade_from or first
    length = 86_400_000
    # A bar that began before the window is not decided on, so the window begins with a bar.
    assume(start % length == 0 or case.settings.timeframe == "M1")
    setup = replace(case.settings, trade_from=start)
    alone = replace(case, settings=setup)
    before = first // length * length - 10 * length
    legs = tuple((preceded(candles, before, count), instrument, plan) for candles, instrument, plan in case.legs)
    assert_the_same(run_case(replace(alone, legs=legs)), run_case(alone))


def preceded(market: Candles, start: int, count: int) -> Candles:
    """Some minutes at the first price, days before the candles."""
    columns = {}
    for name in ("open", "high", "low", "close"):
        column = getattr(market, name)
        columns[name] = np.concatenate([np.full(count, market.open[0]), column])
    return replace(
        market,
        time=np.concatenate([start + np.arange(count, dtype=np.int64) * MINUTE, market.time]),
        tick_volume=np.concatenate([np.ones(count, np.int64), market.tick_volume]),
        spread=np.concatenate([np.full(count, 4, np.int32), market.spread]),
        **columns,
    )


@st.composite
def lone_entries(draw: st.DrawFn) -> tuple[list[tuple[float, ...]], Mapping[int, Any]]:
    """A short market and one entry at the close of its first candle (10,000 ticks)."""
    rows, close = [(100.0, 100.0, 100.0, 100.0, 3)], 10_000
    for _ in range(draw(st.integers(2, 8))):
        open_ = close + draw(st.sampled_from([0, 0, 1, -7, 15]))
        close = open_ + draw(st.integers(-20, 20))
        high, low = max(open_, close) + draw(st.integers(0, 20)), min(open_, close) - draw(st.integers(0, 20))
        rows.append((*(round(p / 100, 2) for p in (open_, high, low, close)), draw(st.sampled_from([0, 3, 8]))))
    sign, side = draw(st.sampled_from([(1, "BUY"), (-1, "SELL")]))
    kind = draw(st.sampled_from(["market", "limit", "stop"]))
    away = draw(st.integers(4, 25))
    at = {"market": 0, "limit": -away, "stop": away}[kind]
    down, up = draw(st.integers(1, 40)), draw(st.integers(1, 40))
    sl, tp, price = (round(100 + sign * ticks / 100, 2) for ticks in (at - down, at + up, at))
    action = {"action": "OPEN_TRADE", "side": side, "entry_type": kind, "lots": 1.0, "sl": sl, "tp": tp}
    return rows, {0: [action if kind == "market" else {**action, "price": price}]}


@settings(max_examples=120, deadline=None)
@given(lone_entries(), st.sampled_from([0, 20_000, 45_000]))
def test_the_bounds_told_under_one_rule_hold_what_the_others_make_of_it(entry, slippage_ms):
    rows, script = entry
    made = [
        t
        for rule in ("pessimistic", "ohlc", "optimistic")
        for t in run_backtest(
            Script(script), candles(rows), GOLD,
            BacktestSettings(initial_equity=10_000.0, intrabar=rule, slippage_ms=slippage_ms),
        ).trades
    ]  # fmt: skip
    for told in made:
        for other in made:
            assert told.pnl_pessimistic <= other.pnl <= told.pnl_optimistic
    if script[0][0]["entry_type"] == "market" and made:
        assert made[0].pnl <= made[1].pnl <= made[2].pnl
