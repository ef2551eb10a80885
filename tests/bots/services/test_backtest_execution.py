"""Executing a backtest: every ending is kept in the row, once, by whoever holds the lease."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pyarrow.parquet as pq
import pytest
from django.db import OperationalError
from django.db.models.functions import Now

from analysis import engine
from analysis.candles import Candles
from analysis.utils.data_processor import merge_m1
from bots import services
from bots.models import BacktestRun
from bots.services import backtest_execution
from bots.services.artifacts import backtest_folder
from tests.factories import BacktestRunFactory, InstrumentSpecificationFactory
from trading.models import InstrumentSpecification

pytestmark = pytest.mark.django_db

START = datetime(2025, 1, 6, tzinfo=UTC)


def candles(bars: int) -> Candles:
    rng = np.random.default_rng(3)
    close = 1.1 + np.cumsum(rng.normal(0, 1e-4, bars)).round(5)
    opening = np.concatenate([[1.1], close[:-1]])
    return Candles(
        symbol="EURUSD",
        time=int(START.timestamp() * 1000) + 60_000 * np.arange(bars, dtype=np.int64),
        open=opening,
        high=np.maximum(opening, close) + 5e-5,
        low=np.minimum(opening, close) - 5e-5,
        close=close,
        tick_volume=np.full(bars, 10, dtype=np.int64),
        spread=np.full(bars, 8, dtype=np.int32),
    )


@pytest.fixture(autouse=True)
def store(tmp_path, settings):
    settings.MARKET_DATA_ROOT = tmp_path / "data"
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"
    merge_m1(candles(3_000), data_root=settings.MARKET_DATA_ROOT)
    InstrumentSpecificationFactory()


def run_with(code: str = "", **fields: object) -> BacktestRun:
    source = services.get_strategy_template_content("ema_crossover_v1.py") + code
    fields = {"data_window_end": START + timedelta(days=2), **fields}
    return BacktestRunFactory(config__bot_version__code=source, **fields)


def execute(run: BacktestRun) -> BacktestRun:
    services.execute_backtest(str(run.pk), worker="host:1")
    run.refresh_from_db()
    return run


def test_a_completed_run_has_its_result_in_the_row_and_in_full_on_disk():
    run = execute(run_with())
    assert (run.status, run.error, run.attempt, run.worker) == ("COMPLETED", "", 1, "host:1")
    assert run.bars_done == run.bars_total == 2_880
    assert len(run.simulated_trades_log) == run.stats["total_trades"] > 10
    assert len(run.equity_curve) <= 2_000
    assert (len(run.digest), len(run.data_fingerprint)) == (64, 64)
    assert run.started_at < run.finished_at
    equity = pq.read_table(backtest_folder(run) / "equity.parquet")
    assert equity.num_rows == 2_881
    assert round(equity["equity"][-1].as_py(), 2) == run.stats["final_equity"]
    trades = pq.read_table(backtest_folder(run) / "trades.parquet")
    assert trades.num_rows == len(run.simulated_trades_log)


def test_a_completed_run_keeps_what_it_was_made_of():
    run = execute(run_with())
    (instrument,), (data,) = run.instrument_snapshot, run.data_snapshot
    assert (instrument["symbol"], instrument["tick_value"]) == ("EURUSD", 1.0)
    assert (run.settings_snapshot["initial_equity"], run.settings_snapshot["timeframe"]) == (10_000.0, "M1")
    assert data == {
        "symbol": "EURUSD", "first": "2025-01-06T00:00:00+00:00", "last": "2025-01-07T23:59:00+00:00",
        "candles": 2_880, "fingerprint": run.data_fingerprint,
    }  # fmt: skip


def test_what_precedes_the_window_only_warms_up():
    start = START + timedelta(hours=20)
    run = execute(run_with(data_window_start=start))
    cold = execute(run_with(data_window_start=start, config__warmup_bars=0))
    assert (run.status, cold.status) == ("COMPLETED", "COMPLETED")
    for each in (run, cold):
        assert each.equity_curve[0] == {"timestamp": "2025-01-06T20:00:00Z", "equity": 10_000.0}
        assert all(trade["entry_time"] >= "2025-01-06T20:00:00Z" for trade in each.simulated_trades_log)
    assert run.simulated_trades_log[0]["entry_time"] < cold.simulated_trades_log[0]["entry_time"]
    assert run.data_snapshot[0]["first"] == "2025-01-06T11:40:00+00:00"
    assert not [warning for warning in run.warnings if "the store has" in warning]


def test_a_window_that_the_candles_do_not_fill_is_said():
    def ends(**window: datetime) -> list[str]:
        return [warning for warning in execute(run_with(**window)).warnings if ": the window " in warning]

    assert ends(data_window_start=START - timedelta(days=4), data_window_end=START + timedelta(days=7)) == []
    assert ends(data_window_start=START - timedelta(days=6), data_window_end=START + timedelta(days=9)) == [
        "EURUSD: the window begins on 2024-12-31, the candles on 2025-01-06.",
        "EURUSD: the window ends on 2025-01-15, the candles on 2025-01-08.",
    ]


def test_more_history_than_is_needed_changes_no_trade():
    start = START + timedelta(hours=20)
    some, more = (execute(run_with(data_window_start=start, config__warmup_bars=n)) for n in (600, 1_100))
    assert len(some.simulated_trades_log) > 10
    assert some.simulated_trades_log == more.simulated_trades_log
    assert (some.equity_curve, some.stats) == (more.equity_curve, more.stats)


def test_a_warm_up_the_store_does_not_have_is_said():
    run = execute(run_with())
    assert "EURUSD: the store has 0 of the 500 bars before the window that warm indicators up" in run.warnings


def test_one_symbol_of_several_without_candles_fails_the_run_by_name():
    InstrumentSpecificationFactory(symbol="GBPUSD")
    run = execute(run_with(instrument_symbols=["EURUSD", "GBPUSD"]))
    assert (run.status, run.error_code) == ("FAILED", "no_candles")
    assert "GBPUSD" in run.error


def test_every_symbol_s_candles_and_instrument_reach_the_engine(monkeypatch, settings):
    gbp = replace(candles(3_000), symbol="GBPUSD")
    merge_m1(gbp, data_root=settings.MARKET_DATA_ROOT)
    InstrumentSpecificationFactory(symbol="GBPUSD")
    handed = {}

    def first_only(job, series, **limits):
        handed.update(symbols=[each.symbol for each in series], specs=[each.symbol for each in job.instruments])
        return real(replace(job, instruments=job.instruments[:1]), series[:1], **limits)

    real = backtest_execution.run_in_child
    monkeypatch.setattr(backtest_execution, "run_in_child", first_only)
    run = execute(run_with(instrument_symbols=["EURUSD", "GBPUSD"]))
    assert (run.status, run.error) == ("COMPLETED", "")
    assert handed == {"symbols": ["EURUSD", "GBPUSD"], "specs": ["EURUSD", "GBPUSD"]}
    assert [each["symbol"] for each in run.data_snapshot] == ["EURUSD", "GBPUSD"]
    assert run.data_fingerprint not in [each["fingerprint"] for each in run.data_snapshot]


@pytest.mark.skipif(not hasattr(engine, "run_portfolio"), reason="the engine trades one symbol only")
def test_several_symbols_trade_on_one_equity(settings):
    merge_m1(replace(candles(3_000), symbol="GBPUSD"), data_root=settings.MARKET_DATA_ROOT)
    InstrumentSpecificationFactory(symbol="GBPUSD")
    run = execute(run_with(instrument_symbols=["EURUSD", "GBPUSD"]))
    assert (run.status, run.error) == ("COMPLETED", "")
    assert {trade["symbol"] for trade in run.simulated_trades_log} == {"EURUSD", "GBPUSD"}
    made = sum(trade["pnl"] for trade in run.simulated_trades_log)
    assert run.stats["final_equity"] == pytest.approx(10_000 + made, abs=0.005)


def test_overlays_are_kept_beside_the_trades(monkeypatch):
    drawn = {"EURUSD": {"lines": [1.5, None]}}
    real = backtest_execution.run_in_child
    monkeypatch.setattr(
        backtest_execution, "run_in_child", lambda *task, **limits: replace(real(*task, **limits), overlays=drawn)
    )
    run = execute(run_with())
    assert json.loads((backtest_folder(run) / "overlays.json").read_text()) == drawn
    assert sorted(path.name for path in backtest_folder(run).iterdir()) == [
        "equity.parquet", "overlays.json", "trades.parquet",
    ]  # fmt: skip


def test_an_instrument_that_was_deleted_meanwhile_fails_the_run_by_name():
    InstrumentSpecification.objects.all().delete()
    run = execute(run_with())
    assert (run.status, run.error_code) == ("FAILED", "instrument_unknown")
    assert "EURUSD" in run.error


def test_the_same_inputs_give_the_same_digest():
    first = execute(run_with())
    second = execute(BacktestRunFactory(config=first.config, data_window_end=first.data_window_end))
    assert first.pk != second.pk
    assert first.digest == second.digest


def test_the_window_ends_before_its_end():
    run = execute(run_with(data_window_end=START + timedelta(minutes=500)))
    assert run.bars_total == 500


def test_the_stored_source_is_what_runs():
    run = execute(run_with("\nStrategy.run_tick = lambda self, window, equity: []\n"))
    assert run.status == "COMPLETED"
    assert run.simulated_trades_log == []
    assert run.stats["final_equity"] == 10_000.0


def test_a_strategy_that_raises_fails_the_run_with_its_own_traceback():
    run = execute(run_with("\ndef boom(self, w, e):\n    return 1 / 0\nStrategy.run_tick = boom\n"))
    assert (run.status, run.error_code) == ("FAILED", "strategy_error")
    assert "ZeroDivisionError" in run.error
    assert "return 1 / 0" in run.error_traceback
    assert run.finished_at is not None
    assert run.stats == {}


def test_a_window_without_candles_fails_and_says_what_there_is():
    later = START + timedelta(days=300)
    run = execute(run_with(data_window_start=later, data_window_end=later + timedelta(days=1)))
    assert (run.status, run.error_code) == ("FAILED", "no_candles")
    assert "2025-01-06" in run.error


def test_a_finished_run_is_not_touched_by_a_late_message():
    run = execute(run_with())
    before = BacktestRun.objects.filter(pk=run.pk).values().get()
    services.execute_backtest(str(run.pk), worker="host:2")
    assert BacktestRun.objects.filter(pk=run.pk).values().get() == before


def test_a_message_for_a_run_that_is_gone_does_nothing():
    services.execute_backtest("00000000-0000-0000-0000-000000000000", worker="host:1")


def test_a_run_that_is_being_cancelled_ends_cancelled_without_a_result(monkeypatch):
    run = run_with()
    real = BacktestRun.objects.claim

    def claim_then_cancel(run_id, *, worker):
        lease = real(run_id, worker=worker)
        services.cancel_backtest(run)
        return lease

    monkeypatch.setattr(BacktestRun.objects, "claim", claim_then_cancel)
    execute(run)
    assert run.status == "CANCELLED"
    assert run.simulated_trades_log == []


def test_a_worker_whose_lease_was_taken_writes_nothing(monkeypatch):
    run = run_with()

    def stolen_while_computing(lease):
        result = compute(lease)
        BacktestRun.objects.filter(pk=run.pk).update(lease_expires_at=Now() - timedelta(hours=1))
        assert BacktestRun.objects.claim(run.pk, worker="host:2") is not None
        return result

    compute = backtest_execution._compute
    monkeypatch.setattr(backtest_execution, "_compute", stolen_while_computing)
    execute(run)
    assert (run.status, run.attempt, run.worker) == ("RUNNING", 2, "host:2")
    assert run.simulated_trades_log == []


def test_a_full_disk_fails_the_run_with_the_reason(monkeypatch):
    def full(lease, result):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(backtest_execution, "store_backtest", full)
    run = run_with()
    with pytest.raises(OSError, match="No space"):
        execute(run)
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("FAILED", "storage_error")
    assert "No space left" in run.error


@pytest.mark.parametrize("character", ["\\0", "\\ud800"])
def test_what_the_database_cannot_hold_is_written_out(character):
    raising = f"\ndef boom(self, w, e):\n    raise ValueError('a{character}b')\nStrategy.run_tick = boom\n"
    run = execute(run_with(raising))
    assert (run.status, run.error_code) == ("FAILED", "strategy_error")
    assert "ValueError: a\\" in run.error
    unknown = f"\nStrategy.run_tick = lambda self, w, e: [{{'action': 'a{character}b'}}]\n"
    run = execute(run_with(unknown))
    assert run.status == "COMPLETED", run.error
    assert run.refusals[0]["action"].startswith("action=a\\")


def test_a_fault_of_ours_fails_the_run_and_is_raised_for_the_log(monkeypatch):
    def broken(lease):
        raise KeyError("internal detail")

    monkeypatch.setattr(backtest_execution, "_compute", broken)
    run = run_with()
    with pytest.raises(KeyError):
        execute(run)
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("FAILED", "internal_error")
    assert "internal detail" not in run.error


def test_a_result_waits_for_a_database_that_restarts(monkeypatch):
    answers = iter([OperationalError("gone"), OperationalError("gone"), 1])

    def write() -> int:
        answer = next(answers)
        if isinstance(answer, Exception):
            raise answer
        return answer

    monkeypatch.setattr(backtest_execution.time, "sleep", lambda seconds: None)
    monkeypatch.setattr(backtest_execution, "close_old_connections", lambda: None)
    assert backtest_execution._persist(write) == 1
