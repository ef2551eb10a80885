"""What the self-check costs: the same backtest without and with it, in turns, on a year of M1 candles.

`python -m benchmarks.self_check`. The promise is at most a tenth of a run that asks `run_tick` on every bar, and at
most 0.15 s of a run of `entry_signals`. Both run on one core, and what is measured is its time, not the clock's.
"""

import statistics
import time
from collections.abc import Callable

import numpy as np

from analysis.candles import Candles
from analysis.engine import BacktestSettings, Leg, run_portfolio
from analysis.strategy import TickStrategy, load_strategy_class, make_strategy
from benchmarks.data import ONE_YEAR, candles_file
from benchmarks.ours import INSTRUMENT, RISK, STRATEGIES
from benchmarks.peers.protocol import load_candles
from benchmarks.peers.rules import INITIAL_EQUITY
from benchmarks.run import FOLDER

TIERS = ("ema_cross_tick", "ema_cross_mask", "ema_cross_signals")
ROUNDS = 11


def main() -> None:
    """Measure and print."""
    columns = load_candles(candles_file(FOLDER, ONE_YEAR))
    empty = np.zeros(ONE_YEAR, np.int64)
    candles = Candles("EURUSD", *columns, tick_volume=empty, spread=empty.astype(np.int32))
    print(f"{ONE_YEAR:,} M1 candles, median of {ROUNDS} turns\n\n| strategy | run | with self-check | added | |")
    print("| --- | --: | --: | --: | --: |")
    for tier in TIERS:
        run = _backtest((STRATEGIES / f"{tier}.py").read_text(), tier, candles)
        turns = [(_seconds(run, check=False), _seconds(run, check=True)) for _ in range(ROUNDS + 1)][1:]
        plain, checked = (statistics.median(times) for times in zip(*turns, strict=True))
        added = statistics.median(with_it - without for without, with_it in turns)
        print(f"| {tier} | {plain:.2f} s | {checked:.2f} s | {added:+.3f} s | {added / plain:.1%} |", flush=True)


def _backtest(source: str, name: str, candles: Candles) -> Callable[[bool], object]:
    settings = BacktestSettings(initial_equity=INITIAL_EQUITY, risk=RISK)

    def make() -> TickStrategy:
        strategy: TickStrategy = make_strategy(load_strategy_class(source, f"{name}.py"), {}, RISK, INSTRUMENT)
        return strategy

    return lambda check: run_portfolio([Leg(make(), candles, INSTRUMENT, make if check else None)], settings)


def _seconds(run: Callable[[bool], object], *, check: bool) -> float:
    started = time.process_time()
    run(check)
    return time.process_time() - started


if __name__ == "__main__":
    main()
