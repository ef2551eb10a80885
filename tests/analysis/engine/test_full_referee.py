"""The engine against the referee on random markets with everything switched on: fields, curve and refusals alike."""

from collections import Counter
from dataclasses import replace
from functools import cache

import pytest

from analysis.engine import BacktestResult
from tests.analysis.engine.agreement import assert_the_referee_agrees
from tests.analysis.engine.full_referee import Referee
from tests.analysis.engine.random_markets import Case, random_case, run_case

SEEDS = range(160)
BATCH = 40


@cache
def played(seed: int) -> tuple[Case, BacktestResult]:
    """A case and what the engine makes of it."""
    case = random_case(seed)
    return case, run_case(case)


def agree(told: Case, result: BacktestResult) -> list[dict[str, object]]:
    """Hold a result against the referee's, who knows the case as it is told."""
    return assert_the_referee_agrees(result, Referee(told.legs, told.settings, told.warm_up))


@pytest.mark.parametrize("first", SEEDS[::BATCH])
def test_every_trade_every_cent_and_every_refusal_agree(first):
    assert sum(len(agree(*played(seed))) for seed in range(first, first + BATCH)) > 0


def test_the_random_cases_reach_every_rule():
    trades, refusals, settings = [], Counter(), Counter()
    for seed in SEEDS:
        case, result = played(seed)
        trades += result.trades.rows()
        refusals.update(refusal.code for refusal in result.refusals)
        settings.update((case.settings.timeframe, case.settings.intrabar))
    assert {trade["exit_reason"] for trade in trades} == {"sl", "tp", "signal", "stop_out", "end_of_data"}
    assert set(refusals) == {
        "wrong_side", "volume_too_small", "volume_too_large", "max_open_positions", "no_market", "unknown_trade",
        "unknown_order", "no_money", "expired",
    }  # fmt: skip
    assert set(settings) == {"M1", "M5", "M15", "M30", "H1", "H4", "D1", "pessimistic", "optimistic", "ohlc"}
    assert any(trade["part"] > 1 for trade in trades)
    assert any(trade["swap"] != 0 for trade in trades)
    assert any(trade["pnl_pessimistic"] < trade["pnl"] for trade in trades)
    assert any(trade["pnl"] < trade["pnl_optimistic"] for trade in trades)
    assert {trade["side"] for trade in trades if trade["intrabar_decided"]} == {"BUY", "SELL"}


def misled(case: Case, **settings: object) -> Case:
    return replace(case, settings=replace(case.settings, **settings))


def with_contract(case: Case, **fields: object) -> Case:
    legs = tuple((candles, replace(instrument, **fields), plan) for candles, instrument, plan in case.legs)
    return replace(case, legs=legs)


LIES = {
    "commission": lambda case: misled(case, commission_per_lot=case.settings.commission_per_lot + 1.0),
    "slippage_ms": lambda case: misled(case, slippage_ms=case.settings.slippage_ms + 20_000),
    "slippage_r": lambda case: misled(case, slippage_r=case.settings.slippage_r + 0.2),
    "spread": lambda case: misled(case, spread_points=80),
    "intrabar": lambda case: misled(
        case, intrabar="pessimistic" if case.settings.intrabar != "pessimistic" else "optimistic"
    ),
    "leverage": lambda case: misled(case, leverage=2.0),
    "stop_out_level": lambda case: misled(case, leverage=case.settings.leverage, stop_out_level=95.0),
    "rollover_time": lambda case: misled(case, rollover_time="09:00"),
    "swap": lambda case: with_contract(case, swap_long=7.0, swap_short=7.0),
    "triple_day": lambda case: with_contract(case, swap_triple_day=2),
    "volume_step": lambda case: with_contract(case, volume_step=0.5, volume_min=0.5),
    "tick_value": lambda case: with_contract(case, tick_value=0.5),
    "max_open": lambda case: misled(case, risk={"max_open_positions": 2}),
    "timeframe": lambda case: misled(case, timeframe="M1" if case.settings.timeframe != "M1" else "M5"),
}


@pytest.mark.parametrize("lie", LIES.values(), ids=LIES)
def test_a_referee_that_is_told_otherwise_disagrees(lie):
    """Each rule matters in these cases: the agreement is not one of two that look away."""
    for seed in SEEDS:
        case, result = played(seed)
        try:
            agree(lie(case), result)
        except AssertionError:
            return
    pytest.fail("no case depends on it")
