"""Runs whose message or worker was lost are sent again: the row is the queue of record."""

import logging

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now

from bots.dispatch import BrokerAway, send, waiting
from bots.models import BacktestRun, LiveRun, Run
from bots.services.live import record

log = logging.getLogger(__name__)


def recover_runs() -> int:
    """Re-send what nobody works on; end what was lost too often. Returns how many rows were touched.

    Safe to run twice at once: a row that another caller holds is skipped.
    """
    with transaction.atomic():
        touched = _end_cancelled() + _fail_exhausted()
        try:
            touched += _resend(BacktestRun, "backtests", "bots.tasks.run_backtest", "backtest_run_id")
            touched += _resend(LiveRun, "live", "bots.tasks.live_loop", "live_run_id")
        except BrokerAway as error:
            log.warning("Nothing is sent again for now: %s", error)
    return touched


def _end_cancelled() -> int:
    """A run that was to be cancelled when its worker died has nothing left to do."""
    orphans = BacktestRun.objects.claimable().filter(status=BacktestRun.Status.CANCELLING)
    return orphans.transition(BacktestRun.Status.CANCELLED)


def _fail_exhausted() -> int:
    exhausted = BacktestRun.objects.claimable().filter(
        status=BacktestRun.Status.RUNNING, attempt__gte=settings.BACKTEST_MAX_ATTEMPTS
    )
    return exhausted.transition(
        BacktestRun.Status.FAILED,
        error_code="worker_lost",
        error=f"The worker was lost {settings.BACKTEST_MAX_ATTEMPTS} times in the middle of this run, "
        "for example because it ran out of memory",
    )


def _resend(model: type[Run], queue: str, task: str, argument: str) -> int:
    unclaimed = model.objects.unclaimed().only("id", "attempt", "status").order_by("queued_at")
    unclaimed = unclaimed.select_for_update(skip_locked=True)
    lost = list(unclaimed.exclude(status=model.PENDING)[:500])
    # Pending runs may simply stand in a long queue: only as many are lost as have no message waiting there.
    missing = model.objects.filter(status=model.PENDING).count() - waiting(queue)
    if missing > 0:
        lost += unclaimed.filter(status=model.PENDING)[: min(missing, 500)]
    for run in lost:
        log.warning("%s %s is sent again (attempt %d)", model._meta.verbose_name, run.pk, run.attempt)
        if isinstance(run, LiveRun) and run.attempt:
            record(run, "resent", message="Its worker was lost")
        send(task, **{argument: str(run.pk)})
    model.objects.filter(pk__in=[run.pk for run in lost]).update(queued_at=Now())
    return len(lost)
