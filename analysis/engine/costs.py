"""What trading costs: spread, slippage, commission; and money in whole cents."""

import math

import numpy as np
from numpy.typing import NDArray

from analysis.candles import Candles
from analysis.instrument import Instrument

# Binary noise: 3.5 lots of 0.01 at 0.67 must not fall on the other side of half a cent.
_HAIR = 1e-6


def to_cents(money: float) -> int:
    """`money` in whole cents; half a cent is rounded away from zero."""
    cents = math.floor(abs(money) * 100 + 0.5 + _HAIR)
    return -cents if money < 0 else cents


def from_cents(cents: int) -> float:
    """Cents as account currency: the double nearest to the two decimals."""
    return cents / 100


def fixed_spread(spread_points: int | None, instrument: Instrument) -> int:
    """Points of spread for candles that have none of their own."""
    return instrument.spread_points if spread_points is None else spread_points


def spread_ticks(candles: Candles, instrument: Instrument, spread_points: int | None) -> NDArray[np.int64]:
    """Ticks between bid and ask, candle by candle: its own spread, else the run's, else the instrument's."""
    points = np.where(candles.spread >= 0, candles.spread, fixed_spread(spread_points, instrument))
    return np.floor(points * (instrument.point / instrument.tick_size) + 0.5 + _HAIR).astype(np.int64)


def commission_cents(lots: float, commission_per_lot: float) -> int:
    """One side's commission."""
    return to_cents(lots * commission_per_lot)


def slippage_ticks(risk_ticks: int | None, slippage_r: float) -> int:
    """By how much a fill is worse: a fraction of the trade's initial risk, none where there is no stop."""
    return 0 if risk_ticks is None else math.floor(risk_ticks * slippage_r + 0.5 + _HAIR)
