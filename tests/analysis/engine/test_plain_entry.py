"""The short way to read the most common action says what the long way says, or leaves the action to it."""

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.engine import BacktestSettings
from analysis.engine.desk import Desk
from analysis.engine.kernel.records import REQUEST
from analysis.engine.simulation import open_market
from analysis.strategy import ActionRefused, parse_action
from tests.analysis.engine.worked import FLAT, GOLD, candles

DESK = Desk(open_market([candles([FLAT] * 3)], [GOLD], BacktestSettings(initial_equity=10_000.0)), 0)
PLAIN = {"action": "OPEN_TRADE", "side": "BUY", "sl": 1900.0, "tp": 2100.0, "risk_percent": 1.0}

floats = st.floats() | st.floats(0.01, 3000.0) | st.floats(0.01, 100.0).map(np.float64)
anything = floats | st.integers(-3, 3000) | st.booleans() | st.none() | st.text(max_size=3) | st.just([])
fields = {
    "action": st.just("OPEN_TRADE") | st.sampled_from(["CLOSE_TRADE", "open_trade", None]),
    "side": st.sampled_from(["BUY", "SELL", "buy", "Long", "up", None, 1, []]),
    "sl": anything,
    "tp": anything,
    "lots": anything,
    "risk_percent": anything,
    "tag": st.text(max_size=3),
    "price": anything,
}


def the_long_way(raw):
    action = parse_action(raw)
    if isinstance(action, ActionRefused):
        return action
    requests = DESK.requests(action, 2)
    return requests if isinstance(requests, ActionRefused) else requests[0]


def same(one, other):
    """Of two requests: NaN is what is not given."""
    row = np.array([one, other], REQUEST)
    return row[:1].tobytes() == row[1:].tobytes()


@given(raw=st.fixed_dictionaries({}, optional=fields))
@settings(max_examples=500)
def test_whatever_is_written_both_say_the_same(raw):
    short = DESK.plain_entry(raw, 2)
    assert short is None or same(short, the_long_way(raw))


@pytest.mark.parametrize(
    "change",
    [{}, {"side": "SELL"}, {"sl": np.float64(1950.5)}, {"risk_percent": 100.0}, {"risk_percent": 1e-9}],
)
def test_the_common_entries_are_read_the_short_way(change):
    short = DESK.plain_entry(PLAIN | change, 2)
    assert short is not None
    assert same(short, the_long_way(PLAIN | change))


def test_lots_are_read_the_short_way_too():
    raw = {name: value for name, value in PLAIN.items() if name != "risk_percent"} | {"lots": 0.1}
    assert same(DESK.plain_entry(raw, 2), the_long_way(raw))


@pytest.mark.parametrize(
    "raw",
    [
        None, [], "BUY", 1.0, PLAIN | {"tag": "x"}, PLAIN | {"side": "buy"}, PLAIN | {"tp": None}, PLAIN | {"sl": 1900},
        PLAIN | {"sl": math.nan}, PLAIN | {"tp": math.inf}, PLAIN | {"risk_percent": 100.1}, PLAIN | {"side": []},
        PLAIN | {"risk_percent": True}, PLAIN | {"action": "CLOSE_TRADE"}, PLAIN | {"sl": -1.0},
        {name: value for name, value in PLAIN.items() if name != "risk_percent"} | {"tag": ""},
    ],
)  # fmt: skip
def test_anything_else_is_left_to_the_long_way(raw):
    assert DESK.plain_entry(raw, 2) is None
