"""What Celery's signals do to a worker's process."""

import os

import psutil
from celery.signals import worker_process_init, worker_process_shutdown

from bots import tasks  # noqa: F401 - connects the signals


def children() -> list[psutil.Process]:
    return psutil.Process(os.getpid()).children()


def test_a_process_of_the_pool_keeps_a_spare_from_its_start_to_its_end():
    before = children()
    worker_process_init.send(sender=None)
    (spare,) = set(children()) - set(before)
    worker_process_shutdown.send(sender=None, pid=os.getpid(), exitcode=0)
    assert not spare.is_running()
    assert children() == before
