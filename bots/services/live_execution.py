"""The worker's side of a live run.

This holds the life of a session: claim, heartbeat, obey STOPPING, hand over on shutdown. Market, strategy and orders
join it with the trading session of `trading/`.
"""

import threading
import time

from django.conf import settings
from django.db import OperationalError, close_old_connections, transaction

from bots.errors import LeaseLost
from bots.models import Lease, LiveRun
from bots.services.live import record

POLL_S = 1.0  # how soon STOPPING is seen


def run_live_loop(live_run_id: str, *, worker: str, shutdown: threading.Event) -> None:
    """Own the run until it is asked to stop, the lease is lost, or this worker shuts down.

    On shutdown the lease is given back and the run sent again, so that the next worker goes on at once.
    """
    lease = LiveRun.objects.claim(live_run_id, worker=worker)
    if lease is None:
        return
    run = LiveRun.objects.get(pk=lease.run_id)
    record(run, "claimed", message=f"Attempt {lease.attempt} on {worker}")
    try:
        status = _beat_until_told(lease, shutdown)
    except LeaseLost:
        return
    if status == LiveRun.Status.STOPPING:
        _finish(run, lease)
    else:
        LiveRun.objects.release(lease)
        record(run, "released", message=f"{worker} shuts down")


def _beat_until_told(lease: Lease, shutdown: threading.Event) -> str:
    """Renew the lease until the status is STOPPING or `shutdown` is set; returns the last status seen."""
    valid_until = time.monotonic() + settings.RUN_LEASE_S
    next_beat = 0.0
    while True:
        try:
            if time.monotonic() >= next_beat:
                status = LiveRun.objects.renew(lease)
                valid_until = time.monotonic() + settings.RUN_LEASE_S
                next_beat = time.monotonic() + settings.RUN_HEARTBEAT_S
            else:
                status = LiveRun.objects.held_by(lease).values_list("status", flat=True).first()
        except OperationalError:
            close_old_connections()
            if time.monotonic() > valid_until:  # another worker may own the run by now
                raise LeaseLost from None
        else:
            if status is None:
                raise LeaseLost
            if status == LiveRun.Status.STOPPING or shutdown.is_set():
                return status
        shutdown.wait(POLL_S)


def _finish(run: LiveRun, lease: Lease) -> None:
    with transaction.atomic():
        if LiveRun.objects.held_by(lease).transition(LiveRun.Status.STOPPED):
            record(run, "stopped")
