"""Which bars without an action are worth asking about: those on which a fast path that is too narrow would show."""

from collections.abc import Iterator, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.candles import COLUMNS
from analysis.self_check.planning import has_few_values, reach

_LEARNED_BARS = 20_000
_ENOUGH_ACTIONS = 12
_MOST_COLUMNS = 14
_BINS = 20
_FEW_IDLE = 16

_Bars = NDArray[np.int64]
_Flags = NDArray[np.bool_]


def idle_bars(
    frame: pd.DataFrame, *, first_bar: int, acted: Sequence[int], fast: bool, count: int = 96, seed: int = 1
) -> _Bars:
    """Bars within reach of a default check on which the strategy did not act, ascending; `acted` are all on which it
    did.

    A third is next to bars on which it did; a third is like those in everything (the same lines cross, the same values
    are extreme) except that it did not act; a third is drawn by lot. Without a `fast` path, which may be wrong
    anywhere, a few by lot are enough.
    """
    last = reach(len(frame))
    known = np.asarray([bar for bar in acted if first_bar <= bar <= last], np.int64)
    idle = np.zeros(len(frame), np.bool_)
    idle[first_bar : last + 1] = True
    idle[known] = False
    rng = np.random.default_rng(seed)
    if not fast:
        return np.sort(rng.permutation(np.flatnonzero(idle))[:_FEW_IDLE])
    near = np.unique((known[:, None] + [-2, -1, 1, 2]).ravel())
    near = rng.permutation(near[(near >= first_bar) & (near <= last)])
    groups = (near, _most_alike(frame, first_bar, last, known), rng.permutation(np.flatnonzero(idle)))
    found: list[int] = []
    for share, group in enumerate(groups, start=1):
        fresh = group[idle[group]][: max(count * share // len(groups) - len(found), 0)]
        idle[fresh] = False
        found += fresh.tolist()
    return np.asarray(sorted(found), np.int64)


def _most_alike(frame: pd.DataFrame, first_bar: int, last: int, acted: _Bars) -> _Bars:
    """Bars ordered by how much more usual what happens on them is where the strategy acts than elsewhere."""
    end = min(last, first_bar + _LEARNED_BARS)
    if np.count_nonzero(acted <= end) < _ENOUGH_ACTIONS:
        end = last
    first = max(first_bar - 1, 0)
    rows = frame.iloc[first : end + 1]
    here = acted[acted <= end] - first
    score = np.zeros(len(rows))
    for codes, mirrored in _traits(rows):
        score += _weights(codes, here, mirrored)[codes]
    if first < first_bar:
        score[0] = -np.inf
    return first + np.argsort(-score, kind="stable")


def _traits(rows: pd.DataFrame) -> Iterator[tuple[NDArray[Any], bool]]:
    """What is noted of each bar, as small whole numbers, and whether its opposite counts as the same."""
    numbers: list[NDArray[np.float64]] = []
    for i, name in enumerate(rows.columns[: 4 * _MOST_COLUMNS]):
        column = rows.iloc[:, i]
        if name not in COLUMNS and has_few_values(column):
            codes = pd.factorize(column, use_na_sentinel=False)[0]
            yield np.minimum(codes, _BINS), False
        elif isinstance(column.dtype, np.dtype) and column.dtype.kind in "fiu" and len(numbers) < _MOST_COLUMNS:
            values = column.to_numpy(np.float64)
            if name not in ("tick_volume", "spread"):
                numbers.append(values)
            if name not in COLUMNS:
                yield from _levels(values)
    with np.errstate(all="ignore"):
        for one, other in combinations(numbers, 2):
            yield _crossings(one, other), False


def _levels(values: NDArray[np.float64]) -> Iterator[tuple[NDArray[Any], bool]]:
    """In which twentieth of all its values it is, and in which it was a bar ago."""
    finite = values[np.isfinite(values)][::7]
    if len(finite):
        codes = np.searchsorted(np.quantile(finite, np.linspace(0, 1, _BINS + 1)[1:-1]), values)
        yield codes, True
        yield np.concatenate([codes[:1], codes[:-1]]), True


def _crossings(one: NDArray[np.float64], other: NDArray[np.float64]) -> NDArray[Any]:
    above = one > other
    crossed: _Flags = np.zeros(len(one), np.bool_)
    crossed[1:] = above[1:] != above[:-1]
    return crossed.astype(np.int8)


def _weights(codes: NDArray[Any], acted: _Bars, mirrored: bool) -> NDArray[np.float64]:
    """Logarithm of how much likelier each value is where the strategy acts; how rare it is when it never does."""
    everywhere = np.bincount(codes).astype(np.float64) + 1
    there = np.bincount(codes[acted], minlength=len(everywhere)).astype(np.float64)
    if mirrored:
        there = (there + there[::-1]) / 2
    if not len(acted):
        return np.asarray(-np.log(everywhere / everywhere.sum()))
    usual = everywhere / everywhere.sum()
    return np.asarray(np.log((there + usual) / (len(acted) + 1) / usual))
