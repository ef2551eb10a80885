"""Nobody is accused who knows only what has been."""

from dataclasses import replace
from itertools import cycle

import numpy as np
import pytest

from analysis.candles import COLUMNS, Candles
from analysis.engine import BacktestSettings, Leg, run_backtest, run_portfolio
from analysis.errors import RunFailed
from tests.analysis.self_check import honest
from tests.analysis.self_check.bench import EURUSD, check, first_rows, market, remaker

CASES = sorted(
    name
    for name, value in vars(honest).items()
    if isinstance(value, type) and value.__module__ == honest.__name__ and name not in ("Honest", "GuardedSignals")
)
WITHOUT_TRADES = {"NeverTrades", "WritesAbsurdSizes"}


@pytest.mark.parametrize(("name", "seed"), list(zip(CASES, cycle((2, 1, 0)), strict=False)))
def test_it_is_not_accused(name, seed):
    result = check(getattr(honest, name), honest, seed)
    assert (len(result.trades) > 0) is (name not in WITHOUT_TRADES)


@pytest.mark.parametrize("name", ["RollingScore", "WaitsAfterTrades", "Signalled"])
def test_the_audit_does_not_accuse_it_either(name):
    assert check(getattr(honest, name), honest, 1, audit=True, rows=130).bars == 130


@pytest.mark.parametrize("rows", [1, 3, 12, 49, 50, 51, 120])
def test_short_data_prove_nothing(rows):
    assert check(honest.Averages, honest, 1, rows=rows).bars == rows


@pytest.mark.parametrize("name", ["RemembersInDeques", "WaitsAfterTrades", "MaskedWide", "Averages"])
def test_bars_whose_last_minutes_have_no_candle_are_complete_in_the_check_too(name):
    candles = market(1)
    kept = np.random.default_rng(5).random(len(candles)) < 0.4
    gaps = Candles(candles.symbol, **{column: getattr(candles, column)[kept] for column in COLUMNS})
    remake = remaker(getattr(honest, name), honest)
    settings = BacktestSettings(initial_equity=100_000.0, timeframe="M5")
    assert len(run_backtest(remake(), gaps, EURUSD, settings, remake=remake).trades) > 3


@pytest.mark.parametrize("name", ["MovesTheStop", "WaitsAfterTrades", "SizeByEquity", "Signalled"])
def test_in_a_run_of_several_symbols(name):
    settings = BacktestSettings(initial_equity=100_000.0)
    legs = []
    for symbol, seed in (("EURUSD", 1), ("GBPUSD", 4)):
        remake = remaker(getattr(honest, name), honest)
        candles = first_rows(market(seed), 2_500)
        columns = {column: getattr(candles, column) for column in COLUMNS}
        shifted = {**columns, "time": columns["time"] - columns["time"][0] // 86_400_000 * 86_400_000 + 7 * 86_400_000}
        legs.append(Leg(remake(), Candles(symbol, **shifted), replace(EURUSD, symbol=symbol), remake))
    assert {trade.symbol for trade in run_portfolio(legs, settings).trades} == {"EURUSD", "GBPUSD"}


class TestOneTradeAtATime:
    """`run_tick` may look at what is open where the risk settings keep the arrays from opening more."""

    @pytest.mark.parametrize("seed", [0, 1, 2])
    @pytest.mark.parametrize("audit", [False, True])
    def test_a_guard_beside_the_setting_is_honest(self, seed, audit):
        rows = 400 if audit else None
        result = check(honest.GuardedSignals, honest, seed, rows=rows, audit=audit, risk={"max_open_positions": 1})
        assert len(result.trades) >= 1
        assert {refusal.code for refusal in result.refusals} == {"max_open_positions"}

    def test_without_the_setting_it_is_not(self):
        with pytest.raises(RunFailed) as caught:
            check(honest.GuardedSignals, honest, 0)
        assert caught.value.code == "fast_path_mismatch"
