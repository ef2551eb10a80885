"""The strategy's side: what runs inside the process that the platform started for one request."""

import mmap
import os
import socket
from collections.abc import Mapping
from typing import Any

import numpy as np

from analysis.candles import Candles
from analysis.engine import BacktestResult, BacktestSettings, run_backtest
from analysis.errors import AnalysisError, ParamsInvalid, RunFailed, StrategyError
from analysis.instrument import Instrument
from analysis.sandbox.messages import Channel
from analysis.sandbox.policy import Limits, apply
from analysis.sandbox.wire import COLUMNS, REQUESTS, result_to_wire
from analysis.strategy import describe, inspect_source, load_strategy_class, make_strategy
from analysis.strategy.params import resolve_params

_WAIT_S = 60.0
# An instrument like any other, to see at upload whether a strategy can be made at all.
_SAMPLE = Instrument(
    symbol="EURUSD", digits=5, point=1e-5, tick_size=1e-5, tick_value=1.0, contract_size=100_000,
    volume_min=0.01, volume_max=100, volume_step=0.01, spread_points=10,
)  # fmt: skip


def main(channel_fd: int, candles_fd: int) -> None:
    """Serve one request and end."""
    channel = Channel(socket.socket(fileno=channel_fd))
    limits = _receive(channel)
    apply(Limits(limits["memory_bytes"], limits["cpu_s"], limits["open_files"]))
    request = _receive(channel)
    try:
        if request["kind"] == "check":
            _check(request)
            channel.send("checked")
        else:
            channel.send("result", **result_to_wire(_backtest(request, candles_fd, channel)))
    except ParamsInvalid as error:
        _report(channel, "params", error, problems=[(p.field, p.message) for p in error.errors])
    except StrategyError as error:
        _report(channel, "strategy", error, line=error.line)
    except AnalysisError as error:
        out_of_memory = isinstance(error.__cause__, MemoryError)
        _report(channel, "run", error, **({"code": "limit_exceeded"} if out_of_memory else {}))
    except MemoryError:
        _report(channel, "run", RunFailed("limit_exceeded", "The strategy needs more memory than the limit"))
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
        resolve_params(described.params_schema, described.default_params, request["params"])
        return
    strategy = make_strategy(strategy_class, request["params"], {}, _SAMPLE)
    try:
        bars = strategy.get_min_bars_needed()
    except Exception as error:
        raise StrategyError(f"get_min_bars_needed failed: {describe(error)}") from error
    if isinstance(bars, bool) or not isinstance(bars, int) or bars < 1:
        raise StrategyError(f"get_min_bars_needed must return a whole number above zero, not {bars!r}")


def _backtest(request: Mapping[str, Any], candles_fd: int, channel: Channel) -> BacktestResult:
    source, filename = request["source"], request["filename"]
    strategy_class = load_strategy_class(source, filename)
    if inspect_source(source, filename).kind == "backtrader":
        raise RunFailed("unsupported_strategy", "Strategies derived from backtrader.Strategy cannot be run yet")
    settings = BacktestSettings(**request["settings"])
    instrument = Instrument(**request["instrument"])
    strategy = make_strategy(strategy_class, request["params"], settings.risk, instrument)
    return run_backtest(
        strategy,
        _candles(candles_fd, request["symbol"], request["bars"]),
        instrument,
        settings,
        lambda done, total: channel.send("progress", done=done, total=total),
        params=request["params"],
        code_hash=request["code_hash"],
    )


def _candles(descriptor: int, symbol: str, bars: int) -> Candles:
    """The columns the parent laid into shared memory, mapped read-only: nothing is copied."""
    memory = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
    os.close(descriptor)
    offset, columns = 0, {}
    for name, dtype in COLUMNS:
        columns[name] = np.frombuffer(memory, dtype, count=bars, offset=offset)
        offset += columns[name].nbytes
    return Candles(symbol=symbol, **columns)


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
