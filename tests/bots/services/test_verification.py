"""verify_run: a run that is what its inputs give comes out the same; whatever was changed is named."""

from datetime import timedelta
from io import StringIO

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from django.core.management import CommandError, call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from analysis import engine
from analysis.candles import Candles
from analysis.utils.data_processor import merge_m1
from bots import services
from bots.models import BacktestConfig, BacktestRun, BotVersion
from bots.services import verification
from bots.services.artifacts import backtest_folder
from tests.factories import BacktestRunFactory, InstrumentSpecificationFactory
from trading.models import InstrumentSpecification

pytestmark = pytest.mark.django_db


def series(bars: int, shift: float = 0.0) -> Candles:
    rng = np.random.default_rng(3)
    close = 1.1 + shift + np.cumsum(rng.normal(0, 1e-4, bars)).round(5)
    opening = np.concatenate([[1.1 + shift], close[:-1]])
    return Candles(
        symbol="EURUSD",
        time=1_736_121_600_000 + 60_000 * np.arange(bars, dtype=np.int64),  # 2025-01-06
        open=opening, high=np.maximum(opening, close) + 5e-5, low=np.minimum(opening, close) - 5e-5, close=close,
        tick_volume=np.full(bars, 10, dtype=np.int64), spread=np.full(bars, 8, dtype=np.int32),
    )  # fmt: skip


@pytest.fixture
def run(tmp_path, settings) -> BacktestRun:
    """A completed run with trades."""
    settings.MARKET_DATA_ROOT = tmp_path / "data"
    settings.ARTIFACT_ROOT = tmp_path / "artifacts"
    merge_m1(series(2_880), data_root=settings.MARKET_DATA_ROOT)
    InstrumentSpecificationFactory()
    run = completed(services.get_strategy_template_content("ema_crossover_v1.py"))
    assert len(run.simulated_trades_log) > 10
    return run


def completed(code: str, after: timedelta = timedelta(hours=9)) -> BacktestRun:
    run = BacktestRunFactory(
        config__bot_version__code=code, config__bot_version__code_hash=services.generate_code_hash(code, {})
    )
    start = run.data_window_start + after
    BacktestRun.objects.filter(pk=run.pk).update(data_window_start=start)
    services.execute_backtest(str(run.pk), worker="host:1")
    run.refresh_from_db()
    assert (run.status, run.error) == ("COMPLETED", "")
    return run


def verify(run: BacktestRun, *options: str) -> str:
    out = StringIO()
    call_command("verify_run", str(run.pk), *options, stdout=out)
    return out.getvalue()


def refused(run: BacktestRun, *options: str) -> str:
    with pytest.raises(CommandError) as refusal:
        verify(run, *options)
    assert refusal.value.returncode == 1
    return str(refusal.value)


def test_a_run_comes_out_the_same_and_the_command_shows_it(run):
    shown = verify(run)
    assert shown.count(run.digest) == 2
    assert shown.count(run.data_fingerprint) == 2
    assert f"engine version    {run.engine_version}" in shown
    assert "came out the same" in shown


def test_verifying_writes_nothing(run):
    before = BacktestRun.objects.filter(pk=run.pk).values().get()
    files = {path: path.stat().st_mtime_ns for path in backtest_folder(run).iterdir()}
    with CaptureQueriesContext(connection) as captured:
        verify(run)
    assert all(query["sql"].startswith("SELECT") for query in captured.captured_queries)
    assert BacktestRun.objects.filter(pk=run.pk).values().get() == before
    assert {path: path.stat().st_mtime_ns for path in backtest_folder(run).iterdir()} == files


def test_later_edits_of_instrument_and_config_do_not_matter(run):
    InstrumentSpecification.objects.update(tick_value=9, spread_points=77, swap_long=-5)
    BacktestConfig.objects.update(initial_equity=77, timeframe="H1", slippage_r=1, warmup_bars=0, leverage=2)
    assert "came out the same" in verify(run)


def test_an_instrument_that_was_deleted_does_not_matter(run):
    InstrumentSpecification.objects.all().delete()
    assert "came out the same" in verify(run)


def test_older_and_newer_candles_do_not_matter(run, settings):
    more = series(4_000)
    earlier = Candles("EURUSD", more.time - 4_000 * 60_000, *(getattr(more, n) for n in (
        "open", "high", "low", "close", "tick_volume", "spread")))  # fmt: skip
    for candles in (more, earlier):
        merge_m1(candles, data_root=settings.MARKET_DATA_ROOT)
    assert "came out the same" in verify(run)


def test_candles_that_were_imported_again_are_named_with_the_first_trade_that_differs(run, settings):
    merge_m1(series(2_880, shift=0.5), data_root=settings.MARKET_DATA_ROOT, overwrite=True)
    text = refused(run)
    assert "The candles of EURUSD have changed" in text
    assert "The first trade that differs is number 1 " in text
    assert "entry_price was 1.1" in text
    assert "The inputs are the same" not in text


def test_candles_that_are_fewer_are_counted(run):
    BacktestRun.objects.filter(pk=run.pk).update(
        data_snapshot=[{**run.data_snapshot[0], "candles": 9_999, "fingerprint": "x"}]
    )
    assert "There were 9,999 in this window, now there are 2,840" in refused(run)


def test_candles_that_are_gone_are_named(run, settings, tmp_path):
    settings.MARKET_DATA_ROOT = tmp_path / "empty"
    assert "There are no candles for 'EURUSD'" in refused(run)


def test_another_engine_is_named_and_its_trades_are_compared(run):
    BacktestRun.objects.filter(pk=run.pk).update(engine_version="0", digest="0" * 64)
    text = refused(run)
    assert f"it was version 0, now it is {engine.ENGINE_VERSION}" in text
    assert "trades are the same" in text


DICE = """
import os
from analysis.strategy import BaseStrategy

class Strategy(BaseStrategy):
    def run_tick(self, window, equity):
        if (window.index[-1].minute + os.getpid()) % 30:  # the same within a process, another in the next
            return []
        close = float(window["close"].iloc[-1])
        return [{"action": "OPEN_TRADE", "side": "BUY", "lots": 0.1, "sl": close - 0.0005, "tp": close + 0.0005}]
"""


def test_a_strategy_that_is_not_the_same_twice_is_told_from_changed_inputs(run):
    text = refused(completed(DICE))
    assert "The inputs are the same and the result is another" in text
    assert "The first trade that differs is number " in text


def test_source_that_was_changed_in_the_database_is_named(run):
    BotVersion.objects.update(code=run.config.bot_version.code + "\n# touched\n")
    text = refused(run)
    assert "source or params were changed in the database" in text


def test_one_trade_more_or_less_is_shown(run):
    path = backtest_folder(run) / "trades.parquet"
    table = pq.read_table(path)
    BacktestRun.objects.filter(pk=run.pk).update(digest="0" * 64)
    pq.write_table(table.slice(0, len(table) - 1), path)
    assert f"number {len(table)} of {len(table) - 1}: there is one more now (symbol EURUSD, side " in refused(run)
    pq.write_table(pa.concat_tables([table, table.slice(0, 1)]), path)
    assert f"number {len(table) + 1} of {len(table) + 1}: it is not there any more" in refused(run)


def test_without_the_stored_trades_the_rest_is_still_said(run):
    BacktestRun.objects.filter(pk=run.pk).update(digest="0" * 64)
    (backtest_folder(run) / "trades.parquet").unlink()
    assert "The stored trades were cleared" in refused(run)


@pytest.mark.parametrize("status", ["PENDING", "RUNNING", "FAILED", "CANCELLED"])
def test_only_a_completed_run_can_be_verified(status):
    assert f"this one is {status}" in refused(BacktestRunFactory(status=status))


def test_a_run_from_before_inputs_were_kept_cannot_be_verified():
    assert "before its inputs were kept" in refused(BacktestRunFactory(status="COMPLETED"))


def test_a_run_that_does_not_exist_is_an_error():
    with pytest.raises(CommandError, match="no backtest run"):
        call_command("verify_run", "00000000-0000-0000-0000-000000000000")


def test_an_audit_is_asked_of_the_child_and_of_no_ordinary_run(run, monkeypatch):
    short = completed(run.config.bot_version.code, after=timedelta(hours=46))
    asked, real = [], verification.run_in_child
    monkeypatch.setattr(
        verification, "run_in_child", lambda job, *rest, **limits: asked.append(job) or real(job, *rest, **limits)
    )
    assert "No bar looked ahead" in verify(short, "--audit")
    assert "looked ahead" not in verify(short)
    assert [job.audit for job in asked] == [True, False]
    assert asked[0].settings == asked[1].settings


def test_every_symbol_s_candles_are_looked_at(run):
    verified = verification.verify_backtest(run)
    assert (verified.same, verified.differences, verified.data_fingerprint) == (True, (), run.data_fingerprint)
