"""Whoever knows the future is caught, on every kind of data."""

from itertools import cycle

import pytest

from analysis.errors import RunFailed
from analysis.self_check import Decision
from analysis.self_check.futures import Future
from analysis.self_check.planning import plan_cuts
from tests.analysis.self_check import planted
from tests.analysis.self_check.bench import check, market

BASES = {"Planted", "Crossing", "PeeksOnce"}
CASES = sorted(
    name
    for name, value in vars(planted).items()
    if isinstance(value, type)
    and issubclass(value, planted.Planted)
    and name not in BASES
    and (name.endswith("Ahead") or not name.startswith(("Mask", "Signals")))  # see test_messages.py
)


def code_of(name: str) -> str:
    return "not_deterministic" if name.startswith("Unseeded") else "look_ahead"


@pytest.mark.parametrize(("name", "seed"), list(zip(CASES, cycle((0, 1, 2)), strict=False)))
def test_it_is_caught(name, seed):
    with pytest.raises(RunFailed) as caught:
        check(getattr(planted, name), planted, seed)
    assert caught.value.code == code_of(name), caught.value.message
    assert caught.value.bar_time is not None


@pytest.mark.parametrize("seed", [0, 1, 2])
def test_enough_cuts_are_where_the_strategy_acted(seed):
    """What the chances in docs/self-check.md follow from."""
    candles = market(seed)
    acted = [Decision(bar, 0.0, actions=({"action": "OPEN_TRADE", "side": "BUY"},)) for bar in range(60, 2_900, 17)]
    cuts = plan_cuts(candles, candles.to_frame(), window=50, first_bar=49, acted=acted)
    at = {decision.bar for decision in acted}
    assert len({cut.bar for cut in cuts if cut.bar in at and cut.future is Future.DOWN}) >= 10
    assert len({cut.bar for cut in cuts if cut.bar in at}) >= 14
    assert len(cuts) <= 30


def test_the_audit_catches_what_the_sample_misses():
    check(planted.PeeksOnce, planted, 1, rows=130)
    with pytest.raises(RunFailed, match=r"^level on the bar of 2024-01-04 01:33 UTC is .* in the run, but ") as caught:
        check(planted.PeeksOnce, planted, 1, rows=130, audit=True)
    assert caught.value.code == "look_ahead"
