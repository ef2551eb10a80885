"""Other futures: what a series could have become after a bar, for those who claim not to know.

Leaving the later bars out is the plain test, and it has blind spots. A filter such as "not if the next close is lower"
lets a trade pass when there is no next close, just as it did in the run; and a back-filled warm-up cannot be told from
an indicator that has too few rows. So some cuts are followed by bars that really happened nowhere.
"""

from dataclasses import dataclass
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from analysis.candles import COLUMNS, Candles

_PRICES = ("open", "high", "low", "close")
_RECENT = 256  # bars that say what a usual move is
_USUAL_MOVES = 4.0  # each bar of a trend goes so many usual ranges
_FARTHEST = float(np.log(2))  # a trend never more than doubles or halves the price
_SHAKEN = 1e-13  # of the price: some hundred times its rounding
_CALM_RANGE = 1e-6  # of the price; not zero, which libraries treat as a case of its own


class Future(StrEnum):
    """What follows the cut."""

    NONE = "none"
    UP = "up"
    DOWN = "down"
    CALM = "calm"


@dataclass(frozen=True)
class Cut:
    """The data up to and with `bar`, then `rows` bars of another future."""

    bar: int
    future: Future = Future.NONE
    rows: int = 0


def cut_candles(candles: Candles, cut: Cut) -> Candles:
    """The series up to the cut, and what follows it there."""
    known = _rows(candles, 0, cut.bar + 1)
    if cut.future is Future.NONE:
        return known
    tail = other_future(candles, cut)
    joined = {name: np.concatenate([getattr(known, name), getattr(tail, name)]) for name in COLUMNS}
    return Candles(candles.symbol, **joined)


def other_future(candles: Candles, cut: Cut) -> Candles:
    """Only what follows the cut: sound bars at the times of the real ones (beyond the data, at its usual distance)."""
    if cut.future is Future.NONE:
        return _rows(candles, 0, 0)
    recent = _rows(candles, max(cut.bar + 1 - _RECENT, 0), cut.bar + 1)
    last = float(recent.close[-1])
    trend = {Future.UP: 1.0, Future.DOWN: -1.0}.get(cut.future, 0.0)
    close = last * np.exp(trend * _path(recent, cut.rows))
    open_ = np.concatenate([[last], close[:-1]])[: cut.rows]
    calm = trend == 0.0
    return Candles(
        symbol=candles.symbol,
        time=_times(candles, cut),
        open=open_,
        high=np.maximum(open_, close) * (1 + _CALM_RANGE),
        low=np.minimum(open_, close) * (1 - _CALM_RANGE),
        close=close,
        tick_volume=np.full(cut.rows, _volume(recent, calm), np.int64),
        spread=np.full(cut.rows, _spread(recent, calm), np.int32),
    )


def shaken(candles: Candles, seed: int) -> Candles:
    """The series with prices that differ by less than any price can: what moves with them is rounding."""
    rng = np.random.default_rng(seed)
    prices = {name: getattr(candles, name) * (1 + _SHAKEN * rng.uniform(-1, 1, len(candles))) for name in _PRICES}
    return Candles(candles.symbol, **{name: prices.get(name, getattr(candles, name)) for name in COLUMNS})


def _rows(candles: Candles, first: int, stop: int) -> Candles:
    return Candles(candles.symbol, **{name: getattr(candles, name)[first:stop] for name in COLUMNS})


def _path(recent: Candles, rows: int) -> NDArray[np.float64]:
    """Logarithm of the price over the last one: several usual ranges a bar at first, slower and slower."""
    usual = float(np.median((recent.high - recent.low) / recent.close))
    step = max(_USUAL_MOVES * usual, 1e-4)
    return np.asarray(_FARTHEST * -np.expm1(-np.arange(1, rows + 1) * step / _FARTHEST))


def _times(candles: Candles, cut: Cut) -> NDArray[np.int64]:
    real = candles.time[cut.bar + 1 : cut.bar + 1 + cut.rows]
    lacking = cut.rows - len(real)
    if not lacking:
        return real
    step = int(np.median(np.diff(candles.time))) if len(candles) > 1 else 60_000
    return np.concatenate([real, candles.time[-1] + step * np.arange(1, lacking + 1)])


def _volume(recent: Candles, calm: bool) -> int:
    highest = int(recent.tick_volume.max())
    if highest == 0:  # not recorded
        return 0
    return 1 if calm else 5 * highest


def _spread(recent: Candles, calm: bool) -> int:
    highest = int(recent.spread.max())
    return highest if calm or highest < 0 else min(3 * max(highest, 1), 1_000_000)
