"""Launching and cancelling backtests; `backtest_execution` runs them."""

from collections.abc import Sequence
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
    instrument_symbols: Sequence[str],
    data_window_start: datetime,
    data_window_end: datetime,
    idempotency_key: str | None = None,
) -> BacktestRun:
    """Store a PENDING run of one or several symbols over [start, end) and queue it after commit.

    Raises Invalid for a config of another version, an unknown or repeated symbol or an empty window,
    IdempotencyMismatch for a key that was used with another request.
    """
    if config.bot_version_id != bot_version.pk:
        raise Invalid("The config belongs to another version of the bot", field="backtest_config_id")
    if data_window_start >= data_window_end:
        raise Invalid("The window must end after it starts", field="data_window_end")
    _require_tradable(instrument_symbols)
    request = {
        "instrument_symbol": instrument_symbols[0],
        "data_window_start": data_window_start,
        "data_window_end": data_window_end,
    }
    others = {"instrument_symbols": list(instrument_symbols)} if len(instrument_symbols) > 1 else {}
    fingerprint = request_hash(**request, **others, config=config.pk)
    with transaction.atomic():
        run, created = create_once(
            BacktestRun,
            user=user,
            key=idempotency_key,
            fingerprint=fingerprint,
            create=lambda: BacktestRun.objects.create(
                created_by=user,
                config=config,
                instrument_symbols=list(instrument_symbols),
                idempotency_key=idempotency_key,
                request_hash=fingerprint,
                **request,
            ),
        )
        if created:
            send("bots.tasks.run_backtest", backtest_run_id=str(run.pk))
    return run


def _require_tradable(symbols: Sequence[str]) -> None:
    field = "instrument_symbol" if len(symbols) == 1 else "instrument_symbols"
    if len(set(symbols)) < len(symbols):
        raise Invalid("Every symbol may be named once", field=field)
    specified = set(InstrumentSpecification.objects.filter(pk__in=symbols).values_list("pk", flat=True))
    stored = available_symbols(settings.MARKET_DATA_ROOT)
    for symbol in symbols:
        if symbol not in specified:
            raise Invalid(f"There is no instrument specification for {symbol!r}", field=field)
        if symbol not in stored:
            raise Invalid(f"There are no candles for {symbol!r}; import them with manage.py import_m1", field=field)


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
