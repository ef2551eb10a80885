"""Indicators strategies share, named as pandas-ta names them and equal to it, without its corners.

Every value depends on its own and earlier rows only. Rows that cannot have a value yet are NaN, however short
the input.
"""

import numpy as np
import pandas as pd

from analysis.smoothing import smooth, true_range


def ema(close: pd.Series, length: int) -> pd.Series:
    """Exponential moving average named `EMA_<length>`: first value the mean of the first `length` closes,
    then smoothed with 2 / (length + 1)."""
    return _smoothed(close, length, 2 / (_checked(length) + 1), f"EMA_{length}")


def atr(high: pd.Series, low: pd.Series, close: pd.Series, length: int) -> pd.Series:
    """Wilder's average true range named `ATRr_<length>`, seeded with the mean of the first `length` true
    ranges.

    The first row has no previous close and no true range, so the first value is on row `length`.
    """
    columns = [np.ascontiguousarray(column, dtype=np.float64) for column in (high, low, close)]
    ranges = true_range(*columns)
    smooth(ranges, _checked(length), 1 / length, ranges)
    return pd.Series(ranges, index=close.index, name=f"ATRr_{length}", copy=False)


def macd(close: pd.Series, fast: int, slow: int, signal: int) -> pd.DataFrame:
    """Columns `MACD_<fast>_<slow>_<signal>` (fast minus slow average), `MACDs_...` (its own average) and
    `MACDh_...` (the one minus the other).

    All averages are `ema`s; the first MACD is on row `slow` - 1, the first of the others `signal` - 1 later.
    """
    if fast >= slow:
        raise ValueError(f"fast must be shorter than slow, and is {fast} to {slow}")
    line = ema(close, fast) - ema(close, slow)
    average = ema(line, signal)
    name = f"{fast}_{slow}_{signal}"
    return pd.DataFrame({f"MACD_{name}": line, f"MACDh_{name}": line - average, f"MACDs_{name}": average})


def cmf(high: pd.Series, low: pd.Series, close: pd.Series, volume: pd.Series, length: int) -> pd.Series:
    """Chaikin's money flow named `CMF_<length>`, from -1 (all volume at the lows) to 1.

    A bar without a range moves no money. NaN where the last `length` bars have no volume. Computed here because the
    library adds a hair to the range of all rows when any later one is zero.
    """
    extent = high - low
    place = ((close - low) - (high - close)) / extent.where(extent != 0)
    flow = (place.fillna(0.0) * volume).rolling(_checked(length)).sum()
    total = volume.astype(float).rolling(length).sum()
    return (flow / total.where(total > 0)).rename(f"CMF_{length}")


def slope(values: pd.Series, length: int) -> pd.Series:
    """Slope per row of the least-squares line through the last `length` (at least 2) values.

    Opposite ends are paired, so that it is exactly zero wherever whole numbers make it zero.
    """
    if _checked(length) < 2:
        raise ValueError("a slope needs a length of at least 2")
    rise = pd.Series(0.0, index=values.index)
    for near in range(length // 2):
        rise += ((length - 1) / 2 - near) * (values.shift(near) - values.shift(length - 1 - near))
    return (rise / (length * (length**2 - 1) / 12)).rename(f"SLOPE_{length}")


def _smoothed(values: pd.Series, length: int, alpha: float, name: str) -> pd.Series:
    averages = np.empty(len(values))
    smooth(np.ascontiguousarray(values, dtype=np.float64), length, alpha, averages)
    return pd.Series(averages, index=values.index, name=name, copy=False)


def _checked(length: int) -> int:
    if length < 1:
        raise ValueError(f"length must be at least 1, not {length}")
    return int(length)
