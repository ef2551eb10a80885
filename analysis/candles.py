"""A series of M1 candles as plain columns."""

import hashlib
from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray

MINUTE_MS = 60_000
SPREAD_NOT_RECORDED = -1


@dataclass(frozen=True)
class Candles:
    """Bid prices of one symbol, ascending by open time.

    `time` is the open time in epoch milliseconds UTC, `spread` is in points (-1: not recorded); all columns have one
    length.
    """

    symbol: str
    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    tick_volume: NDArray[np.int64]
    spread: NDArray[np.int32]

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def from_frame(cls, symbol: str, frame: pd.DataFrame) -> Self:
        """From a frame with a UTC DatetimeIndex; `spread` may hold missing values."""

        def column(name: str, dtype: type[np.generic]) -> NDArray[Any]:
            return np.ascontiguousarray(frame[name].to_numpy(dtype=dtype))

        spread = frame["spread"].fillna(SPREAD_NOT_RECORDED).to_numpy(dtype=np.int32)
        index = pd.DatetimeIndex(frame.index)
        return cls(
            symbol=symbol,
            time=index.as_unit("ms").asi8.copy(),
            open=column("open", np.float64),
            high=column("high", np.float64),
            low=column("low", np.float64),
            close=column("close", np.float64),
            tick_volume=column("tick_volume", np.int64),
            spread=np.ascontiguousarray(spread),
        )

    def to_frame(self) -> pd.DataFrame:
        """The frame strategies see: UTC index `time`, columns open, high, low, close, tick_volume, spread."""
        index = pd.DatetimeIndex(self.time.astype("datetime64[ms]"), name="time").tz_localize("UTC")
        columns = {name: getattr(self, name) for name in ("open", "high", "low", "close", "tick_volume", "spread")}
        return pd.DataFrame(columns, index=index)

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the symbol and every value."""
        digest = hashlib.sha256(self.symbol.encode())
        for name in ("time", "open", "high", "low", "close", "tick_volume", "spread"):
            digest.update(np.ascontiguousarray(getattr(self, name)).data)
        return digest.hexdigest()
