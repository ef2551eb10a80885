"""Did the strategy know the future, and does its fast path say what its run_tick says? See docs/self-check.md."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace

import numpy as np
import pandas as pd

from analysis.candles import Candles
from analysis.self_check.accusing import Accuser
from analysis.self_check.comparing import Difference, first_difference, same_actions
from analysis.self_check.deriving import Decision, Derived, Raised, Remake, ask, derive
from analysis.self_check.futures import Cut, Future, shaken
from analysis.self_check.planning import plan_cuts, reach
from analysis.self_check.replaying import Progress, Replays, Rerun

_MOST_ACTED, _MOST_SIGNALS = 24, 96  # run_tick says again what it said; of entry_signals it is asked anew
_MOST_IDLE = 128
_SHORT_ROWS, _SHORT_WINDOWS = 1_000, 4  # fewer rows, or windows, than that are short data
_LONG_ROWS = 20_000
_SHAKES = 24  # each moves half of the flags that rounding decides


@dataclass(frozen=True)
class Rederivation:
    """What was looked at: bars whose decision was asked for again, bars at which the data were cut, columns."""

    bars_checked: int
    cuts: tuple[int, ...]
    columns: int


def check_run(
    *,
    remake: Remake,
    candles: Candles,
    frame: pd.DataFrame,
    window: int,
    first_bar: int,
    acted: Sequence[Decision],
    idle: Sequence[Decision],
    rerun: Rerun,
    complete_to: int = -1,
    fast: pd.DataFrame | None = None,
    replay: bool = False,
    audit: bool = False,
    on_progress: Progress | None = None,
) -> Rederivation:
    """Re-derive a sample of a finished run on data that know less, or with `audit` every bar.

    `remake` makes the strategy anew, from source that is executed anew: what a module keeps must not survive.
    `candles` are the bars of the run's timeframe, `frame` what `_ensure_indicators` made of all of them and `fast` what
    `fast_outputs` says of that frame. The strategy was first asked at `first_bar` and saw `window` rows. `acted` are
    decisions with actions, ascending, all of them up to the bar `complete_to`; `idle` some without.
    `rerun(bar, future)` runs the backtest of a fresh strategy by `run_tick` alone on the data up to the close of
    `bar`, then on `future` (bars of the run's timeframe, perhaps none), and returns the decisions with actions up to
    `bar`. It is called for strategies that remember, with `replay` for any, and before a decision is called wrong.

    `on_progress(done, total)` is called before each cut, and begins anew when whole backtests follow; what it raises
    passes through. Raises RunFailed (look_ahead, fast_path_mismatch, not_deterministic).
    """
    accuser = Accuser(candles)
    replays = Replays(rerun, candles, [*acted, *idle], complete_to, _fast_path(fast), accuser)
    check = _Check(remake, candles, frame, fast, window, replays, accuser)
    cuts = plan_cuts(candles, frame, window=window, first_bar=first_bar, acted=acted)
    decisions = (
        [*acted, *idle]
        if audit
        else _sample(acted, idle, cuts, reach(len(candles)), signals=replays.fast_path == "entry_signals")
    )
    plan = [(cut, part) for cut, part in _shared_out(cuts, decisions)]
    if audit:
        plan += list(_shared_out([Cut(bar) for bar in range(len(candles))], decisions))
    tell = on_progress or _nobody
    for done, (cut, part) in enumerate(plan):
        tell(done, len(plan))
        check.at(cut, part)
    if check.raised is not None and not check.compared:
        raise accuser.unchecked(check.raised)
    if check.remembers or replay:
        replays.run(acted, idle, audit=audit, on_progress=tell)
    return Rederivation(
        bars_checked=len(check.asked | replays.bars),
        cuts=tuple(sorted({cut.bar for cut, _ in plan} | replays.bars)),
        columns=frame.shape[1] + (0 if fast is None else fast.shape[1]),
    )


def _nobody(done: int, total: int) -> None:
    """Watches."""


def _fast_path(fast: pd.DataFrame | None) -> str | None:
    if fast is None:
        return None
    return "entry_mask" if list(fast.columns) == ["entry_mask"] else "entry_signals"


def _sample(
    acted: Sequence[Decision], idle: Sequence[Decision], cuts: Sequence[Cut], last: int, *, signals: bool
) -> list[Decision]:
    at_cuts = {cut.bar for cut in cuts}
    within = [decision for decision in acted if decision.bar <= last]
    chosen = {decision.bar: decision for decision in _evenly([d for d in idle if d.bar <= last], _MOST_IDLE)}
    chosen |= {decision.bar: decision for decision in _evenly(within, _MOST_SIGNALS if signals else _MOST_ACTED)}
    chosen |= {decision.bar: decision for decision in acted if decision.bar in at_cuts}
    return list(chosen.values())


def _evenly(decisions: Sequence[Decision], most: int) -> list[Decision]:
    if len(decisions) <= most:
        return list(decisions)
    return [decisions[int(i)] for i in np.linspace(0, len(decisions) - 1, most)]


def _shared_out(cuts: Sequence[Cut], decisions: Iterable[Decision]) -> Iterator[tuple[Cut, list[Decision]]]:
    """Each cut with the decisions since the one before: the shortest data that know them."""
    waiting = sorted(decisions, key=lambda decision: -decision.bar)
    for cut in cuts:
        part = []
        while waiting and waiting[-1].bar <= cut.bar:
            part.append(waiting.pop())
        yield cut, part


@dataclass
class _Check:
    remake: Remake
    candles: Candles
    frame: pd.DataFrame
    fast: pd.DataFrame | None
    window: int
    replays: Replays
    accuser: Accuser
    compared: int = 0  # cuts
    raised: Raised | None = None
    remembers: bool = False  # what it decides depends on bars it was asked about before
    asked: set[int] = field(default_factory=set)

    def at(self, cut: Cut, decisions: Sequence[Decision]) -> None:
        """Everything that can be checked on the data of `cut`."""
        derived, found = self._compare(cut)
        if derived is None:
            return
        self.compared += 1
        if found is not None:
            if not self._is_noise(derived):
                self._accuse(derived, found)
            self.replays.noisy = True
            derived = replace(derived, frame=self.frame.iloc[: cut.bar + 1])
        for decision in decisions:
            self._decision(derived, decision)

    def _compare(self, cut: Cut) -> tuple[Derived | None, Difference | None]:
        """What the strategy says on the data of `cut` and where it differs from the run.

        Libraries raise or answer None instead of a column when data are short, and a warm-up may be as long as the data
        allow, which proves nothing: then many bars follow the cut. None when the strategy raises on those too.
        """
        derived = self._derive(cut)
        found = self._difference(derived) if isinstance(derived, Derived) else None
        if isinstance(derived, Derived) and (found is None or not self._proves_nothing(cut, found)):
            return derived, found
        longer = self._longer(cut.bar)
        if longer is None and isinstance(derived, Raised):
            self.raised = self.raised or derived
        return longer, None if longer is None else self._difference(longer)

    def _proves_nothing(self, cut: Cut, found: Difference) -> bool:
        return found.lacking or cut.bar + 1 + cut.rows < max(_SHORT_ROWS, _SHORT_WINDOWS * self.window)

    def _derive(self, cut: Cut) -> Derived | Raised:
        return derive(self.remake, self.candles, cut, with_fast=self.fast is not None)

    def _longer(self, bar: int) -> Derived | None:
        """The same bars with many others after `bar`, at last as many as in the run; None if it raises on all those."""
        lengths = sorted({min(rows, len(self.candles)) for rows in (_LONG_ROWS, len(self.candles))})
        for rows in lengths:
            first: Derived | None = None
            for future in (Future.UP, Future.DOWN, Future.CALM):
                derived = self._derive(Cut(bar, future, max(rows - 1 - bar, _SHORT_ROWS)))
                if isinstance(derived, Derived):
                    if self._difference(derived) is not None:
                        return derived
                    first = first or derived
            if first is not None:
                return first
        return None

    def _difference(self, derived: Derived, shaken: Sequence[Derived] = ()) -> Difference | None:
        rows = derived.cut.bar + 1
        found = first_difference(self.frame, derived.frame, rows, shaken=[one.frame for one in shaken])
        if found is None and self.fast is not None and derived.fast is not None:
            tables = [one.fast for one in shaken if one.fast is not None]
            found = first_difference(self.fast, derived.fast, rows, shaken=tables)
        return found

    def _is_noise(self, derived: Derived) -> bool:
        """Whether all that differs also moves when the prices move by less than any price can."""
        tables: list[Derived] = []
        for seed in range(_SHAKES):
            again = derive(self.remake, shaken(self.candles, seed), derived.cut, with_fast=self.fast is not None)
            if isinstance(again, Raised):
                return False
            tables.append(again)
            if self._difference(derived, tables) is None:
                return True
        return False

    def _accuse(self, derived: Derived, found: Difference) -> None:
        """Raise; by the plain cut if that shows it too."""
        again = self._derive(derived.cut)
        if isinstance(again, Derived):
            changed = first_difference(derived.frame, again.frame, derived.cut.bar + 1)
            if changed is not None:
                raise self.accuser.chance(changed.column, changed.row, changed.first, changed.second)
        whole = self._derive(Cut(len(self.candles) - 1))
        changed = None if isinstance(whole, Raised) else self._difference(whole)
        if changed is not None and not isinstance(whole, Raised) and not self._is_noise(whole):
            raise self.accuser.chance(changed.column, changed.row, changed.first, changed.second)
        if derived.cut.future is not Future.NONE:
            plain = self._derive(Cut(derived.cut.bar))
            shown = None if isinstance(plain, Raised) else self._difference(plain)
            if shown is not None and not shown.lacking and isinstance(plain, Derived):
                derived, found = plain, shown
        raise self.accuser.column(found, derived.cut)

    def _decision(self, derived: Derived, decision: Decision) -> None:
        if self.remembers:
            return
        self.asked.add(decision.bar)
        answer = ask(derived, decision, self.window)
        if isinstance(answer, Raised) or not same_actions(decision.actions, answer):
            self._settle(derived.cut, decision)
            self.remembers = True

    def _settle(self, cut: Cut, decision: Decision) -> None:
        """Raise unless a whole backtest on the data of the cut decides as the run did: then it remembers."""
        answers = []
        for _ in range(2):
            derived = self._derive(cut)
            answers.append(ask(derived, decision, self.window) if isinstance(derived, Derived) else derived)
        one, other = answers
        if not isinstance(one, Raised) and not isinstance(other, Raised) and not same_actions(one, other):
            raise self.accuser.chance("run_tick", decision.bar, one, other)
        self.replays.at(Cut(decision.bar, cut.future, cut.rows))
