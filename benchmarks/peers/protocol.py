"""What a program that is measured has in common with the others: candles in, commands in, one JSON line out each.

It is started with a candles file and the name of a file for its trades, and told `run` (do the work once, say how
long it took) as often as its turn comes, then `finish` (write the trades, say what came out). Turn by turn, so that a
noisy moment of the machine hits everyone who is compared.
"""

import gc
import json
import os
import sys
import time
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TextIO

import numpy as np


class Candles(NamedTuple):
    """Opens in epoch milliseconds UTC, and prices."""

    time: Any
    open: Any
    high: Any
    low: Any
    close: Any


class Outcome(NamedTuple):
    """Trades that ended by SL or TP, in order of entry: bars counted from 0, `side` +1 or -1.

    `final_equity` is the initial equity and what these trades made; one that is open at the end is left out.
    """

    entry_bar: Any
    exit_bar: Any
    side: Any
    entry_price: Any
    exit_price: Any
    final_equity: float


class Program(Protocol):
    """One engine on the benchmark's work. What `__init__` does (candles in the library's form) is not timed."""

    engine: str
    version: str

    def run(self) -> Any:
        """The work: indicators, decisions, fills, equity, statistics."""

    def outcome(self, result: Any) -> Outcome:
        """What `run` returned, in the benchmark's terms."""


def load_candles(path: str | Path) -> Candles:
    """From the .npz of benchmarks.data."""
    with np.load(path) as columns:
        time = columns["time"]
        prices = np.empty((4, len(time)))
        for row, name in zip(prices, Candles._fields[1:], strict=True):
            row[:] = columns[name]
    return Candles(time, *prices)


def serve(make: Any) -> None:
    """Obey the commands on standard input. `make` gets the candles and the arguments after the two file names."""
    answers = _private_stdout()
    candles_file, trades_file, *arguments = sys.argv[1:]
    program = make(load_candles(candles_file), *arguments)
    result: Any = None
    seconds: list[float] = []
    peak = 0.0
    _say(answers, {"engine": program.engine, "version": program.version})
    for command in sys.stdin:
        if command.strip() == "run":
            result = None
            gc.collect()
            started = time.perf_counter()
            result = program.run()
            seconds.append(time.perf_counter() - started)
            peak = peak or peak_rss_mb()  # what one job needs: of the first run
            _say(answers, {"seconds": seconds[-1]})
        elif command.strip() == "finish":
            outcome = program.outcome(result)
            np.savez(trades_file, **{name: np.asarray(value) for name, value in outcome._asdict().items()})
            said = {"engine": program.engine, "version": program.version, "seconds": seconds, "peak_rss_mb": peak}
            _say(answers, {**said, "trades": len(outcome.side), "final_equity": float(outcome.final_equity)})


def peak_rss_mb() -> float:
    """The most memory this process has held. Not getrusage where there is /proc: it starts from the parent's peak."""
    status = Path("/proc/self/status")
    if status.exists():
        fields = dict(line.split(":", 1) for line in status.read_text().splitlines())
        return int(fields["VmHWM"].split()[0]) / 1024
    try:
        import resource
    except ImportError:  # Windows
        return float("nan")
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / (1024 if sys.platform != "darwin" else 1024**2)


def _private_stdout() -> TextIO:
    """The real standard output, for answers only; what libraries print goes to standard error."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    return answers


def _say(answers: TextIO, what: dict[str, Any]) -> None:
    print(json.dumps(what), file=answers, flush=True)
