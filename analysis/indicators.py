"""Indicators strategies share: pandas-ta-classic, named as it names them, without its corners.

Every value depends on its own and earlier rows only. Rows that cannot have a value yet are NaN, however short
the input.
"""

import warnings

import pandas as pd

with warnings.catch_warnings():  # while it is imported the library reads what pandas has deprecated
    warnings.simplefilter("ignore", DeprecationWarning)
    import pandas_ta_classic as ta


def ema(close: pd.Series, length: int) -> pd.Series:
    """Exponential moving average named `EMA_<length>`: first value the mean of the first `length` closes,
    then smoothed with 2 / (length + 1)."""
    return _named(ta.ema(close, length=_checked(length), talib=False), close, f"EMA_{length}")


def atr(high: pd.Series, low: pd.Series, close: pd.Series, length: int) -> pd.Series:
    """Wilder's average true range named `ATRr_<length>`, seeded with the mean of the first `length` true
    ranges.

    The first row has no previous close and no true range, so the first value is on row `length`. The true
    range is computed here: the library adds a hair to all of its rows when any later one is zero.
    """
    previous = close.shift(1)
    true_range = pd.concat([high, previous], axis=1).max(axis=1, skipna=False) - pd.concat([low, previous], axis=1).min(
        axis=1, skipna=False
    )
    return _named(ta.rma(true_range, length=_checked(length)), close, f"ATRr_{length}")


def _checked(length: int) -> int:
    if length < 1:
        raise ValueError(f"length must be at least 1, not {length}")
    return int(length)


def _named(values: pd.Series | None, like: pd.Series, name: str) -> pd.Series:
    """The library answers None instead of a column when the input is too short."""
    if values is None:
        return pd.Series(float("nan"), index=like.index, name=name)
    return values.rename(name)
