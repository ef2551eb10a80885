"""The strategy's side: what runs inside the process that the platform started for one request."""

import gc
import os
import socket
import traceback
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from analysis.candles import Candles
from analysis.engine import BacktestResult, BacktestSettings, Leg, run_portfolio
from analysis.engine.warm_up import SAMPLE, warm_up
from analysis.errors import AnalysisError, ParamsInvalid, RunFailed, StrategyError
from analysis.instrument import Instrument
from analysis.sandbox.messages import Channel, ChannelClosed
from analysis.sandbox.policy import Limits, apply
from analysis.sandbox.wire import REQUESTS, mapped, result_to_wire
from analysis.strategy import TickStrategy, describe, inspect_source, load_strategy_class, make_strategy

_WAIT_S = 60.0
_MAX_TRACEBACK = 20_000


def main(channel_fd: int, *, warm: bool) -> None:
    """Wait for one request, serve it and end; `warm` has the engine ready for a backtest when it comes."""
    channel = Channel(socket.socket(fileno=channel_fd))
    if warm:
        warm_up()  # before the limits hold
        gc.freeze()  # what is there now stays: a collection would look through half a million objects each time
    try:
        memory = channel.receive_descriptor()
    except ChannelClosed:
        os._exit(0)  # the platform ended without needing us
    limits = _receive(channel)
    apply(Limits(limits["memory_bytes"], limits["cpu_s"], limits["open_files"]))
    request = _receive(channel)
    try:
        if request["kind"] == "check":
            _check(request)
            channel.send("checked")
        else:
            channel.send("result", **result_to_wire(_backtest(request, memory, channel)))
    except ParamsInvalid as error:
        _report(channel, "params", error, problems=[(p.field, p.message) for p in error.errors])
    except StrategyError as error:
        _report(channel, "strategy", error, line=error.line)
    except AnalysisError as error:
        out_of_memory = isinstance(error.__cause__, MemoryError)
        _report(channel, "run", error, **({"code": "limit_exceeded"} if out_of_memory else {}))
    except MemoryError:
        _report(channel, "run", RunFailed("limit_exceeded", "The strategy needs more memory than the limit"))
    except Exception as error:  # noqa: BLE001 - an error of ours must not look like the strategy's own
        trace = "".join(traceback.format_exception(error))[-_MAX_TRACEBACK:]
        _report(channel, "run", RunFailed("engine_error", f"The engine failed: {describe(error)}", traceback=trace))
    os._exit(0)  # nothing the strategy left for the end of the process runs


def _receive(channel: Channel) -> dict[str, Any]:
    message = channel.receive(REQUESTS, _WAIT_S)
    if message is None:
        raise TimeoutError("the platform sent no request")
    return message


def _check(request: Mapping[str, Any]) -> None:
    """Load the strategy and make one, as a run would. Raises StrategyError, ParamsInvalid."""
    source, filename = request["source"], request["filename"]
    strategy_class = load_strategy_class(source, filename)
    described = inspect_source(source, filename)
    if described.kind == "backtrader":  # made by backtrader itself, inside a run
        from analysis.backtrader_engine.params import resolved_params

        resolved_params(strategy_class, request["params"])
        return
    strategy = make_strategy(strategy_class, request["params"], {}, SAMPLE)
    try:
        bars = strategy.get_min_bars_needed()
    except Exception as error:
        raise StrategyError(f"get_min_bars_needed failed: {describe(error)}") from error
    if isinstance(bars, bool) or not isinstance(bars, int) or bars < 1:
        raise StrategyError(f"get_min_bars_needed must return a whole number above zero, not {bars!r}")


@dataclass(frozen=True)
class _Task:
    """A request to backtest, made of the engine's own values."""

    load: Callable[[], type[Any]]  # executes the source: each call gives a class that shares nothing with another
    instruments: Sequence[Instrument]
    series: Sequence[Candles]
    settings: BacktestSettings
    audit: bool
    identity: Mapping[str, Any]  # params, code_hash and data_fingerprint, as every engine takes them


def _backtest(request: Mapping[str, Any], memory: int, channel: Channel) -> BacktestResult:
    source, filename = request["source"], request["filename"]
    instruments = [Instrument(**leg["instrument"]) for leg in request["legs"]]
    bars = [leg["bars"] for leg in request["legs"]]
    task = _Task(
        load=partial(load_strategy_class, source, filename),
        instruments=instruments,
        series=mapped(memory, list(zip((each.symbol for each in instruments), bars, strict=True))),
        settings=BacktestSettings(**request["settings"]),
        audit=request["audit"],
        identity={name: request[name] for name in ("params", "code_hash", "data_fingerprint")},
    )
    run = _run_backtrader if inspect_source(source, filename).kind == "backtrader" else _run
    return run(task, lambda done, total: channel.send("progress", done=done, total=total))


def _run(task: _Task, on_progress: Callable[[int, int], None]) -> BacktestResult:
    """One instance of the strategy for each instrument, on one equity."""
    legs = []
    for instrument, series in zip(task.instruments, task.series, strict=True):
        remake = partial(_make, task, instrument)
        legs.append(Leg(remake(), series, instrument, remake))
    return run_portfolio(legs, task.settings, on_progress, report=True, audit=task.audit, **task.identity)


def _make(task: _Task, instrument: Instrument) -> TickStrategy:
    made: TickStrategy = make_strategy(task.load(), task.identity["params"], task.settings.risk, instrument)
    return made


def _run_backtrader(task: _Task, on_progress: Callable[[int, int], None]) -> BacktestResult:
    """One instance of the strategy for all instruments, as backtrader has it."""
    from analysis.backtrader_engine import Feed, run_backtrader  # only such strategies need backtrader

    feeds = [Feed(series, instrument) for series, instrument in zip(task.series, task.instruments, strict=True)]
    return run_backtrader(task.load(), feeds, task.settings, on_progress, report=True, **task.identity)


def _report(channel: Channel, category: str, error: AnalysisError, **details: Any) -> None:
    fields: dict[str, Any] = {
        "code": error.code,
        "line": None,
        "problems": [],
        "traceback": "",
        "bar_time": None,
    }
    if isinstance(error, RunFailed):
        bar_time = None if error.bar_time is None else error.bar_time.isoformat()
        fields |= {"traceback": error.traceback, "bar_time": bar_time}
    channel.send("failure", category=category, message=error.message, **(fields | details))
