"""What a strategy's expressions cost on the window of `run_tick`, and on a plain DataFrame of the same rows.

`.venv/bin/python -m benchmarks.window_idioms` prints the table of docs/strategy-window.md. Times are the best of
several rounds in which the two take turns; every call sees another bar.
"""

from collections.abc import Callable
from sys import getrefcount
from time import process_time
from typing import Any

import numpy as np
import pandas as pd

from analysis.engine.window import MovingWindow
from analysis.strategy.fast_reads import NAMES, bind, compile_strategy

BARS, LENGTH, FIRST = 50_000, 101, 200
ROUNDS, ROUND_S, MOST_CALLS = 4, 0.02, 20_480
IDIOMS = (
    'df["close"].iloc[-1]',
    "df.close.iloc[-2]",
    'df["close"].values[-1]',
    'df.iloc[-1]["close"]',
    "df.iloc[-1].close",
    "row = df.iloc[-1]; prev = df.iloc[-2]; row['fast'] > row['slow'] and prev['fast'] <= prev['slow']",
    "df.index[-1]",
    "len(df)",
    "df.iat[-1, 3]",
    'df.at[df.index[-1], "close"]',
    'df.loc[df.index[-1], "close"]',
    'df["close"].to_numpy()[-20:]',
    'df["close"].iloc[-20:]',
    'df["high"].iloc[-20:].max()',
    'df["close"].mean()',
    "df.tail(5)",
    "for row in df.tail(5).itertuples(): row.close",
    'df["close"].rolling(20).mean().iloc[-1]',
    'df["close"].ewm(span=12).mean().iloc[-1]',
    '(df["fast"] > df["slow"]).iloc[-1]',
    'df["new"] = df["close"] * 2',
    "df.copy()",
)

Read = Callable[[Any], Any]


def main() -> None:
    """Print a table in Markdown."""
    frame = _frame()
    nothing = _measure(frame, "pass")
    slicing = min(_best(_slicing, frame, len) for _ in range(ROUNDS))
    print(f"Moving the window by a bar: {_spelt(nothing[0])}; `frame.iloc[first:stop]`: {_spelt(slicing)}\n")
    print("| expression | window | pandas | times |\n| --- | ---: | ---: | ---: |")
    for idiom in IDIOMS:
        ours, plain = (max(cost - base, 1e-9) for cost, base in zip(_measure(frame, idiom), nothing, strict=True))
        print(f"| `{idiom}` | {_spelt(ours)} | {_spelt(plain)} | {plain / ours:.1f} |")


def _frame() -> pd.DataFrame:
    """Candles as the engine hands them to a strategy, with two indicators added."""
    rng = np.random.default_rng(1)
    close = 1.1 + np.cumsum(rng.normal(0, 1e-4, BARS))
    times = np.datetime64("2024-01-01", "ms") + np.arange(BARS) * np.timedelta64(60_000, "ms")
    columns = {"open": close, "high": close + 1e-4, "low": close - 1e-4, "close": close}
    frame = pd.DataFrame(columns, index=pd.DatetimeIndex(times, name="time").tz_localize("UTC"))
    frame["tick_volume"], frame["spread"] = np.ones(BARS, np.int64), np.ones(BARS, np.int32)
    frame["fast"], frame["slow"] = frame["close"].ewm(span=12).mean(), frame["close"].ewm(span=26).mean()
    return frame


def _measure(frame: pd.DataFrame, idiom: str) -> tuple[float, float]:
    """Seconds a call on the window, with moving it, and on slices that are there already."""
    source = f"def read(df):\n    {idiom}\n"
    compiled, plain = dict(NAMES), {}
    exec(compile_strategy(source, "idiom.py"), compiled)  # noqa: S102 - one of ours
    exec(compile(source, "idiom.py", "exec"), plain)  # noqa: S102
    rounds = [
        (_best(_on_windows, frame, compiled["read"]), _best(_on_slices, frame, plain["read"])) for _ in range(ROUNDS)
    ]
    return min(ours for ours, _ in rounds), min(plain for _, plain in rounds)


def _best(step: Callable[[pd.DataFrame, Read, int], float], frame: pd.DataFrame, read: Read) -> float:
    calls = 20
    while (taken := step(frame, read, calls)) < ROUND_S and calls < MOST_CALLS:
        calls = min(calls * 4, MOST_CALLS)
    return taken / calls


def _on_windows(frame: pd.DataFrame, read: Read, calls: int) -> float:
    """As `analysis.engine.ticks` does it."""
    moving = MovingWindow(frame, LENGTH)
    held = moving.references
    bind(read.__globals__, moving.window)
    begun = process_time()
    for stop in range(FIRST, FIRST + calls):
        moving.reader.stop = stop
        read(moving.window)
        if getrefcount(moving.window) != held or moving.window.__class__ is pd.DataFrame:
            moving.settle()
            bind(read.__globals__, moving.window)
    taken = process_time() - begun
    moving.close()
    return taken


def _on_slices(frame: pd.DataFrame, read: Read, calls: int) -> float:
    windows = [frame.iloc[stop - LENGTH : stop] for stop in range(FIRST, FIRST + calls)]
    begun = process_time()
    for window in windows:
        read(window)
    return process_time() - begun


def _slicing(frame: pd.DataFrame, read: Read, calls: int) -> float:
    begun = process_time()
    for stop in range(FIRST, FIRST + calls):
        read(frame.iloc[stop - LENGTH : stop])
    return process_time() - begun


def _spelt(seconds: float) -> str:
    return f"{seconds * 1e9:.0f} ns" if seconds < 1e-6 else f"{seconds * 1e6:.3g} µs"


if __name__ == "__main__":
    main()
