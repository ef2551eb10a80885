"""`make bench`: our engine beside others on the same work, and what the platform around it adds.

See benchmarks/README.md. Everyone runs on this machine in the same minutes, so that the ratios hold on any.
"""

import argparse
from collections.abc import Sequence
from itertools import groupby
from pathlib import Path

from benchmarks import report
from benchmarks.agreement import Referee
from benchmarks.data import BARS, candles_file
from benchmarks.engines import Engine, chosen
from benchmarks.turns import Measured, Task, measure
from benchmarks.whole_path import measure_path

FOLDER = Path(__file__).resolve().parent.parent / "var" / "bench"
ROUNDS = {"arrays": 25, "bars": 7, "slow": 1}
QUICK_ROUNDS, QUICK_SHARE = 2, 6


def main() -> None:
    """Measure what is asked for and print it."""
    arguments = _arguments()
    for years in sorted(set(arguments.years)):
        _compare(chosen(arguments.only, years), years, arguments.quick)
    if not (arguments.only or arguments.quick):
        print("\n## The whole path\n", flush=True)
        measure_path(FOLDER)


def _compare(engines: Sequence[Engine], years: int, quick: bool) -> None:
    bars = BARS[years] // (QUICK_SHARE if quick else 1)
    print(f"\n## {bars:,} M1 candles{' (quick: too few for the promises)' if quick else ''}\n", flush=True)
    candles = candles_file(FOLDER, bars)
    measured: list[Measured] = []
    for group, members in groupby(engines, key=lambda engine: engine.group):
        tasks = [Task(engine, years, bars, candles) for engine in members]
        if years > 1:
            tasks += _on_one_year([task.engine for task in tasks])
        measured += measure(tasks, FOLDER, QUICK_ROUNDS if quick else ROUNDS[group])
    _print([one for one in measured if one.task.years == years], measured, Referee(candles))


def _on_one_year(engines: Sequence[Engine]) -> list[Task]:
    """Ours again, in the same rounds: does a bar cost the same in a longer run?"""
    file = candles_file(FOLDER, BARS[1])
    return [Task(engine, 1, BARS[1], file) for engine in engines if engine.key.startswith("ours")]


def _print(measured: Sequence[Measured], everything: Sequence[Measured], referee: Referee) -> None:
    shorter = [one for one in everything if one not in measured]
    print(f"\n{referee.expected_trades():,} trades by the benchmark's rules\n")
    print("\n".join(report.table(measured, referee)) + "\n")
    print("\n".join(report.promises(measured, shorter, referee)), flush=True)


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="make bench ARGS=...", description=__doc__)
    parser.add_argument("--years", type=int, nargs="+", choices=sorted(BARS), default=[1], help="spans of candles")
    parser.add_argument("--only", default="", help="engines by the beginnings of their names: ours,backtesting")
    parser.add_argument("--quick", action="store_true", help="two months and two rounds: does it work at all?")
    return parser.parse_args()


if __name__ == "__main__":
    main()
