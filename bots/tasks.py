"""Celery's door to the services. Messages are ids; unknown arguments of a newer release are tolerated."""

import os
import socket
import threading

from celery import shared_task
from celery.signals import worker_shutting_down

from bots import services

_shutdown = threading.Event()


@worker_shutting_down.connect
def _tell_loops(**_: object) -> None:
    _shutdown.set()


def _worker_name() -> str:
    return f"{socket.gethostname()}:{os.getpid()}"


@shared_task
def run_backtest(backtest_run_id: str, **_: object) -> None:
    services.execute_backtest(backtest_run_id, worker=_worker_name())


@shared_task
def live_loop(live_run_id: str, **_: object) -> None:
    services.run_live_loop(live_run_id, worker=_worker_name(), shutdown=_shutdown)


@shared_task
def recover_runs(**_: object) -> None:
    services.recover_runs()
