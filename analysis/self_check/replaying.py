"""Whole backtests on data that know less: the judge of strategies that remember, and of every suspicion."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field

from analysis.candles import Candles
from analysis.errors import RunFailed
from analysis.self_check.accusing import Accuser
from analysis.self_check.comparing import same_actions
from analysis.self_check.deriving import Decision, Raised
from analysis.self_check.futures import Cut, Future, other_future
from analysis.self_check.planning import against

Rerun = Callable[[int, Candles], Sequence[Decision]]
Progress = Callable[[int, int], None]
Actions = Mapping[int, Sequence[object]]

_SHARE = 16  # of the run's bars are replayed at most, if that reaches the first action
_CHEAP_BARS = 10_000
_TAIL_ROWS = 64
_MANY_ROWS = 4096
_STEPS = 6


@dataclass
class Replays:
    """Compares whole backtests on cut data with the decisions of the run."""

    rerun: Rerun
    candles: Candles
    recorded: Sequence[Decision]
    complete_to: int  # up to here `recorded` has every decision with actions
    fast_path: str | None
    accuser: Accuser
    noisy: bool = False  # some columns are rounding alone, and so may be what is decided by them
    bars: set[int] = field(default_factory=set)

    def run(self, acted: Sequence[Decision], idle: Sequence[Decision], *, audit: bool, on_progress: Progress) -> None:
        """Replay the sample that a strategy that remembers is judged by."""
        decisions = [*acted, *idle] if audit else self._affordable(acted, idle)
        for turn, decision in enumerate(decisions):
            on_progress(turn, len(decisions))
            futures = (against(decision),) if decision.actions else (Future.UP, Future.DOWN)
            future = Future.NONE if turn % 3 == 2 else futures[turn % len(futures)]
            self.at(Cut(decision.bar, future, 0 if future is Future.NONE else _TAIL_ROWS))
            if audit and future is not Future.NONE:
                self.at(Cut(decision.bar))

    def at(self, cut: Cut) -> None:
        """Raise RunFailed if the backtest on the data of `cut` decides otherwise than the run did."""
        if self.noisy:
            return
        self.bars.add(cut.bar)
        proven = False
        for tried in (cut, *_longer(cut, len(self.candles))):
            replayed = self._replay(tried)
            if isinstance(replayed, Raised):  # on short data that proves nothing: on to longer ones
                continue
            bar = self._first_mismatch(replayed, cut.bar)
            if bar is not None:
                raise self._judged(tried, bar, replayed.get(bar, ()))
            if tried is cut:
                return
            proven = True
        if not proven:
            self._blame_raising(cut)

    def _affordable(self, acted: Sequence[Decision], idle: Sequence[Decision]) -> list[Decision]:
        """The first action, then the last ones within ever smaller parts of the budget, and bars without one."""
        budget = max(len(self.candles) // _SHARE, min(2 * len(self.candles), _CHEAP_BARS))
        chosen: dict[int, Decision] = {decision.bar: decision for decision in acted[:1]}
        for step in range(1, _STEPS):
            kind = idle if step % 3 == 2 else acted
            for decision in reversed(kind):
                if decision.bar <= budget // 2**step and decision.bar not in chosen:
                    chosen[decision.bar] = decision
                    break
        return [decision for bar, decision in sorted(chosen.items()) if bar not in self.bars]

    def _replay(self, cut: Cut) -> Actions | Raised:
        try:
            decisions = self.rerun(cut.bar, other_future(self.candles, cut))
        except RunFailed as error:
            return Raised(cut, error)
        return {decision.bar: decision.actions for decision in decisions}

    def _first_mismatch(self, replayed: Actions, last: int) -> int | None:
        recorded = {decision.bar: decision.actions for decision in self.recorded if decision.bar <= last}
        new = {bar for bar in replayed if bar <= min(last, self.complete_to)}
        for bar in sorted(recorded.keys() | new):
            if not same_actions(recorded.get(bar, ()), replayed.get(bar, ())):
                return bar
        return None

    def _blame_raising(self, cut: Cut) -> None:
        """Raise if `run_tick` cannot do the run at all; a strategy may refuse data that are short or strange."""
        whole = self._replay(Cut(len(self.candles) - 1))
        if isinstance(whole, Raised):
            recorded = next((decision.actions for decision in self.recorded if decision.bar == cut.bar), ())
            raise self._disagreement(cut.bar, recorded, whole)

    def _judged(self, cut: Cut, bar: int, otherwise: Sequence[object]) -> RunFailed:
        """What the difference at `bar` is: a look ahead only if the whole data give what the run gave."""
        recorded = next((decision.actions for decision in self.recorded if decision.bar == bar), ())
        whole = self._replay(Cut(len(self.candles) - 1))
        plain = whole if isinstance(whole, Raised) else whole.get(bar, ())
        if not isinstance(plain, Raised) and same_actions(plain, recorded):
            return self.accuser.decision(bar, recorded, otherwise, cut)
        return self._disagreement(bar, recorded, plain)

    def _disagreement(self, bar: int, recorded: Sequence[object], plain: Sequence[object] | Raised) -> RunFailed:
        if self.fast_path is not None:
            return self.accuser.fast_path(self.fast_path, bar, recorded, plain)
        return self.accuser.chance("run_tick", bar, recorded, plain)


def _longer(cut: Cut, bars: int) -> list[Cut]:
    rows = min(max(bars - 1 - cut.bar, _TAIL_ROWS), _MANY_ROWS)
    return [Cut(cut.bar, future, rows) for future in (Future.UP, Future.DOWN)]
