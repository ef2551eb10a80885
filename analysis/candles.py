"""A series of M1 candles as plain columns."""

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.lib.stride_tricks import as_strided
from numpy.typing import NDArray

MINUTE_MS = 60_000
SPREAD_NOT_RECORDED = -1
PRICES = ("open", "high", "low", "close")
COLUMNS = ("time", *PRICES, "tick_volume", "spread")


@dataclass(frozen=True, eq=False)
class Candles:
    """Bid prices of one symbol, ascending by open time; compare two by `fingerprint()`.

    `time` is the open time in epoch milliseconds UTC, `tick_volume` is 0 and `spread` (points) is -1 where
    it was not recorded. Raises ValueError for columns of different length.
    """

    symbol: str
    time: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    tick_volume: NDArray[np.int64]
    spread: NDArray[np.int32]

    def __post_init__(self) -> None:
        lengths = {name: len(getattr(self, name)) for name in COLUMNS}
        if len(set(lengths.values())) > 1:
            raise ValueError(f"{self.symbol}: columns of different length: {lengths}")

    def __len__(self) -> int:
        return len(self.time)

    @classmethod
    def from_frame(cls, symbol: str, frame: pd.DataFrame) -> Self:
        """From a frame with a DatetimeIndex in any time zone; `spread` may hold missing values.

        Raises ValueError for an index without a time zone.
        """

        def column(name: str, dtype: type[np.generic]) -> NDArray[Any]:
            return np.ascontiguousarray(frame[name].to_numpy(dtype=dtype))

        spread = frame["spread"].fillna(SPREAD_NOT_RECORDED).to_numpy(dtype=np.int32)
        index = pd.DatetimeIndex(frame.index)
        if index.tz is None:
            raise ValueError(f"{symbol}: the frame's index has no time zone")
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
        """The frame strategies see: UTC index `time`, columns open, high, low, close, tick_volume, spread.

        It shares the columns' memory; writing to it copies what is written to.
        """
        return self._shared_frame.copy(deep=False)

    @cached_property
    def _shared_frame(self) -> pd.DataFrame:
        # While this frame lives, pandas knows that others share their memory with it (copy-on-write).
        index = pd.DatetimeIndex(self.time.view("datetime64[ms]"), name="time").tz_localize("UTC")
        prices = pd.DataFrame(_together([getattr(self, name) for name in PRICES]).T, index, list(PRICES), copy=False)
        others = pd.DataFrame({"tick_volume": self.tick_volume, "spread": self.spread}, index, copy=False)
        return pd.concat([prices, others], axis=1)  # shares their memory too

    def fingerprint(self) -> str:
        """SHA-256 (hex) of the symbol and every value."""
        digest = hashlib.sha256(self.symbol.encode())
        for name in COLUMNS:
            digest.update(np.ascontiguousarray(getattr(self, name)).data)
        return digest.hexdigest()


def _together(columns: Sequence[NDArray[np.float64]]) -> NDArray[np.float64]:
    """The columns as the rows of one array, as pandas keeps what a strategy copies. A view where they lie one behind
    the other in the same memory, as they do in a strategy's process."""
    first = columns[0]
    places = [column.__array_interface__["data"][0] for column in columns]
    adjacent = [places[0] + i * first.nbytes for i in range(len(columns))]
    same = all(c.base is first.base is not None and c.dtype == np.float64 and c.flags.c_contiguous for c in columns)
    if same and places == adjacent:
        return as_strided(first, (len(columns), len(first)), (first.nbytes, first.itemsize), writeable=False)
    return np.stack(columns)
