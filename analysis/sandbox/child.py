"""The strategy's side: what runs inside the process that the platform started for one run."""

import mmap
import os
import socket
import time
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np

from analysis.candles import Candles
from analysis.engine import BacktestSettings, run_backtest
from analysis.errors import ParamsInvalid, RunFailed, StrategyError
from analysis.instrument import Instrument
from analysis.sandbox.messages import Channel
from analysis.sandbox.policy import Limits, apply
from analysis.sandbox.wire import COLUMNS, REQUESTS, result_to_wire
from analysis.strategy import load_strategy_class, make_strategy

_PROGRESS_EVERY_S = 0.2
_HOUR_S = 3600.0


def main(channel_fd: int, candles_fd: int) -> None:
    """Serve one request and end."""
    channel = Channel(socket.socket(fileno=channel_fd))
    limits = _receive(channel)
    apply(Limits(limits["memory_bytes"], limits["cpu_s"], limits["open_files"]))
    request = _receive(channel)
    try:
        if request["kind"] == "check":
            _build(request, _SAMPLE_INSTRUMENT, {}).get_min_bars_needed()
            channel.send("checked")
        else:
            channel.send("result", **result_to_wire(_backtest(request, candles_fd, channel)))
    except ParamsInvalid as error:
        _report(channel, "params", error, problems=[(p.field, p.message) for p in error.errors])
    except StrategyError as error:
        _report(channel, "strategy", error, line=error.line)
    except RunFailed as error:
        _report(channel, "run", error, traceback=error.traceback, bar_time=error.bar_time)
    os._exit(0)  # nothing the strategy registered for the end of the process runs
