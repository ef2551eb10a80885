"""The table of a run, and which of the promises it keeps."""

from collections.abc import Iterator, Sequence
from statistics import median

from benchmarks.agreement import Referee, load_outcome
from benchmarks.engines import BACKTESTING, FLOOR, RUST
from benchmarks.turns import Measured

_HEADER = (
    "engine",
    "version",
    "median s",
    "bars/s",
    "x backtesting.py",
    "x floor",
    "peak MB",
    "trades",
    "trades agree",
)
_FASTER = (("ours-tick", BACKTESTING, 6), ("ours-mask", BACKTESTING, 20), ("ours-signals", RUST, 1))
_MEMORY_MB = {1: 350, 10: 900}


def table(measured: Sequence[Measured], referee: Referee) -> list[str]:
    """One line an engine, in columns; ready for Markdown."""
    rows = [_HEADER, tuple("---" if column in (0, 1, 8) else "--:" for column in range(len(_HEADER)))]
    rows += [_row(one, measured, referee) for one in sorted(measured, key=_order)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEADER))]
    return ["| " + " | ".join(_padded(row[i], widths[i], i) for i in range(len(row))) + " |" for row in rows]


def promises(measured: Sequence[Measured], shorter: Sequence[Measured], referee: Referee) -> Iterator[str]:
    """Each promise about our engine that can be judged from what was measured, met or missed.

    `shorter` are our tiers on one year, measured in the same rounds.
    """
    done = {one.task.engine.key: one for one in measured if one.seconds}
    for key, rival, least in _FASTER:
        if key in done and rival in done:
            times = speed(done[key], done[rival])
            what = f"at least {least:g} x as fast as {_label(done[rival])}"
            yield _judged(times >= least, f"{_label(done[key])} {what}: {_times(times)}")
    if "ours-signals" in done and FLOOR in done:
        times = speed(done[FLOOR], done["ours-signals"])
        yield _judged(
            times <= 4, f"{_label(done['ours-signals'])} in at most 4 x the time of the floor: {_times(times)}"
        )
    for key in ("ours-tick", "ours-mask", "ours-signals"):
        if key in done:
            yield from _own(done[key], shorter, referee)
    if BACKTESTING in done:
        yield _agreement(done[BACKTESTING], referee)


def speed(one: Measured, other: Measured) -> float:
    """How many times as fast `one` is as `other`: of runs of the same round where they took turns."""
    if one.task.engine.group == other.task.engine.group:
        return median(theirs / mine for mine, theirs in zip(one.seconds, other.seconds, strict=False))
    return median(other.seconds) / median(one.seconds)


def _own(one: Measured, shorter: Sequence[Measured], referee: Referee) -> Iterator[str]:
    most = _MEMORY_MB[one.task.years]
    peak = one.report.get("peak_rss_mb")
    if peak is not None:
        yield _judged(peak <= most, f"{_label(one)} in at most {most} MB: {peak:.0f} MB")
    for short in shorter:
        if short.task.engine == one.task.engine and short.seconds:
            growth = 1 / speed(one, short) * short.task.bars / one.task.bars
            yield _judged(growth <= 1.2, f"{_label(one)} at most 1.2 x the time a bar of one year: {growth:.2f} x")
    yield _agreement(one, referee)


def _agreement(one: Measured, referee: Referee) -> str:
    verdict = _verdict(one, referee)
    return _judged(verdict.startswith("exact"), f"{_label(one)} makes the referee's trades: {verdict}")


def _row(one: Measured, measured: Sequence[Measured], referee: Referee) -> tuple[str, ...]:
    if not one.seconds:
        return (_label(one), one.version, *["-"] * 6, one.problem or "not run")
    done = {other.task.engine.key: other for other in measured if other.seconds}
    seconds = median(one.seconds)
    return (
        _label(one),
        one.version,
        f"{seconds:.4g}" if seconds < 100 else f"{seconds:.0f}",
        f"{one.task.bars / seconds:,.0f}",
        _times(speed(one, done[BACKTESTING])) if BACKTESTING in done else "-",
        _times(1 / speed(one, done[FLOOR])) if FLOOR in done else "-",
        f"{one.report['peak_rss_mb']:,.0f}" if one.report else "-",
        f"{one.report['trades']:,}" if one.report else "-",
        _verdict(one, referee),
    )


def _verdict(one: Measured, referee: Referee) -> str:
    if not one.report or one.trades_file is None:
        return one.problem
    return referee.verdict(load_outcome(one.trades_file), one.task.engine.fills)


def _order(one: Measured) -> tuple[bool, float]:
    return not one.seconds, median(one.seconds or [0.0])


def _label(one: Measured) -> str:
    return one.task.engine.label


def _times(ratio: float) -> str:
    return f"{ratio:,.0f} x" if ratio >= 100 else f"{ratio:.3g} x"


def _judged(met: bool, what: str) -> str:
    return f"{'met   ' if met else 'MISSED'}  {what}"


def _padded(cell: str, width: int, column: int) -> str:
    return cell.ljust(width) if column in (0, 1, len(_HEADER) - 1) else cell.rjust(width)
