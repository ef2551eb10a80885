"""What is said about a strategy: the bar (UTC), both values, and what to look at."""

import pytest

from analysis.engine import BacktestSettings, Leg, run_portfolio
from analysis.errors import RunFailed
from tests.analysis.self_check import planted
from tests.analysis.self_check.bench import EURUSD, check, first_rows, market, remaker


def accusation(name, seed=1, **how):
    with pytest.raises(RunFailed) as caught:
        check(getattr(planted, name), planted, seed, **how)
    return caught.value


def test_a_column_is_named_with_its_bar_and_its_value_with_and_without_the_future():
    failed = accusation("NextCloseColumn")
    closes = {f"{time:%Y-%m-%d %H:%M}": close for time, close in market(1).to_frame()["close"].items()}
    times = list(closes)
    at = times.index(f"{failed.bar_time:%Y-%m-%d %H:%M}")
    following = closes[times[at + 1]]
    assert failed.message.startswith(f"next_close on the bar of {times[at]} UTC is {following} in the run, but ")
    assert f"the bar of {times[at]} UTC. The strategy uses what it cannot know yet" in failed.message


def test_a_decision_is_shown_with_and_without_the_future():
    failed = accusation("PeeksAndRaises")
    assert failed.message.startswith(f"run_tick on the bar of {failed.bar_time:%Y-%m-%d %H:%M} UTC says [{{'action'")
    assert failed.message.count("'tp': ") == 2


@pytest.mark.parametrize(
    ("name", "said", "to_do"),
    [
        (
            "SignalsWrongStop",
            "run_tick says [{'action': 'OPEN_TRADE', 'side': 'BUY', 'lots': 0.1, 'sl': ",
            "Look at sl",
        ),
        ("SignalsWrongSide", "entry_signals says [{'action': 'OPEN_TRADE', 'side': 'SELL'", "Look at side"),
        ("SignalsWrongSize", "'lots': 0.2", "Look at lots"),
        ("SignalsWrongTarget", "'tp': ", "Look at tp"),
        ("SignalsOneBarLate", "entry_signals says nothing, but run_tick says [{", "too early or too late"),
        ("SignalsTooMany", "but run_tick says nothing", "lacks a condition"),
        ("SignalsWhileOpen", "but run_tick says nothing", "lacks a condition"),
        ("SignalsTooFew", "entry_signals says nothing, but run_tick says [{", "one condition too many"),
        ("MaskForgetsShorts", "entry_mask says nothing, but run_tick says [{", "'side': 'SELL'"),
        ("MaskForgetsAnHour", "entry_mask says nothing", "14:"),
        ("MaskForgetsHalf", "entry_mask says nothing", "but run_tick says [{"),
        ("MaskOneBarLate", "entry_mask says nothing", "must be true on every bar on which run_tick could act"),
        ("MaskOfMemory", "entry_mask says ", "must not depend on how often it is asked"),
    ],
)
def test_a_fast_path_is_shown_beside_run_tick(name, said, to_do):
    failed = accusation(name)
    assert failed.code == "fast_path_mismatch"
    assert f"On the bar of {failed.bar_time:%Y-%m-%d %H:%M} UTC entry_" in failed.message
    assert said in failed.message
    assert to_do in failed.message


def test_chance_without_a_seed_is_called_that():
    failed = accusation("UnseededColumn")
    assert failed.code == "not_deterministic"
    assert "on the very same data" in failed.message


def test_who_works_on_the_data_of_the_run_only_is_told():
    assert "raises ValueError: the cache is of other data on data that end with" in accusation("CachedTable").message


def test_the_audit_tells_its_progress_and_can_be_stopped():
    told = []

    class Stopped(Exception):
        pass

    def watch(done, total):
        told.append((done, total))
        if len(told) > 4:
            raise Stopped

    remake = remaker(planted.Crossing, planted)
    with pytest.raises(Stopped):
        _audited(remake, watch)
    assert told[0] == (0, 300)
    assert told[-1][1] > 300  # cuts, not bars


def _audited(remake, watch):
    leg = Leg(remake(), first_rows(market(1), 300), EURUSD, remake)
    return run_portfolio([leg], BacktestSettings(initial_equity=100_000.0), watch, audit=True)
