"""What a run is made of: taken from rows and store, kept with the run, and the same when it is rebuilt."""

from dataclasses import asdict, replace
from datetime import timedelta
from decimal import Decimal

import numpy as np
import pytest

from analysis.errors import NoCandles, RunFailed
from analysis.utils.data_processor import merge_m1
from bots.models import BacktestConfig, BacktestRun
from bots.services.inputs import gather, rebuild
from tests.analysis.series import START, candles, ms
from tests.factories import BacktestRunFactory, InstrumentSpecificationFactory
from trading.models import InstrumentSpecification

pytestmark = pytest.mark.django_db

WINDOW = {"data_window_start": START + timedelta(hours=10), "data_window_end": START + timedelta(hours=20)}


@pytest.fixture(autouse=True)
def store(tmp_path, settings):
    settings.MARKET_DATA_ROOT = tmp_path
    for symbol, seed in (("EURUSD", 1), ("GBPUSD", 2)):
        merge_m1(candles(2_000, symbol=symbol, seed=seed), data_root=tmp_path)
        InstrumentSpecificationFactory(symbol=symbol, swap_long=Decimal("-3.5"), margin_rate=Decimal("0.5"))
    return tmp_path


def run_of(*symbols: str, **fields: object) -> BacktestRun:
    return BacktestRunFactory(instrument_symbol=symbols[0], instrument_symbols=list(symbols), **WINDOW, **fields)


def kept(run: BacktestRun) -> BacktestRun:
    """The run with its inputs, read again from the database."""
    BacktestRun.objects.filter(pk=run.pk).update(**gather(run).snapshots())
    return BacktestRun.objects.get(pk=run.pk)


def test_the_settings_are_those_of_config_and_window():
    run = run_of(
        "EURUSD", config__initial_equity=Decimal("2500.50"), config__timeframe="M15", config__slippage_ms=250,
        config__slippage_r=Decimal("0.05"), config__spread_points=7, config__commission_per_lot=Decimal("3.5"),
        config__intrabar="ohlc", config__risk_json={"max_open_positions": 3}, config__leverage=Decimal("30"),
        config__stop_out_level=Decimal("20.5"), config__rollover_time="00:00",
        config__rollover_timezone="Europe/Athens",
    )  # fmt: skip
    assert asdict(gather(run).job.settings) == {
        "initial_equity": 2500.5, "timeframe": "M15", "slippage_ms": 250, "slippage_r": 0.05, "spread_points": 7,
        "commission_per_lot": 3.5, "intrabar": "ohlc", "risk": {"max_open_positions": 3},
        "trade_from": ms(WINDOW["data_window_start"]), "leverage": 30.0, "stop_out_level": 20.5,
        "rollover_time": "00:00", "rollover_timezone": "Europe/Athens",
    }  # fmt: skip


def test_without_leverage_there_is_no_margin():
    assert gather(run_of("EURUSD")).job.settings.leverage is None


def test_candles_begin_with_the_warm_up_and_end_with_the_window():
    inputs = gather(run_of("EURUSD", config__warmup_bars=90))
    (series,) = inputs.candles
    assert series.time[0] == ms(WINDOW["data_window_start"] - timedelta(minutes=90))
    assert series.time[-1] == ms(WINDOW["data_window_end"] - timedelta(minutes=1))
    assert inputs.warnings == ()
    assert inputs.job.data_fingerprint == series.fingerprint()


def test_a_warm_up_the_store_does_not_have_is_a_warning_that_counts():
    inputs = gather(run_of("EURUSD", "GBPUSD", config__warmup_bars=700))
    assert inputs.warnings == tuple(
        f"{symbol}: the store has 600 of the 700 bars before the window that warm indicators up"
        for symbol in ("EURUSD", "GBPUSD")
    )


def test_without_warm_up_candles_begin_with_the_window():
    (series,) = gather(run_of("EURUSD", config__warmup_bars=0)).candles
    assert series.time[0] == ms(WINDOW["data_window_start"])


def test_several_symbols_have_one_fingerprint_that_knows_each_and_their_order():
    both, other_way = gather(run_of("EURUSD", "GBPUSD")), gather(run_of("GBPUSD", "EURUSD"))
    assert [series.symbol for series in both.candles] == ["EURUSD", "GBPUSD"]
    assert [instrument.symbol for instrument in both.job.instruments] == ["EURUSD", "GBPUSD"]
    alone = {gather(run_of(symbol)).job.data_fingerprint for symbol in ("EURUSD", "GBPUSD")}
    assert len({both.job.data_fingerprint, other_way.job.data_fingerprint, *alone}) == 4


def test_a_symbol_without_candles_in_the_window_is_named(store):
    InstrumentSpecificationFactory(symbol="USDJPY")
    merge_m1(candles(100, symbol="USDJPY"), data_root=store)  # before the window only
    with pytest.raises(NoCandles, match="no candles for USDJPY from 2024-01-08T10:00"):
        gather(run_of("EURUSD", "USDJPY"))
    InstrumentSpecificationFactory(symbol="NOPE")
    with pytest.raises(NoCandles, match="'NOPE'"):
        gather(run_of("EURUSD", "NOPE"))


def test_an_instrument_that_is_gone_or_spoilt_is_named():
    InstrumentSpecification.objects.filter(pk="GBPUSD").delete()
    with pytest.raises(RunFailed, match="'GBPUSD'") as failure:
        gather(run_of("EURUSD", "GBPUSD"))
    assert failure.value.code == "instrument_unknown"


@pytest.mark.parametrize("symbols", [("EURUSD",), ("GBPUSD", "EURUSD")])
def test_what_was_kept_gives_the_same_again(symbols):
    run = run_of(*symbols, config__leverage=Decimal("33.3"), config__risk_json={"fixed_lot_size": 0.1})
    before, after = gather(run), rebuild(kept(run))
    assert after.job == before.job
    assert (after.fingerprints, after.warnings) == (before.fingerprints, ())
    for old, new in zip(before.candles, after.candles, strict=True):
        np.testing.assert_array_equal(old.time, new.time)


def test_later_edits_change_nothing():
    run = kept(run_of("EURUSD"))
    before = rebuild(run).job
    InstrumentSpecification.objects.update(tick_value=Decimal(9), swap_long=Decimal(1), digits=3)
    BacktestConfig.objects.update(initial_equity=Decimal(5), timeframe="H1", warmup_bars=3)
    assert rebuild(BacktestRun.objects.get(pk=run.pk)).job == before


def test_older_candles_imported_later_do_not_change_the_warm_up(store):
    run = kept(run_of("EURUSD", config__warmup_bars=700))
    before = rebuild(run).fingerprints
    merge_m1(candles(500, start=START - timedelta(days=1)), data_root=store)
    assert rebuild(run).fingerprints == before


def test_numbers_survive_json_whatever_their_size():
    run = run_of("EURUSD")
    inputs = gather(run)
    huge = replace(inputs.job.instruments[0], volume_max=1e20, tick_size=1e-10, swap_long=-0.1)
    snapshots = replace(inputs, job=replace(inputs.job, instruments=(huge,))).snapshots()
    BacktestRun.objects.filter(pk=run.pk).update(**snapshots)
    (back,) = rebuild(BacktestRun.objects.get(pk=run.pk)).job.instruments
    assert back == huge
    assert {name: type(value) for name, value in asdict(back).items()} == {
        name: type(value) for name, value in asdict(huge).items()
    }
