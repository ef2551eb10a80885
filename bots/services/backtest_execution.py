"""The worker's side of a backtest: claim, compute in a child process, store once."""

import logging
import time
from collections.abc import Callable, Sequence

import numpy as np
from django.conf import settings
from django.db import OperationalError, close_old_connections
from numpy.typing import NDArray

from analysis.downsample import keep_extremes
from analysis.engine import BacktestResult, Refusal, Trades
from analysis.errors import AnalysisError
from analysis.sandbox.parent import run_in_child
from bots.errors import LeaseLost
from bots.models import BacktestRun, Lease
from bots.services.artifacts import store_backtest
from bots.services.inputs import Inputs, gather

log = logging.getLogger(__name__)

MAX_EQUITY_POINTS = 2_000
DATABASE_PATIENCE_S = 120  # how long a finished result waits for a database that restarts


class Cancelled(Exception):
    """The user asked to cancel the run."""


def execute_backtest(run_id: str, *, worker: str) -> None:
    """Run one backtest to its end, if nobody else does. Every ending is kept in the row."""
    lease = BacktestRun.objects.claim(run_id, worker=worker)
    if lease is None:
        return
    try:
        inputs, result = _compute(lease)
        store_backtest(lease, result)
    except Cancelled:
        _end(lease, BacktestRun.Status.CANCELLED)
    except LeaseLost:
        log.warning("Backtest %s was taken over by another worker", run_id)
    except AnalysisError as error:
        _fail(lease, error.code, error.message, getattr(error, "traceback", ""))
    except OSError as error:
        _fail(lease, "storage_error", f"The result could not be stored: {error}")
        raise
    except Exception as error:
        _fail(lease, "internal_error", f"The platform failed: {type(error).__name__}; the worker's log has more")
        raise
    else:
        _complete(lease, inputs, result)


def _compute(lease: Lease) -> tuple[Inputs, BacktestResult]:
    """What the run is made of, and what comes out."""
    inputs = gather(BacktestRun.objects.select_related("config__bot_version__bot").get(pk=lease.run_id))
    limit = settings.BACKTEST_WALL_CLOCK_S
    return inputs, run_in_child(inputs.job, inputs.candles, wall_clock_s=limit, watch=_Watch(lease))


class _Watch:
    """Called by the parent of the child at least once a second: heartbeat, progress, cancellation."""

    def __init__(self, lease: Lease) -> None:
        self.lease = lease
        self.next_look = 0.0

    def __call__(self, bars_done: int, bars_total: int) -> None:
        if time.monotonic() < self.next_look:
            return
        self.next_look = time.monotonic() + 1
        try:
            status = BacktestRun.objects.renew(self.lease, bars_done=bars_done, bars_total=bars_total)
        except OperationalError:  # the database restarts; computing goes on, the final write is fenced
            log.warning("Backtest %s: no heartbeat, the database is away", self.lease.run_id)
            close_old_connections()
            return
        if status is None:
            raise LeaseLost
        if status == BacktestRun.Status.CANCELLING:
            raise Cancelled


def _complete(lease: Lease, inputs: Inputs, result: BacktestResult) -> None:
    kept = keep_extremes(result.equity, MAX_EQUITY_POINTS)
    fields = {
        "equity_curve": [
            {"timestamp": time, "equity": round(value, 2)}
            for time, value in zip(_iso(result.equity_time[kept]), result.equity[kept].tolist(), strict=True)
        ],
        "stats": dict(result.stats),
        "simulated_trades_log": _trades_json(result.trades),
        "warnings": [*inputs.warnings, *result.warnings],
        "refusals": _refusals_json(result.refusals),
        "engine_version": result.engine_version,
        "digest": result.digest,
        "bars_done": result.bars,
        "bars_total": result.bars,
        **inputs.snapshots(),
    }
    if not _end(lease, BacktestRun.Status.COMPLETED, **fields):
        _end(lease, BacktestRun.Status.CANCELLED)  # cancelled in the last moment, or not ours any more


def _fail(lease: Lease, code: str, message: str, traceback: str = "") -> None:
    _end(lease, BacktestRun.Status.FAILED, error_code=code, error=message, error_traceback=traceback)


def _end(lease: Lease, status: str, **fields: object) -> int:
    """Write the ending if the lease is still ours; waits for a database that restarts."""
    return _persist(lambda: BacktestRun.objects.held_by(lease).transition(status, **fields))


def _persist(write: Callable[[], int]) -> int:
    deadline = time.monotonic() + DATABASE_PATIENCE_S
    while True:
        try:
            return write()
        except OperationalError:
            if time.monotonic() > deadline:
                raise
            log.warning("The database is away; the result waits")
            close_old_connections()
            time.sleep(0.5)


def _trades_json(trades: Trades) -> list[dict[str, object]]:
    rows = list(trades.rows())
    for name in ("entry_time", "exit_time"):
        for row, moment in zip(rows, _iso(getattr(trades, name)), strict=True):
            row[name] = moment
    return rows


def _refusals_json(refusals: Sequence[Refusal]) -> list[dict[str, object]]:
    times = _iso(np.array([refusal.time for refusal in refusals], np.int64))
    return [{**vars(refusal), "time": time} for refusal, time in zip(refusals, times, strict=True)]


def _iso(epoch_ms: NDArray[np.int64]) -> list[str]:
    """Times as ISO 8601, with a fraction where there is one."""
    texts = np.datetime_as_string(epoch_ms.astype("datetime64[ms]")).tolist()
    return [text.removesuffix(".000") + "Z" for text in texts]
