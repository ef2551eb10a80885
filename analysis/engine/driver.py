"""The engine's side of a strategy: calls it and turns what it raises into a failed run."""

from collections.abc import Callable
from datetime import UTC, datetime
from functools import cached_property
from numbers import Integral
from typing import Any, TypeVar

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from analysis.errors import RunFailed
from analysis.strategy import BaseStrategy, TickStrategy, describe, strategy_filename, strategy_traceback
from analysis.strategy.actions import storable
from analysis.timeframes import Bars

T = TypeVar("T")


class StrategyDriver:
    """One strategy on the closed bars of its timeframe: what the contract lets it say, checked.

    Raises RunFailed (code "strategy_error") from every method when the strategy raises or breaks the
    contract.
    """

    def __init__(self, strategy: TickStrategy, bars: Bars) -> None:
        self.strategy = strategy
        self._bars = bars
        self._filename = strategy_filename(type(strategy))
        self.window = self._window_length()
        kind = type(strategy)
        self.asks_for_positions = isinstance(strategy, BaseStrategy)
        self.wants_positions = isinstance(getattr(kind, "positions", None), tuple)
        self.wants_orders = isinstance(getattr(kind, "orders", None), tuple)
        self.manages_positions = bool(getattr(strategy, "manages_positions", False))
        self.frame = self._with_indicators()

    @property
    def has_signals(self) -> bool:
        """Whether the whole decision is given as arrays."""
        return callable(getattr(self.strategy, "entry_signals", None))

    @cached_property
    def mask(self) -> NDArray[np.bool_] | None:
        """`entry_mask`: on which bars the strategy could act, None when it does not say."""
        method = getattr(self.strategy, "entry_mask", None)
        if not callable(method):
            return None
        mask = np.asarray(self.call(lambda: method(self.frame.copy(deep=False))))
        if mask.shape != (len(self._bars),) or mask.dtype != np.bool_:
            raise RunFailed(
                "strategy_error",
                f"entry_mask must return {len(self._bars)} booleans, one a row, not {mask.dtype} of shape {mask.shape}",
            )
        return mask

    @cached_property
    def signals(self) -> pd.DataFrame:
        """`entry_signals`: the strategy's decisions as it gives them, one row a bar."""
        method = self.strategy.entry_signals  # type: ignore[attr-defined]
        signals = self.call(lambda: method(self.frame.copy(deep=False)))
        if not isinstance(signals, pd.DataFrame) or len(signals) != len(self._bars):
            raise RunFailed(
                "strategy_error", f"entry_signals must return a DataFrame of {len(self._bars)} rows, one for each bar"
            )
        return signals

    def forget_fast_path(self) -> None:
        """Let go of mask and signals, which are as long as the run."""
        for name in ("mask", "signals"):
            self.__dict__.pop(name, None)

    def call(self, method: Callable[[], T]) -> T:
        """What a method of the strategy returns."""
        try:
            return method()
        except (Exception, SystemExit) as error:
            raise self.failed(error, None) from error

    def failed(self, error: BaseException, bar: int | None) -> RunFailed:
        """What the strategy raised, as the end of the run."""
        return strategy_failure(error, self._filename, None if bar is None else int(self._bars.candles.time[bar]))

    def _window_length(self) -> int:
        length = self.call(self.strategy.get_min_bars_needed)
        if isinstance(length, bool) or not isinstance(length, Integral) or length < 1:
            raise RunFailed("strategy_error", "get_min_bars_needed must return a whole number above zero")
        return int(length)

    def _with_indicators(self) -> pd.DataFrame:
        given = self._bars.candles.to_frame()
        index, columns = given.index, list(given.columns)
        frame = self.call(lambda: self.strategy._ensure_indicators(given))
        if not isinstance(frame, pd.DataFrame):
            raise RunFailed("strategy_error", f"_ensure_indicators must return a DataFrame, not {type(frame).__name__}")
        if not frame.index.equals(index):
            raise RunFailed(
                "strategy_error",
                f"_ensure_indicators must keep every row: it got {len(index)} and returned {len(frame)}",
            )
        missing = [name for name in columns if name not in frame.columns]
        if missing:
            raise RunFailed("strategy_error", f"_ensure_indicators must keep the column {missing[0]}")
        # A view of it: what the strategy does to its own later changes nothing here.
        return _sharing_candles(frame.copy(deep=False), self._bars.candles.to_frame())


def _sharing_candles(frame: pd.DataFrame, candles: pd.DataFrame) -> pd.DataFrame:
    """The frame on the candles' own memory, where its first columns are a copy of them: most strategies make one, and
    half of what a long run needs would go into it."""
    count = candles.shape[1]
    first = frame.iloc[:, :count]
    if type(frame) is not pd.DataFrame or frame.attrs or not first.dtypes.equals(candles.dtypes):
        return frame
    pairs = [(first[name].to_numpy(), candles[name].to_numpy()) for name in candles.columns]
    copied = [(ours, theirs) for ours, theirs in pairs if not np.shares_memory(ours, theirs)]
    if not copied or not all(np.array_equal(ours, theirs) for ours, theirs in copied):
        return frame
    return pd.concat([candles, frame.iloc[:, count:]], axis=1)


def strategy_failure(error: BaseException, filename: str, bar_time: int | None) -> RunFailed:
    """What the strategy in `filename` raised, as the end of the run; `bar_time` is when the bar opened (epoch
    milliseconds UTC)."""
    opened = None if bar_time is None else datetime.fromtimestamp(bar_time / 1000, UTC)
    where = "" if opened is None else f" on the bar of {opened:%Y-%m-%d %H:%M} UTC"
    return RunFailed(
        "strategy_error",
        f"The strategy raised {describe(error)}{where}",
        traceback=strategy_traceback(error, filename),
        bar_time=opened,
    )


def spell(action: object) -> str:
    """What the strategy wrote, for the trade log: bounded, and whatever its `repr` does."""
    items: Any = action.items() if isinstance(action, dict) else None
    if items is None:
        return f"a value of type {type(action).__name__}"
    parts = [f"{key}={_short(value)}" for key, value in list(items)[:16] if isinstance(key, str)]
    return storable(" ".join(parts))[:300]


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, str | bool | None) or (isinstance(value, int) and abs(value) < 10**20):
        return str(value)[:64]
    return type(value).__name__
