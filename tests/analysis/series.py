"""Small candle series for tests."""

from datetime import UTC, datetime
from pathlib import Path

import numpy as np

from analysis.candles import MINUTE_MS, SPREAD_NOT_RECORDED, Candles

START = datetime(2024, 1, 8, tzinfo=UTC)  # a Monday


def ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def candles(count: int = 10, *, start: datetime = START, symbol: str = "EURUSD", seed: int = 1) -> Candles:
    """Consecutive sound minutes; the values of a minute depend on its time and the seed only."""
    return at(ms(start) + np.arange(count) * MINUTE_MS, symbol=symbol, seed=seed)


def at(time: np.ndarray, *, symbol: str = "EURUSD", seed: int = 1) -> Candles:
    time = np.asarray(time, np.int64)
    minute = time // MINUTE_MS + seed * 7919
    open_ = np.round(1.1 + (minute % 97) * 1e-5, 5)
    close = np.round(1.1 + ((minute + 1) % 97) * 1e-5, 5)
    return Candles(
        symbol=symbol,
        time=time,
        open=open_,
        high=np.round(np.maximum(open_, close) + 2e-5, 5),
        low=np.round(np.minimum(open_, close) - 2e-5, 5),
        close=close,
        tick_volume=minute % 50 + 1,
        spread=(minute % 9).astype(np.int32),
    )


def without_extras(series: Candles) -> Candles:
    """The same prices, spread and tick volume not recorded."""
    return Candles(
        series.symbol, series.time, series.open, series.high, series.low, series.close,
        np.zeros(len(series), np.int64), np.full(len(series), SPREAD_NOT_RECORDED, np.int32),
    )  # fmt: skip


def write_csv(path: Path, series: Candles, *, wall_ms: np.ndarray | None = None) -> Path:
    """As `copy_rates_range` and pandas would write it, at the given wall times (UTC by default)."""
    time = (series.time if wall_ms is None else wall_ms).astype("datetime64[ms]").astype(str)
    lines = ["time,open,high,low,close,tick_volume,spread,real_volume"]
    for i in range(len(series)):
        shown = time[i].replace("T", " ")[:19]
        prices = ",".join(repr(float(column[i])) for column in (series.open, series.high, series.low, series.close))
        lines.append(f"{shown},{prices},{series.tick_volume[i]},{series.spread[i]},0")
    path.write_text("\n".join(lines) + "\n")
    return path
