"""What must hold on any market and for whatever a strategy asks."""

from decimal import Decimal

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import HealthCheck, assume, given, settings

from analysis.engine import BacktestSettings, run_backtest
from tests.analysis.engine.worked import GOLD, MINUTE, MONDAY, Script, candles

LENGTH = 30
property_test = settings(max_examples=120, deadline=None, suppress_health_check=[HealthCheck.too_slow])


@st.composite
def markets(draw):
    """Rows with gaps, missing minutes, flat candles, spreads recorded and not."""
    rows, close = [], 10_000
    for _ in range(LENGTH):
        if draw(st.integers(0, 9)) == 0:
            rows.append(None)
            continue
        open_ = close + draw(st.sampled_from([0, 0, 0, 1, -3, 40, -60]))
        close = open_ + draw(st.integers(-40, 40))
        high = max(open_, close) + draw(st.integers(0, 40))
        low = min(open_, close) - draw(st.integers(0, 40))
        spread = draw(st.sampled_from([-1, 0, 5, 12]))
        rows.append((*(round(p / 100, 2) for p in (open_, high, low, close)), spread))
    assume(sum(row is not None for row in rows) > 3)
    return rows


distance = st.integers(1, 120)
distances = st.one_of(st.none(), distance)
sizes = st.one_of(
    st.fixed_dictionaries({"lots": st.sampled_from([0.001, 0.01, 0.37, 1.0, 80.0])}),
    st.fixed_dictionaries({"risk_percent": st.sampled_from([0.5, 2.0])}),
)


class Impulsive(Script):
    """Turns distances into levels around the close: what it does depends on nothing but the bar."""

    def run_tick(self, df_current_window, account_equity):
        close = float(df_current_window["close"].iloc[-1])
        return [self._action(close, *plan) for plan in super().run_tick(df_current_window, account_equity)]

    def _action(self, close, kind, side, down, up, size, tag):
        sign = 1 if side == "BUY" else -1
        levels = {
            "sl": None if down is None else round(close - sign * down / 100, 2),
            "tp": None if up is None else round(close + sign * up / 100, 2),
        }
        if kind == "OPEN_TRADE":
            return {"action": kind, "side": side, "tag": tag, **levels, **size}
        return {"action": kind, "tag": tag, **({} if kind == "CLOSE_TRADE" else levels)}


plans = st.tuples(
    st.sampled_from(["OPEN_TRADE", "OPEN_TRADE", "OPEN_TRADE", "CLOSE_TRADE", "MODIFY_TRADE"]),
    st.sampled_from(["BUY", "SELL"]), distances, distances, sizes, st.sampled_from(["a", "b"]),
)  # fmt: skip
scripts = st.dictionaries(st.integers(0, LENGTH - 1), st.lists(plans, max_size=3), max_size=12)
rules = st.sampled_from(["pessimistic", "optimistic", "ohlc"])
costs = st.fixed_dictionaries(
    {
        "slippage_ms": st.sampled_from([0, 0, 700, 20_000, 45_000, 61_000]),
        "slippage_r": st.sampled_from([0.0, 0.1]),
        "commission_per_lot": st.sampled_from([0.0, 3.35]),
    }
)


def play(rows, script, start=MONDAY, **setup):
    return run_backtest(
        Impulsive(script), candles(rows, start=start), GOLD, BacktestSettings(initial_equity=10_000.0, **setup)
    )


@property_test
@given(markets(), scripts, costs, rules)
def test_the_sums_close_to_the_cent(rows, script, cost, rule):
    result = play(rows, script, intrabar=rule, **cost)
    total = sum((Decimal(str(trade.pnl)) for trade in result.trades), Decimal("10000"))
    assert total == Decimal(str(result.stats["final_equity"])) == Decimal(str(float(result.equity[-1])))


@property_test
@given(markets(), scripts, costs, rules)
def test_every_fill_is_a_price_its_candle_had(rows, script, cost, rule):
    market = candles(rows)
    for trade in play(rows, script, intrabar=rule, **cost, spread_points=3).trades:
        for time, price, entry in (
            (trade.entry_time, trade.entry_price, True),
            (trade.exit_time, trade.exit_price, False),
        ):
            row = int(np.searchsorted(market.time, time, side="right")) - 1
            if not entry and trade.exit_reason == "end_of_data":
                row = len(market) - 1
            spread = (market.spread[row] if market.spread[row] >= 0 else 3) / 100
            on_ask = (trade.side == "BUY") == entry
            low, high = market.low[row] + spread * on_ask, market.high[row] + spread * on_ask
            worse = cost["slippage_r"] * 3.0 if entry or trade.exit_reason == "signal" else 0.0
            assert low - worse - 0.001 <= price <= high + worse + 0.001


@property_test
@given(markets(), scripts, costs)
def test_no_trade_without_an_action(rows, script, cost):
    result = play(rows, script, **cost)
    asked = sum(plan[0] == "OPEN_TRADE" for bar, some in script.items() for plan in some if rows[bar] is not None)
    assert len(result.trades) <= asked
    assert len(result.trades) + sum(r.outcome == "refused" and "OPEN" in r.action for r in result.refusals) == asked
    assert len(play(rows, {}).trades) == 0


@property_test
@given(markets(), scripts, costs, rules)
def test_trades_are_whole_and_in_order(rows, script, cost, rule):
    trades = play(rows, script, intrabar=rule, **cost).trades
    assert [t.id for t in trades] == list(range(1, len(trades) + 1))
    for trade in trades:
        assert trade.entry_time <= trade.exit_time
        assert 0.01 <= trade.lots <= 50.0
        assert trade.bars_held >= 0
        if trade.mae_r is not None:
            assert trade.mae_r <= 0 <= trade.mfe_r


@property_test
@given(
    markets(),
    st.integers(0, LENGTH - 3),
    st.integers(1, 80),
    st.integers(1, 80),
    st.sampled_from(["BUY", "SELL"]),
    costs,
)
def test_optimistic_is_never_worse_than_pessimistic_with_the_chosen_rule_between(rows, bar, down, up, side, cost):
    script = {bar: [("OPEN_TRADE", side, down, up, {"lots": 1.0}, "a")]}
    pnl = {rule: sum(t.pnl for t in play(rows, script, intrabar=rule, **cost).trades) for rule in
           ("pessimistic", "ohlc", "optimistic")}  # fmt: skip
    assert pnl["pessimistic"] <= pnl["ohlc"] <= pnl["optimistic"]


@property_test
@given(markets(), scripts, costs, rules, st.integers(1, 40))
def test_candles_before_the_window_change_nothing(rows, script, cost, rule, count):
    assume(rows[0] is not None)
    before = [(100.0, 101.0, 99.0, 100.0, 4)] * count
    alone = play(rows, script, intrabar=rule, **cost)
    after = play([*before, *rows], script, start=MONDAY - count * MINUTE, trade_from=MONDAY, intrabar=rule, **cost)
    assert after.trades == alone.trades
    assert after.equity.tolist() == alone.equity.tolist()
    assert after.refusals == alone.refusals


@property_test
@given(markets(), scripts, costs, rules, st.integers(4, LENGTH - 1))
def test_what_happened_by_a_moment_does_not_depend_on_what_came_later(rows, script, cost, rule, cut):
    assume(sum(row is not None for row in rows[:cut]) > 3)
    whole = play(rows, script, intrabar=rule, **cost)
    part = play(rows[:cut], script, intrabar=rule, **cost)
    end = MONDAY + cut * MINUTE
    settled = [t for t in part.trades if t.exit_reason != "end_of_data"]
    assert settled == [t for t in whole.trades if t.id in {s.id for s in settled}]
    assert {t.id for t in whole.trades if t.exit_time < end - MINUTE} <= {t.id for t in settled}
    assert part.equity[:-1].tolist() == whole.equity[: len(part.equity) - 1].tolist()


@pytest.mark.parametrize("answer", [[{}], [[]], [object()], [{"action": None}], [{1: 2}], [{"action": "OPEN_TRADE"}]])
def test_nonsense_never_trades(answer):
    rows = [(100.0, 100.0, 100.0, 100.0)] * 3
    result = run_backtest(Script({0: answer}), candles(rows), GOLD, BacktestSettings(initial_equity=10_000.0))
    assert (len(result.trades), len(result.refusals)) == (0, 1)


@property_test
@given(
    st.dictionaries(
        st.sampled_from(["action", "side", "sl", "tp", "lots", "risk_percent", "price", "tag", "trade_id", "x"]),
        st.one_of(
            st.sampled_from(["OPEN_TRADE", "CLOSE_TRADE", "MODIFY_TRADE", "BUY", "sell"]),
            st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=5), st.lists(st.none(), max_size=2),
        ),
    )
)  # fmt: skip
def test_no_action_stops_the_run(action):
    rows = [(100.0, 101.0, 99.0, 100.0)] * 4
    result = run_backtest(Script({0: [action]}), candles(rows), GOLD, BacktestSettings(initial_equity=10_000.0))
    assert len(result.equity) == 5
    assert len(result.trades) + result.stats["refused_actions"] == 1
