"""The sentences in which a run is told what is wrong with its strategy."""

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

import numpy as np

from analysis.candles import Candles
from analysis.errors import RunFailed
from analysis.self_check.comparing import Difference, same_actions
from analysis.self_check.deriving import Raised
from analysis.self_check.futures import Cut, Future
from analysis.strategy import ActionRefused, describe, parse_action

_LONGEST = 300


class Accuser:
    """Writes the failures of one run: every message has the bar, the column or actions, and both values."""

    def __init__(self, candles: Candles) -> None:
        self._candles = candles

    def column(self, difference: Difference, cut: Cut) -> RunFailed:
        """A value that depends on later bars."""
        return self._failed(
            "look_ahead",
            f"{difference.column} on the bar of {self._at(difference.row)} is {_spell(difference.first)} in the run, "
            f"but {_spell(difference.second)} when {self._known(cut)}. The strategy uses what it cannot know yet",
            difference.row,
        )

    def decision(self, bar: int, recorded: Sequence[object], other: Sequence[object] | Raised, cut: Cut) -> RunFailed:
        """An action that depends on later bars."""
        return self._failed(
            "look_ahead",
            f"run_tick on the bar of {self._at(bar)} {_answer(recorded)} in the run, but {_answer(other)} when "
            f"{self._known(cut)}. The strategy uses what it cannot know yet",
            bar,
        )

    def unchecked(self, raised: Raised) -> RunFailed:
        """A strategy that works on no other data than those of the run."""
        return self._failed(
            "look_ahead",
            f"_ensure_indicators {_answer(raised)} on data that end with the bar of {self._at(raised.cut.bar)}, and on "
            "all others that go on otherwise than in the run. It must not depend on what comes later",
            raised.cut.bar,
        )

    def fast_path(self, path: str, bar: int, recorded: Sequence[object], plain: Sequence[object] | Raised) -> RunFailed:
        """A fast path that says something else than run_tick."""
        return self._failed(
            "fast_path_mismatch",
            f"On the bar of {self._at(bar)} {path} {_answer(recorded)}, but run_tick {_answer(plain)}. "
            f"{_where_to_look(path, recorded, plain)}",
            bar,
        )

    def chance(self, what: str, bar: int, first: object, second: object) -> RunFailed:
        """A strategy that does not repeat itself on the same data."""
        return self._failed(
            "not_deterministic",
            f"{what} on the bar of {self._at(bar)} was {_spell(first)} and then {_spell(second)} on the very same "
            "data. Give random numbers a seed in __init__, and keep nothing outside of the instance",
            bar,
        )

    def _failed(self, code: str, message: str, bar: int) -> RunFailed:
        return RunFailed(code, message, bar_time=self._time(bar))

    def _known(self, cut: Cut) -> str:
        if cut.future is Future.NONE:
            return f"the data end with the bar of {self._at(cut.bar)}"
        return f"other prices follow after the bar of {self._at(cut.bar)}"

    def _at(self, bar: int) -> str:
        return f"{self._time(bar):%Y-%m-%d %H:%M} UTC"

    def _time(self, bar: int) -> datetime:
        return datetime.fromtimestamp(int(self._candles.time[bar]) / 1000, UTC)


def _where_to_look(path: str, recorded: Sequence[object], plain: Sequence[object] | Raised) -> str:
    """What to look at when a fast path and run_tick disagree."""
    if isinstance(plain, Raised):
        return f"run_tick must do without {path} what it does with it"
    if path == "entry_mask":
        return (
            "entry_mask must be true on every bar on which run_tick could act, and run_tick must not depend on how "
            "often it is asked"
        )
    if not recorded:
        return "entry_signals has no side there: it comes a bar too early or too late, or has one condition too many"
    if not plain:
        return "entry_signals has a side there: it comes a bar too early or too late, or lacks a condition"
    names = _unlike(recorded[0], plain[0])
    return f"Look at {', '.join(names)}" if names else "entry_signals has one action a bar"


def _unlike(first: object, second: object) -> list[str]:
    """The keys in which two actions differ."""
    a, b = parse_action(first), parse_action(second)
    if isinstance(a, ActionRefused) or isinstance(b, ActionRefused):
        return [] if same_actions([first], [second]) else ["what one of them would be refused for"]
    one, other = a._asdict(), b._asdict()
    return [name for name in one if one[name] != other.get(name)]


def _answer(actions: Sequence[object] | Raised) -> str:
    if isinstance(actions, Raised):
        return f"raises {describe(actions.error)[:_LONGEST]}"
    return f"says {_spell(list(actions))}" if actions else "says nothing"


def _spell(value: object) -> str:
    """Any value, bounded, whatever its `repr` does."""
    if isinstance(value, Raised):
        return _answer(value)
    try:
        text = repr(_without_numpy(value))
    except Exception:  # noqa: BLE001 - the strategy's own objects
        text = f"a value of type {type(value).__name__}"
    return text if len(text) <= _LONGEST else f"{text[: _LONGEST - 3]}..."


def _without_numpy(value: Any) -> Any:
    """The value with Python's numbers, also within actions."""
    if isinstance(value, list):
        return [_without_numpy(one) for one in value]
    if isinstance(value, dict):
        return {key: _without_numpy(one) for key, one in value.items()}
    return value.item() if isinstance(value, np.generic) else value
