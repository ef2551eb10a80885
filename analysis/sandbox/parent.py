"""The platform's side: hand a request to a strategy's process, believe what comes back once it is checked.

Today each run has a fresh Python process with an empty environment, bounded memory and CPU, that dies with its parent.
That keeps secrets and crashes apart; it does not yet stop code that means harm from reading files or opening sockets.
"""

import contextlib
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from analysis.candles import Candles
from analysis.engine import BacktestResult, BacktestSettings
from analysis.errors import RunFailed, StrategyError
from analysis.instrument import Instrument
from analysis.sandbox import spare
from analysis.sandbox.messages import ChannelClosed
from analysis.sandbox.process import StrategyProcess, Watch
from analysis.sandbox.wire import lay_out, result_from_wire


@dataclass(frozen=True)
class BacktestJob:
    """Everything a child needs to run a backtest, besides the candles; `data_fingerprint` is theirs, `audit` has every
    bar checked for a look into the future."""

    source: str
    filename: str
    code_hash: str
    params: Mapping[str, object]
    instruments: Sequence[Instrument]
    settings: BacktestSettings
    data_fingerprint: str
    audit: bool = False


def check_strategy(source: str, filename: str, params: Mapping[str, object], *, wall_clock_s: float) -> None:
    """Load the source and its params in a child, as a run would. Raises StrategyError or ParamsInvalid."""
    with _shared_memory(()) as memory, StrategyProcess(warm=False) as child:
        try:
            _ask(child, "check", memory, wall_clock_s, source=source, filename=filename, params=dict(params))
            child.wait_for("checked", lambda done, total: None)
        except RunFailed as failure:
            raise StrategyError(failure.message) from failure


def run_in_child(job: BacktestJob, candles: Sequence[Candles], *, wall_clock_s: float, watch: Watch) -> BacktestResult:
    """Run the backtest in a child, on one series of candles for each instrument. `watch(bars_done, bars_total)` is
    called about five times a second; what it raises ends the child and passes through.

    Raises StrategyError for source or params that do not load, RunFailed when strategy, limits or child fail.
    """
    request = _request(job, candles)
    try:
        with _shared_memory(candles) as memory, _asked(request, memory, wall_clock_s) as child:
            reply = child.wait_for("result", watch)
    finally:
        spare.refill()  # not before: the run has the machine to itself
    try:
        return result_from_wire(reply)
    except (TypeError, ValueError, KeyError) as error:
        raise RunFailed("protocol", "The strategy's process sent a result that makes no sense") from error


def _request(job: BacktestJob, candles: Sequence[Candles]) -> dict[str, Any]:
    pairs = zip(job.instruments, candles, strict=True)
    return {
        "source": job.source,
        "filename": job.filename,
        "code_hash": job.code_hash,
        "params": dict(job.params),
        "legs": [{"instrument": asdict(instrument), "bars": len(series)} for instrument, series in pairs],
        "settings": {**asdict(job.settings), "risk": dict(job.settings.risk)},
        "data_fingerprint": job.data_fingerprint,
        "audit": job.audit,
    }


def _asked(request: Mapping[str, Any], memory: int, wall_clock_s: float) -> StrategyProcess:
    """A process that has the request."""
    child = spare.take()
    try:
        child.ask("backtest", memory, wall_clock_s, **request)
    except ChannelClosed:  # a spare may have died while it waited
        child = StrategyProcess(warm=True)
        _ask(child, "backtest", memory, wall_clock_s, **request)
    return child


def _ask(child: StrategyProcess, kind: str, memory: int, wall_clock_s: float, **request: object) -> None:
    try:
        child.ask(kind, memory, wall_clock_s, **request)
    except ChannelClosed as error:
        raise RunFailed("child_ended", "The strategy's process ended before it had its request") from error


@contextlib.contextmanager
def _shared_memory(candles: Sequence[Candles]) -> Iterator[int]:
    """A file descriptor of anonymous memory with the candles, column after column."""
    memory = os.memfd_create("candles")
    try:
        lay_out(candles, memory)
        yield memory
    finally:
        os.close(memory)
