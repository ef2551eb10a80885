"""Celery's door to the services. Messages are ids; unknown arguments of a newer release are tolerated."""

import gc
import os
import socket
import threading

from celery import shared_task
from celery.signals import worker_process_init, worker_process_shutdown, worker_shutting_down

from analysis.sandbox import spare
from bots import services

_shutdown = threading.Event()


@worker_shutting_down.connect
def _tell_loops(**_: object) -> None:
    _shutdown.set()


@worker_process_init.connect
def _keep_a_spare(**_: object) -> None:
    """Only of the prefork pool: in its processes, after the fork, in their main thread."""
    spare.keep()
    gc.freeze()  # what was imported stays: collections need not look through it again and again


@worker_process_shutdown.connect
def _drop_the_spare(**_: object) -> None:
    spare.drop()


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
