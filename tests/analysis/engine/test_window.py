"""The window of `run_tick` answers as a copy of the rows does: the same values, types, errors and warnings."""

import copy
import io
import operator
import pickle
import tracemalloc
from sys import getrefcount

import numpy as np
import pandas as pd
import pytest

from analysis.engine.window import MovingWindow
from analysis.strategy.fast_reads import NAMES, bind, compile_strategy
from tests.analysis.engine.window_expressions import BODIES, EXPRESSIONS

ROWS, LENGTH = 40, 25
NAMESPACE = {"np": np, "pd": pd, "io": io, "copy": copy, "pickle": pickle, "operator": operator}


def numbers(rows=ROWS):
    """Candles with two indicators; a row of it is one of float64."""
    rng = np.random.default_rng(5)
    close = 1.05 + np.cumsum(rng.normal(0, 0.01, rows))
    index = pd.date_range("2024-01-01", periods=rows, freq="min", tz="UTC", unit="ms", name="time")
    frame = pd.DataFrame(
        {
            "open": close + rng.normal(0, 0.01, rows),
            "high": close + 0.02,
            "low": close - 0.02,
            "close": close,
            "tick_volume": rng.integers(1, 90, rows),
            "spread": rng.integers(1, 4, rows).astype(np.int32),
        },
        index=pd.DatetimeIndex(index, freq=None),
    )
    frame["fast"] = frame["close"].rolling(4).mean()
    frame["slow"] = frame["close"].ewm(span=6).mean()
    return frame.copy(deep=False)


def mixed():
    """Columns that numpy does not hold as numbers among them, and some with names that pandas has taken."""
    frame = numbers()
    frame["side"] = np.where(frame["close"] > frame["open"], "up", "down")
    frame["up"] = frame["close"] > frame["open"]
    frame["since"] = frame.index
    frame["small"] = frame["close"].astype("float32")
    frame["max"] = frame["close"].cummax()
    frame["index"] = np.arange(len(frame))
    frame["kind"] = pd.Categorical(frame["side"])
    frame[7] = frame["close"] * 7
    return frame.copy()  # in few blocks: their order decides which column an error is about


def infinite():
    frame = numbers()
    frame.loc[frame.index[3], "close"] = np.inf
    frame.loc[frame.index[9], ["close", "low"]] = -np.inf
    frame.loc[frame.index[5], "high"] = 1e308
    frame.loc[frame.index[6], "high"] = 1e308
    frame["tick_volume"] = frame["tick_volume"].astype("uint64")
    return frame.copy()


def twice_the_same_name():
    frame = numbers()
    frame.columns = ["open", "high", "low", "close", "tick_volume", "spread", "close", "slow"]
    return frame.copy()


MIXED = """
df["side"].iloc[-1]
df.side.iloc[-1]
df["side"].values[-1]
df["up"].iloc[-1]
df["up"].iloc[-2:]
df["up"].sum()
df["up"].mean()
df["up"].max()
df["since"].iloc[-1]
df["since"].values[-1]
df["since"].max()
df["small"].iloc[-1]
df["small"].max()
df["small"].sum()
df["small"].mean()
df["max"].iloc[-1]
df.max
df.max()
df.max.iloc[-1]
df["index"].iloc[-1]
df.index[-1]
df.iloc[-1]["max"]
df.iloc[-1].max
df.iloc[-1].index
df.iloc[-1].up
df["kind"].iloc[-1]
df[7].iloc[-1]
df[7]
df.iloc[-1][7]
df.iloc[-1]["side"]
df[["small", "up"]].iloc[-1]
df[["close", "tick_volume"]].iloc[-1]["tick_volume"]
"""


def function(body, *, fast=True, bound_to=None):
    source = f"def f(df):\n    {body}\n"
    namespace = {**NAMESPACE, **NAMES}
    exec(compile_strategy(source, "s.py") if fast else compile(source, "s.py", "exec"), namespace)
    if bound_to is not None:
        bind(namespace, bound_to.window)
    return namespace["f"]


def outcome(call, *args):
    """What it returns, or what it raises."""
    try:
        return call(*args)
    except Exception as error:  # noqa: BLE001 - compared with the one of pandas
        return type(error), str(error)


def settled(moving, bar):
    """The window at a bar, as the engine hands it out."""
    moving.settle()
    moving.reader.stop = bar + 1
    return moving.window


def rows_of(frame, bar):
    return frame.iloc[bar + 1 - LENGTH : bar + 1].copy()


def kind_of(value):
    for kind in (pd.DataFrame, pd.Series, tuple):
        if isinstance(value, kind):
            return kind
    return type(value)


def assert_same(ours, theirs):
    """The same value, of the same type, which may be pandas' name on an object that is not filled yet."""
    assert kind_of(ours) is kind_of(theirs)
    if isinstance(theirs, pd.DataFrame | pd.Series):
        assert ours._mgr is not None  # pandas' testing compares exact classes
        compare = pd.testing.assert_frame_equal if isinstance(theirs, pd.DataFrame) else pd.testing.assert_series_equal
        compare(ours, theirs, check_exact=True, check_index_type="exact")
        assert (ours.attrs, ours.flags) == (theirs.attrs, theirs.flags)
    elif isinstance(theirs, pd.Index):
        pd.testing.assert_index_equal(ours, theirs, exact=True)
    elif isinstance(theirs, np.ndarray):
        assert_same_array(ours, theirs)
    elif isinstance(theirs, list | tuple):
        assert len(ours) == len(theirs)
        for one, other in zip(ours, theirs, strict=True):
            assert_same(one, other)
    elif isinstance(theirs, dict):
        assert_same(list(ours.items()), list(theirs.items()))
    elif not _is_opaque(theirs):
        assert ours == theirs or (ours != ours and theirs != theirs)


def assert_same_array(ours, theirs):
    if theirs.dtype == object:
        assert_same(ours.tolist(), theirs.tolist())
    else:
        np.testing.assert_array_equal(ours, theirs, strict=True)
    assert ours.flags.writeable == theirs.flags.writeable


def _is_opaque(value):
    """Equal only to itself: methods, accessors, iterators."""
    return type(value).__eq__ is object.__eq__ or callable(value)


@pytest.mark.parametrize(
    ("made", "bar", "fast"),
    [
        (numbers, LENGTH - 1, True),
        (numbers, LENGTH + 5, False),
        (numbers, ROWS - 1, True),
        (mixed, LENGTH + 5, True),
        (infinite, LENGTH - 1, False),
        (twice_the_same_name, ROWS - 1, True),
    ],
)
def test_every_expression_says_what_it_says_of_a_copy_of_the_rows(made, bar, fast, failures):
    frame = made()
    truth = frame.copy()
    moving = MovingWindow(frame, LENGTH)
    for body in [*BODIES, *(f"return {line}" for line in MIXED.split("\n") if line)]:
        theirs = outcome(function(body, fast=False), rows_of(frame, bar))
        moving.settle()
        ours = outcome(function(body, fast=fast, bound_to=moving), settled(moving, bar))
        failures.note(body, lambda ours=ours, theirs=theirs: assert_same(ours, theirs))
        del ours
        assert frame.equals(truth)
    moving.close()
    failures.raise_all()


def test_what_was_kept_says_what_it_said(failures):
    """Whatever a strategy kept, the window included, is asked again bars later."""
    frame = numbers()
    moving = MovingWindow(frame, LENGTH)
    for body in EXPRESSIONS:
        moving.settle()
        call = function(body, bound_to=moving)
        kept = []
        for bar in range(LENGTH - 1, LENGTH + 2):
            window = settled(moving, bar)
            kept.append((bar, window, outcome(call, window)))
            del window
        for bar, window, result in kept:
            theirs = rows_of(frame, bar)
            expected = outcome(call, theirs)
            failures.note(body, lambda result=result, expected=expected: assert_same(result, expected))
            again = outcome(call, window)
            failures.note(f"{body} of a kept one", lambda a=again, b=expected: assert_same(a, b))
            failures.note(body, lambda window=window, theirs=theirs: assert_same(window, theirs))
        del kept, window, result, again
    moving.close()
    failures.raise_all()


def arrays_of(value):
    """Every array that can be reached from a result, and what they are views of."""
    if isinstance(value, pd.DataFrame | pd.Series):
        for block in value._mgr.blocks:
            yield from arrays_of(block.values)
        yield from arrays_of(value.index)
    elif isinstance(value, pd.Index):
        yield from arrays_of(value.asi8 if isinstance(value, pd.DatetimeIndex) else value.to_numpy())
    elif isinstance(value, np.ndarray):
        while isinstance(value, np.ndarray):
            yield value
            value = value.base
    elif isinstance(value, list | tuple):
        for part in value:
            yield from arrays_of(part)


@pytest.mark.parametrize("made", [numbers, mixed])
def test_nothing_that_is_handed_out_is_a_view_of_the_whole_series(made, failures):
    frame = made()
    whole = [frame[name].to_numpy() for name in frame.select_dtypes("number").columns] + [frame.index.asi8]
    moving = MovingWindow(frame, LENGTH)
    for body in BODIES:
        result = outcome(function(body), settled(moving, LENGTH + 5))
        reached = list(arrays_of(result)) + list(arrays_of(moving.window))

        def check(reached=reached):
            assert not any(np.may_share_memory(array, column) for array in reached for column in whole)

        failures.note(body, check)
        del result
    moving.close()
    failures.raise_all()


WRITES_BENEATH = """
df["close"].array[-1] = 0.0
df["close"].array._ndarray[:] = 0.0
df._mgr.blocks[0].values[:] = 0.0
df["close"]._mgr.blocks[0].values[:] = 0.0
df.index._data._ndarray[:] = df.index._data._ndarray[0]
df.columns.values[:] = "x"
v = df["close"].values; v.flags.writeable = True; v[:] = 0.0
v = df["close"].to_numpy(); v.setflags(write=True); v[:] = 0.0
v = df["close"].iloc[-5:].values; v.flags.writeable = True; v[:] = 0.0
v = np.asarray(df["close"]); v.flags.writeable = True; v[:] = 0.0
v = df.values; v.flags.writeable = True; v[:] = 0.0
v = df.index.values; v.flags.writeable = True; v[:] = v[0]
v = df.iloc[-1].values; v.flags.writeable = True; v[:] = 0.0
v = df.iloc[-3:]["close"].values; v.flags.writeable = True; v[:] = 0.0
v = df.tail(3)._mgr.blocks[0].values; v.flags.writeable = True; v[:] = 0.0
"""


@pytest.mark.parametrize("body", [line for line in WRITES_BENEATH.splitlines() if line])
def test_a_write_past_pandas_reaches_no_other_bar(body):
    frame = numbers()
    truth = frame.copy()
    moving = MovingWindow(frame, LENGTH)
    outcome(function(body), settled(moving, LENGTH))
    assert_same(settled(moving, LENGTH + 1).copy(), rows_of(truth, LENGTH + 1))
    pd.testing.assert_frame_equal(frame, truth, check_exact=True)


def test_a_kept_window_of_a_finished_run_can_still_be_read():
    frame = numbers()
    moving = MovingWindow(frame, LENGTH)
    first, second, third = (settled(moving, bar) for bar in range(LENGTH, LENGTH + 3))
    moving.close()
    for bar, window in zip(range(LENGTH, LENGTH + 3), (first, second, third), strict=True):
        assert window.iloc[-1]["close"] == frame["close"].iloc[bar]
        assert_same(window, rows_of(frame, bar))


def test_names_given_to_a_window_are_gone_on_the_next_bar():
    moving = MovingWindow(numbers(), LENGTH)
    window = settled(moving, LENGTH)
    window.index.name, window.columns.name = "t", "c"
    del window
    assert (settled(moving, LENGTH + 1).index.name, moving.window.columns.name) == ("time", None)


def test_memory_does_not_grow_with_the_bars():
    frame = numbers(20_000)
    read = function(
        "return df['close'].iloc[-1], df['high'].iloc[-5:].max(), df.tail(2), df.iloc[-1]['low'], df.close.mean()"
    )
    moving = MovingWindow(frame, LENGTH)
    held = moving.references

    def go(first, stop):
        for bar in range(first, stop):
            moving.reader.stop = bar + 1
            read(moving.window)
            if getrefcount(moving.window) != held or moving.window.__class__ is pd.DataFrame:
                moving.settle()

    go(LENGTH, 1000)
    tracemalloc.start()
    go(1000, 1500)
    before = tracemalloc.get_traced_memory()[0]
    tracemalloc.reset_peak()
    go(1500, 4500)
    now, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert now - before < 20_000
    assert peak - before < 100_000


def test_moving_the_window_copies_nothing_of_the_series():
    frame = numbers(200_000)
    tracemalloc.start()
    moving = MovingWindow(frame, LENGTH)
    made = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    moving.close()
    assert made < 300_000  # one column is 1.6 million bytes


class Failures:
    def __init__(self):
        self.found = {}

    def note(self, what, check):
        try:
            check()
        except AssertionError as error:
            self.found[what] = str(error)

    def raise_all(self):
        if self.found:
            pytest.fail("\n".join(f"{what}\n    {error[:400]}" for what, error in self.found.items()))


@pytest.fixture
def failures():
    return Failures()
