"""What a strategy prepares: taken as it is, on the candles' own memory where that says the same."""

import numpy as np
import pytest

from analysis.engine.driver import StrategyDriver
from analysis.timeframes import closed_bars
from tests.analysis.engine.worked import Script, candles

MARKET = candles([(100.0 + i, 101.0 + i, 99.0 + i, 100.5 + i) for i in range(20)])


def prepared(change):
    """The driver's frame for a strategy that returns `change(df)`."""
    script = Script({})
    script._ensure_indicators = change
    return StrategyDriver(script, closed_bars(MARKET, "M1")).frame


def add(df):
    df["sum"] = df["close"].cumsum()
    return df


def shares(frame, name):
    return np.shares_memory(frame[name].to_numpy(), MARKET.to_frame()[name].to_numpy())


@pytest.mark.parametrize("copy", [lambda df: df.copy(), lambda df: df.copy(deep=False), lambda df: df + 0])
def test_a_copy_of_the_candles_gives_way_to_the_candles(copy):
    frame = prepared(lambda df: add(copy(df)))
    assert all(shares(frame, name) for name in MARKET.to_frame().columns)
    expected = add(MARKET.to_frame())
    assert frame.equals(expected)
    assert list(frame.columns) == list(expected.columns)


def changed(df):
    df = df.copy()
    df.loc[df.index[7], "low"] = 1.0
    return add(df)


@pytest.mark.parametrize(
    "change",
    [
        changed,
        lambda df: add(df.astype({"spread": "int64"})),
        lambda df: add(df.copy())[["sum", "open", "close", "high", "low", "tick_volume", "spread"]],
        lambda df: add(df.copy()).set_flags(allows_duplicate_labels=True).assign(close=lambda d: d["close"] * 2),
    ],
)
def test_anything_else_is_kept_as_it_is(change):
    frame, expected = prepared(change), change(MARKET.to_frame())
    assert frame.equals(expected)
    assert list(frame.columns) == list(expected.columns)
    assert frame.dtypes.equals(expected.dtypes)


def test_what_a_strategy_notes_on_its_frame_stays():
    def note(df):
        df = add(df.copy())
        df.attrs["made by"] = "me"
        return df

    assert prepared(note).attrs == {"made by": "me"}


def test_writing_into_the_frame_that_was_kept_changes_nothing():
    kept = []
    frame = prepared(lambda df: kept.append(add(df.copy())) or kept[0])
    kept[0]["sum"] = 0.0
    kept[0].iloc[:, :] = -1.0
    assert frame.equals(add(MARKET.to_frame()))
