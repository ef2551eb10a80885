"""Falls of an equity or a balance curve from its previous peaks.

A drawdown lasts from its peak (the last point at that height) to the first point that is back there, or to the end.
Per cent are of the peak. Peaks are above zero because the initial equity is.
"""

from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.plain import iso, mean, money
from analysis.metrics.scans import deepest_fall, falls_of

DEEPEST = 10

Floats = NDArray[np.float64]
Ints = NDArray[np.int64]


@dataclass(frozen=True)
class Drawdowns:
    """The drawdowns of a curve in order of time. `start`, `trough` and `recovery` are places in it (-1: not
    recovered), `depth` is account currency, `depth_pct` per cent of the peak."""

    times: Ints
    values: Floats
    start: Ints
    trough: Ints
    recovery: Ints
    depth: Floats
    depth_pct: Floats

    def __len__(self) -> int:
        return len(self.start)

    @property
    def ends(self) -> Ints:
        """The place of the recovery, or the last point."""
        return np.where(self.recovery < 0, len(self.values) - 1, self.recovery)

    def deepest(self, count: int) -> list[int]:
        """The drawdowns that are deepest in per cent, the deepest first; of equally deep ones the earlier first."""
        candidates = np.arange(len(self))
        if len(self) > count:
            bound = np.partition(self.depth_pct, len(self) - count)[len(self) - count]
            candidates = np.flatnonzero(self.depth_pct >= bound)
        order = np.argsort(-self.depth_pct[candidates], kind="stable")
        return [int(place) for place in candidates[order][:count]]


def drawdowns_of(times: Ints, values: Floats) -> Drawdowns:
    """Every drawdown of a curve: account currency at epoch milliseconds UTC, the first above zero."""
    start, trough, recovery = falls_of(values).T
    depth = values[start] - values[trough]
    return Drawdowns(times, values, start, trough, recovery, depth, depth / values[start] * 100)


def drawdown(equity: Floats) -> tuple[float, float]:
    """The deepest fall from a previous peak: in money, and in per cent of the peak. The two may be different
    falls."""
    depth, share = deepest_fall(np.ascontiguousarray(equity, np.float64))
    return depth, share * 100


def level_figures(name: str, found: Drawdowns) -> dict[str, Any]:
    """The three drawdowns of the MetaTrader 5 report for a curve called `name`, and its range.

    Absolute: initial value less the lowest, 0 if it never was below. Maximal: the deepest in money, with its per cent.
    Relative: the deepest in per cent, with its money.
    """
    initial, low, high = (float(value) for value in (found.values[0], found.values.min(), found.values.max()))
    in_money = int(found.depth.argmax()) if len(found) else None
    in_per_cent = found.deepest(1)[0] if len(found) else None
    absolute = max(initial - low, 0.0)
    return {
        f"min_{name}": money(low),
        f"max_{name}": money(high),
        f"{name}_drawdown_absolute": money(absolute),
        f"{name}_drawdown_absolute_pct": absolute / initial * 100,
        f"{name}_drawdown_maximal": _depth(found, in_money),
        f"{name}_drawdown_maximal_pct": _depth_pct(found, in_money),
        f"{name}_drawdown_relative": _depth(found, in_per_cent),
        f"{name}_drawdown_relative_pct": _depth_pct(found, in_per_cent),
    }


def drawdown_figures(found: Drawdowns) -> dict[str, Any]:
    """Depths and durations (seconds) of the drawdowns of the equity; means are over every single one, however small,
    as in backtesting.py."""
    lasted = found.times[found.ends] - found.times[found.start]
    back = found.recovery >= 0
    recovering = found.times[found.recovery[back]] - found.times[found.trough[back]]
    under = found.ends - found.start - back
    now = float(found.values.max() - found.values[-1])
    return {
        "max_drawdown": money(found.depth.max(initial=0.0)),
        "max_drawdown_pct": float(found.depth_pct.max(initial=0.0)),
        "drawdown_count": len(found),
        "average_drawdown": mean(found.depth),
        "average_drawdown_pct": mean(found.depth_pct),
        "longest_drawdown_s": _seconds(lasted.max(initial=0)),
        "average_drawdown_s": None if not len(found) else _seconds(lasted.mean()),
        "longest_recovery_s": _seconds(recovering.max(initial=0)) if len(recovering) else None,
        "underwater_pct": float(under.sum()) / (len(found.values) - 1) * 100 if len(found.values) > 1 else None,
        "current_drawdown": money(now),
        "current_drawdown_pct": now / float(found.values.max()) * 100,
        **_deepest_figures(found),
    }


def drawdown_table(found: Drawdowns) -> list[dict[str, Any]]:
    """The ten deepest drawdowns in per cent, the deepest first; `recovery_time` and `recovery_s` are None while it is
    not over, and `duration_s` then goes to the end."""
    return [_row(found, place) for place in found.deepest(DEEPEST)]


def _row(found: Drawdowns, place: int) -> dict[str, Any]:
    start, trough, recovery, end = (
        int(places[place]) for places in (found.start, found.trough, found.recovery, found.ends)
    )
    return {
        "start_time": iso(int(found.times[start])),
        "trough_time": iso(int(found.times[trough])),
        "recovery_time": iso(int(found.times[recovery])) if recovery >= 0 else None,
        "high": money(found.values[start]),
        "low": money(found.values[trough]),
        "depth": money(found.depth[place]),
        "depth_pct": float(found.depth_pct[place]),
        "duration_s": _seconds(found.times[end] - found.times[start]),
        "fall_s": _seconds(found.times[trough] - found.times[start]),
        "recovery_s": _seconds(found.times[recovery] - found.times[trough]) if recovery >= 0 else None,
    }


def _deepest_figures(found: Drawdowns) -> dict[str, Any]:
    """When and where the deepest drawdown in per cent was (freqtrade: Drawdown Start, End, high, low)."""
    names = ("start_time", "trough_time", "recovery_time", "high", "low", "duration_s")
    row = _row(found, found.deepest(1)[0]) if len(found) else {}
    return {f"max_drawdown_{name}": row.get(name) for name in names}


def _depth(found: Drawdowns, place: int | None) -> float:
    return 0.0 if place is None else money(found.depth[place])


def _depth_pct(found: Drawdowns, place: int | None) -> float:
    return 0.0 if place is None else float(found.depth_pct[place])


def _seconds(milliseconds: Any) -> float:
    return float(milliseconds) / 1000
