"""Launching and cancelling backtests; `backtest_execution` runs them."""

from datetime import datetime

from django.conf import settings
from django.db import transaction

from accounts.models import User
from analysis.utils.data_processor import available_symbols
from bots.dispatch import send
from bots.errors import Conflict, Invalid
from bots.models import BacktestConfig, BacktestRun, BotVersion
from bots.services.idempotency import create_once, request_hash
from trading.models import InstrumentSpecification


def launch_backtest(
    *,
    user: User,
    bot_version: BotVersion,
    config: BacktestConfig,
    instrument_symbol: str,
    data_window_start: datetime,
    data_window_end: datetime,
    idempotency_key: str | None = None,
) -> BacktestRun:
    """Store a PENDING run over [start, end) and queue it after commit.

    Raises Invalid for a config of another version, an unknown symbol or an empty window, IdempotencyMismatch for a
    key that was used with another request.
    """
    if config.bot_version_id != bot_version.pk:
        raise Invalid("The config belongs to another version of the bot", field="backtest_config_id")
    if data_window_start >= data_window_end:
        raise Invalid("The window must end after it starts", field="data_window_end")
    _require_tradable(instrument_symbol)
    request = {
        "instrument_symbol": instrument_symbol,
        "data_window_start": data_window_start,
        "data_window_end": data_window_end,
        "config": config,
    }
    fingerprint = request_hash(**{**request, "config": config.pk})
    with transaction.atomic():
        run, created = create_once(
            BacktestRun,
            user=user,
            key=idempotency_key,
            fingerprint=fingerprint,
            create=lambda: BacktestRun.objects.create(
                created_by=user, idempotency_key=idempotency_key, request_hash=fingerprint, **request
            ),
        )
        if created:
            send("bots.tasks.run_backtest", backtest_run_id=str(run.pk))
    return run


def _require_tradable(symbol: str) -> None:
    if not InstrumentSpecification.objects.filter(pk=symbol).exists():
        raise Invalid(f"There is no instrument specification for {symbol!r}", field="instrument_symbol")
    if symbol not in available_symbols(settings.MARKET_DATA_ROOT):
        raise Invalid(
            f"There are no candles for {symbol!r}; import them with manage.py import_m1",
            field="instrument_symbol",
        )


def cancel_backtest(run: BacktestRun) -> BacktestRun:
    """Cancel at once what no worker holds; ask the worker that holds it. Raises Conflict for a finished run.

    Asking twice is harmless.
    """
    this = BacktestRun.objects.filter(pk=run.pk)
    if not this.filter(status=BacktestRun.Status.PENDING).transition(BacktestRun.Status.CANCELLED):
        this.transition(BacktestRun.Status.CANCELLING)
    run.refresh_from_db(fields=["status", "cancelling_at", "finished_at"])
    if run.status in {BacktestRun.Status.COMPLETED, BacktestRun.Status.FAILED}:
        raise Conflict(f"The run is already {run.status}")
    return run
