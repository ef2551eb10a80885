"""What lies between bid and ask."""

import numpy as np
from numpy.typing import NDArray

from analysis.candles import Candles
from analysis.instrument import Instrument

_HAIR = 1e-6  # binary noise must not fall on the other side of half a tick


def fixed_spread(spread_points: int | None, instrument: Instrument) -> int:
    """Points of spread for candles that have none of their own."""
    return instrument.spread_points if spread_points is None else spread_points


def spread_ticks(candles: Candles, instrument: Instrument, spread_points: int | None) -> NDArray[np.int64]:
    """Ticks between bid and ask, candle by candle: its own spread, else the run's, else the instrument's."""
    points = np.where(candles.spread >= 0, candles.spread, fixed_spread(spread_points, instrument))
    if instrument.point == instrument.tick_size:
        return points.astype(np.int64)
    ticks = points * (instrument.point / instrument.tick_size)
    ticks += 0.5 + _HAIR
    return np.floor(ticks, out=ticks).astype(np.int64)
