"""The benchmark's indicators and statistics in numpy and pandas, for libraries that have none or other ones."""

import numpy as np
import pandas as pd

from benchmarks.peers.rules import FIRST_BAR


def frame(candles):
    """The candles with the column names and index most libraries read."""
    index = pd.DatetimeIndex(candles.time.astype("datetime64[ms]"))
    names = ("Open", "High", "Low", "Close")
    columns = (candles.open, candles.high, candles.low, candles.close)
    return pd.DataFrame(dict(zip(names, columns, strict=True)), index=index)


def ema(close, length):
    """Seeded with the mean of the first `length` values."""
    return _smooth(close, length, 2 / (length + 1), 0)


def atr(high, low, close, length):
    """Wilder's, seeded with the mean of the first `length` true ranges; the first bar has none."""
    true_range = np.full(len(close), np.nan)
    true_range[1:] = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
    return _smooth(true_range, length, 1 / length, 1)


def crossings(fast, slow):
    """Bars on which the fast average has just crossed above the slow one, and those on which below."""
    up, down = np.zeros(len(fast), bool), np.zeros(len(fast), bool)
    up[1:] = (fast[:-1] <= slow[:-1]) & (fast[1:] > slow[1:])
    down[1:] = (fast[:-1] >= slow[:-1]) & (fast[1:] < slow[1:])
    up[:FIRST_BAR] = down[:FIRST_BAR] = False
    return up, down


def statistics(time, equity):
    """Return, deepest drawdown (shares) and daily Sharpe ratio of a curve with one value a bar."""
    day = time // 86_400_000
    closes = equity[np.append(np.flatnonzero(day[1:] != day[:-1]), len(day) - 1)]
    returns = closes[1:] / closes[:-1] - 1
    falls = 1 - equity / np.maximum.accumulate(equity)
    return equity[-1] / equity[0] - 1, falls.max(), returns.mean() / returns.std(ddof=1) * 252**0.5


def _smooth(values, length, alpha, first):
    seeded = np.array(values, dtype=float)
    seeded[: first + length - 1] = np.nan
    seeded[first + length - 1] = values[first : first + length].mean()
    return pd.Series(seeded).ewm(alpha=alpha, adjust=False).mean().to_numpy()
