"""Calling a fresh strategy on data that ends at a cut."""

import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd

from analysis.candles import Candles
from analysis.self_check.futures import Cut, cut_candles
from analysis.strategy import BaseStrategy, PendingOrder, Position, TickStrategy

Remake = Callable[[], TickStrategy]


@dataclass(frozen=True)
class Decision:
    """What the strategy wanted at the close of `bar`: the dicts it returned, given this equity and these trades.

    The views of `positions` must stand still (see `still`): their profit is that of `bar`, not of today.
    """

    bar: int
    equity: float
    positions: tuple[Position, ...] | Callable[[], tuple[Position, ...]] = ()  # or what tells them, since few are asked
    actions: tuple[object, ...] = ()
    orders: tuple[PendingOrder, ...] = ()


def still(positions: tuple[Position, ...]) -> tuple[Position, ...]:
    """The views with today's profit, whatever the market does later."""

    def fixed(profit: float) -> Callable[[Position], float]:
        return lambda _: profit

    return tuple(replace(position, mark=fixed(position.unrealized)) for position in positions)


@dataclass(frozen=True)
class Derived:
    """A fresh strategy after `_ensure_indicators` on the data of `cut`; `fast` is what its fast path says."""

    cut: Cut
    strategy: TickStrategy
    frame: pd.DataFrame
    fast: pd.DataFrame | None


@dataclass(frozen=True)
class Raised:
    """The strategy has nothing to say about such data."""

    cut: Cut
    error: BaseException


def derive(remake: Remake, candles: Candles, cut: Cut, *, with_fast: bool) -> Derived | Raised:
    """Do again what the run did before its first bar, on the data of `cut`."""
    strategy = remake()
    given = cut_candles(candles, cut).to_frame()
    try:
        with quiet():
            strategy.get_min_bars_needed()
            frame = strategy._ensure_indicators(given)
            _check_shape(frame, len(given))
            fast = fast_outputs(strategy, frame) if with_fast else None
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the strategy's own, for the caller to judge
        return Raised(cut, error)
    return Derived(cut, strategy, frame, fast)


def fast_outputs(strategy: Any, frame: pd.DataFrame) -> pd.DataFrame | None:
    """What `entry_signals`, or else `entry_mask`, says about every bar, as a table; None without either."""
    if callable(getattr(strategy, "entry_signals", None)):
        signals = strategy.entry_signals(frame)
        _check_shape(signals, len(frame))
        return pd.DataFrame(signals)
    if callable(getattr(strategy, "entry_mask", None)):
        mask = np.asarray(strategy.entry_mask(frame))
        if mask.shape != (len(frame),):
            raise ValueError(f"entry_mask answered for {mask.shape} of {len(frame)} bars")
        return pd.DataFrame({"entry_mask": mask.astype(np.bool_)})
    return None


def ask(derived: Derived, decision: Decision, window: int) -> tuple[object, ...] | Raised:
    """What `run_tick` wants at the bar of `decision` in the same circumstances, by a real slice of the frame."""
    strategy: Any = derived.strategy
    for name in ("positions", "orders"):
        if isinstance(strategy, BaseStrategy) or isinstance(getattr(type(strategy), name, None), tuple):
            there = getattr(decision, name)
            setattr(strategy, name, there() if callable(there) else there)
    rows = derived.frame.iloc[decision.bar + 1 - window : decision.bar + 1]
    try:
        with quiet():
            raw = strategy.run_tick(rows, decision.equity)
    except (Exception, SystemExit) as error:  # noqa: BLE001 - the strategy's own, for the caller to judge
        return Raised(derived.cut, error)
    if raw is None:
        return ()
    return tuple(raw) if isinstance(raw, list | tuple) else (raw,)


def quiet() -> "warnings.catch_warnings[None]":
    """What the strategy warns of on other data concerns nobody."""
    return warnings.catch_warnings(action="ignore")


def _check_shape(table: object, rows: int) -> None:
    if not isinstance(table, pd.DataFrame) or len(table) != rows:
        raise ValueError(f"it returned {type(table).__name__} instead of a table of {rows} rows")
