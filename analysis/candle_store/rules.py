"""What every stored candle obeys."""

from collections.abc import Iterator, Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.candles import MINUTE_MS, SPREAD_NOT_RECORDED

PRICES = ("open", "high", "low", "close")


def broken_rules(values: Mapping[str, NDArray[Any]]) -> Iterator[tuple[str, NDArray[np.bool_]]]:
    """Each rule that the given columns allow to check, in words, and the rows that break it.

    A few comparisons per column, so it is cheap enough for every read.
    """
    step = np.diff(values["time"], prepend=values["time"][:1] - 1)
    yield "unsorted: time runs backwards", step < 0
    yield "duplicated minute", step == 0
    yield "time is not a whole minute", values["time"] % MINUTE_MS != 0
    for name in (name for name in PRICES if name in values):
        # NaN fails both comparisons, so it is caught here as well.
        yield f"{name} is not a positive number", ~((values[name] > 0) & (values[name] < np.inf))
    if values.keys() >= set(PRICES):
        yield "high below open or close", values["high"] < np.maximum(values["open"], values["close"])
        yield "low above open or close", values["low"] > np.minimum(values["open"], values["close"])
    if "tick_volume" in values:
        yield "negative tick volume", values["tick_volume"] < 0
    if "spread" in values:
        yield "negative spread", values["spread"] < SPREAD_NOT_RECORDED
