"""The engine's side of a strategy: calls it bar by bar and turns what it raises into a failed run."""

from collections.abc import Callable
from datetime import UTC, datetime
from numbers import Integral
from typing import Any, TypeVar

import pandas as pd

from analysis.errors import RunFailed
from analysis.strategy import (
    Action,
    ActionRefused,
    Position,
    TickStrategy,
    describe,
    parse_action,
    strategy_filename,
    strategy_traceback,
)
from analysis.timeframes import Bars

T = TypeVar("T")


class StrategyDriver:
    """One strategy on the closed bars of its timeframe.

    Raises RunFailed (code "strategy_error") from every method when the strategy raises or breaks the
    contract.
    """

    def __init__(self, strategy: TickStrategy, bars: Bars) -> None:
        self._strategy = strategy
        self._bars = bars
        self._filename = strategy_filename(type(strategy))
        self.window = self._window_length()
        self.wants_positions = isinstance(getattr(type(strategy), "positions", None), tuple)
        self._frame = self._with_indicators()

    def decide(
        self, bar: int, equity: float, positions: tuple[Position, ...] = ()
    ) -> list[tuple[object, Action | ActionRefused]]:
        """What the strategy wants at the close of `bar`: each action as written and as understood."""
        strategy = self._strategy
        if self.wants_positions:
            strategy.positions = positions  # type: ignore[attr-defined]
        window = self._frame.iloc[bar + 1 - self.window : bar + 1]
        try:
            raw = strategy.run_tick(window, equity)
        except (Exception, SystemExit) as error:
            raise self._failed(error, bar) from error
        if raw is None:
            return []
        if not isinstance(raw, list | tuple):
            reason = f"run_tick must return a list of actions, not {type(raw).__name__}"
            return [(raw, ActionRefused("not_understood", reason))]
        return [(action, parse_action(action)) for action in raw]

    def _window_length(self) -> int:
        length = self._call(self._strategy.get_min_bars_needed)
        if isinstance(length, bool) or not isinstance(length, Integral) or length < 1:
            raise RunFailed("strategy_error", "get_min_bars_needed must return a whole number above zero")
        return int(length)

    def _with_indicators(self) -> pd.DataFrame:
        given = self._bars.candles.to_frame()
        index, columns = given.index, list(given.columns)
        frame = self._call(lambda: self._strategy._ensure_indicators(given))
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
        return frame.copy()  # ours alone, and in as few blocks of memory as its types allow: cheap to slice

    def _call(self, method: Callable[[], T]) -> T:
        try:
            return method()
        except (Exception, SystemExit) as error:
            raise self._failed(error, None) from error

    def _failed(self, error: BaseException, bar: int | None) -> RunFailed:
        opened = None if bar is None else datetime.fromtimestamp(int(self._bars.candles.time[bar]) / 1000, UTC)
        where = "" if opened is None else f" on the bar of {opened:%Y-%m-%d %H:%M} UTC"
        return RunFailed(
            "strategy_error",
            f"The strategy raised {describe(error)}{where}",
            traceback=strategy_traceback(error, self._filename),
            bar_time=opened,
        )


def spell(action: object) -> str:
    """What the strategy wrote, for the trade log: bounded, and whatever its `repr` does."""
    items: Any = action.items() if isinstance(action, dict) else None
    if items is None:
        return f"a value of type {type(action).__name__}"
    parts = [f"{key}={_short(value)}" for key, value in list(items)[:16] if isinstance(key, str)]
    return " ".join(parts)[:300]


def _short(value: object) -> str:
    if isinstance(value, float):
        return f"{value:.10g}"
    if isinstance(value, str | bool | None) or (isinstance(value, int) and abs(value) < 10**20):
        return str(value)[:64]
    return type(value).__name__
