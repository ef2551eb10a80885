"""New candles meet those in the store: every minute that differs is counted, none changes without being
asked."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from analysis.candle_store.layout import VALUE_COLUMNS, partitions
from analysis.candle_store.reading import DTYPES, Columns, read_window, to_moment, year_bounds, year_of
from analysis.candle_store.rules import PRICES, broken_rules
from analysis.candles import SPREAD_NOT_RECORDED, Candles
from analysis.errors import ImportRejected

LISTED_CONFLICTS = 10


@dataclass(frozen=True)
class MergeResult:
    """What happened to the minutes of an import; the five counts add up to its rows.

    `completed` minutes had the same prices and gained a spread or tick volume that was not recorded before.
    `conflict_times` (epoch ms UTC) are the first minutes whose values differ, kept or overwritten.
    """

    added: int = 0
    unchanged: int = 0
    completed: int = 0
    conflicting: int = 0
    overwritten: int = 0
    conflict_times: tuple[int, ...] = ()

    def __add__(self, other: "MergeResult") -> "MergeResult":
        return MergeResult(
            self.added + other.added,
            self.unchanged + other.unchanged,
            self.completed + other.completed,
            self.conflicting + other.conflicting,
            self.overwritten + other.overwritten,
            (self.conflict_times + other.conflict_times)[:LISTED_CONFLICTS],
        )


@dataclass(frozen=True)
class MergePlan:
    """The outcome of a merge before anything is written: `years` holds the years that change, in full."""

    result: MergeResult
    years: Mapping[int, Columns]


def plan_merge(folder: Path, candles: Candles, *, overwrite: bool) -> MergePlan:
    """Merge candles with the stored ones of `folder`, in memory.

    A stored minute with other prices, or another recorded spread or tick volume, stays as it is unless
    `overwrite`; then the new row replaces it whole. Raises ImportRejected for candles that break a rule of
    the store, CorruptCandles for a damaged store.
    """
    columns: Columns = {name: getattr(candles, name) for name in DTYPES}
    _require_sound(candles.symbol, columns)
    result, years = MergeResult(), {}
    for year, incoming in _by_year(columns):
        existing = read_window(folder, *year_bounds(year))
        counts, merged = _merge(existing, incoming, overwrite=overwrite)
        result += counts
        if merged is not None:
            years[year] = merged
    return MergePlan(result, years)


def planned_columns(folder: Path, plan: MergePlan) -> Columns:
    """The whole dataset as it will be once the plan is written."""
    years = sorted(partitions(folder).keys() | plan.years.keys())
    parts = [{name: np.empty(0, dtype) for name, dtype in DTYPES.items()}]
    for year in years:
        parts.append(plan.years[year] if year in plan.years else read_window(folder, *year_bounds(year)))
    return {name: np.concatenate([part[name] for part in parts]) for name in DTYPES}


def _require_sound(symbol: str, columns: Columns) -> None:
    for reason, broken in broken_rules(columns):
        rows = np.flatnonzero(broken)
        if len(rows):
            at = to_moment(columns["time"][rows[0]])
            raise ImportRejected(f"{symbol}: {reason} at {at:%Y-%m-%d %H:%M:%S}Z ({len(rows)} rows)")


def _by_year(columns: Columns) -> Iterator[tuple[int, Columns]]:
    time = columns["time"]
    if len(time):
        for year in range(year_of(time[0]), year_of(time[-1]) + 1):
            low, high = (int(row) for row in np.searchsorted(time, year_bounds(year)))
            if low < high:
                yield year, {name: values[low:high] for name, values in columns.items()}


def _merge(existing: Columns, incoming: Columns, *, overwrite: bool) -> tuple[MergeResult, Columns | None]:
    """The counts, and the merged year or None where nothing changes."""
    at, known = _positions(existing["time"], incoming["time"])
    old = {name: existing[name][at[known]] for name in VALUE_COLUMNS}
    new = {name: incoming[name][known] for name in VALUE_COLUMNS}
    final, contradicts = (new, ~_equal(old, new)) if overwrite else _completed(old, new)
    changed = ~_equal(old, final)
    result = MergeResult(
        added=int((~known).sum()),
        unchanged=int((~changed & ~contradicts).sum()),
        completed=0 if overwrite else int(changed.sum()),
        conflicting=0 if overwrite else int(contradicts.sum()),
        overwritten=int(changed.sum()) if overwrite else 0,
        conflict_times=tuple(incoming["time"][known][contradicts][:LISTED_CONFLICTS].tolist()),
    )
    if not result.added and not changed.any():
        return result, None
    kept = {name: existing[name].copy() for name in DTYPES}
    for name in VALUE_COLUMNS:
        kept[name][at[known]] = final[name]
    where = at[~known]
    return result, {name: np.insert(kept[name], where, incoming[name][~known]) for name in DTYPES}


def _positions(existing: NDArray[np.int64], incoming: NDArray[np.int64]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where each new minute is or would be among the stored ones, and whether it is there already."""
    at = np.searchsorted(existing, incoming)
    known = np.zeros(len(incoming), np.bool_)
    inside = at < len(existing)
    known[inside] = existing[at[inside]] == incoming[inside]
    return at, known


def _equal(old: Columns, new: Columns) -> NDArray[np.bool_]:
    equal: NDArray[np.bool_] = np.logical_and.reduce([old[name] == new[name] for name in VALUE_COLUMNS])
    return equal


def _completed(old: Columns, new: Columns) -> tuple[Columns, NDArray[np.bool_]]:
    """The stored rows with what only the new ones recorded, and which new rows contradict them."""
    missing = {"tick_volume": 0, "spread": SPREAD_NOT_RECORDED}
    agree = np.logical_and.reduce([old[name] == new[name] for name in PRICES])
    for name, nothing in missing.items():
        agree &= (old[name] == new[name]) | (old[name] == nothing) | (new[name] == nothing)
    final = dict(old)
    for name, nothing in missing.items():
        final[name] = np.where(agree & (old[name] == nothing), new[name], old[name])
    return final, ~agree
