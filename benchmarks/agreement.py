"""Whether an engine's trades are the right ones: those of the referee, played by the engine's own fill model."""

from dataclasses import astuple, dataclass
from functools import cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from benchmarks.peers import kernels, rules
from benchmarks.peers.protocol import Outcome, load_candles

_SAME_PRICE = 2e-9  # the coarsest tick among the engines is 1e-9


@dataclass(frozen=True)
class FillModel:
    """How an engine fills where the others do it otherwise (see `kernels.simulate`). The default is the benchmark's."""

    entry_bar_live: bool = True
    beside_entry: bool = False
    enter_at_close: bool = False
    by_path: bool = False
    at_trigger: bool = False

    @property
    def differs(self) -> str:
        """The names of the differences, empty for the benchmark's own model."""
        named = {
            "entry bar not checked": not self.entry_bar_live,
            "no stop beyond the entry": self.beside_entry,
            "entry at the close": self.enter_at_close,
            "path O-H-L-C": self.by_path,
            "no gap fills": self.at_trigger,
        }
        return ", ".join(name for name, there in named.items() if there)


COMMON = FillModel()


class Referee:
    """Plays the work by any fill model on one candles file."""

    def __init__(self, candles_file: Path) -> None:
        self._file = candles_file
        self._play = cache(self._simulate)

    def verdict(self, outcome: Outcome, fills: FillModel) -> str:
        """In a few words: the same trades, the same by its own fill model, or how many are not."""
        expected = self._play(fills)
        same = _same_trades(outcome, expected)
        if not same:
            return f"DIFFERS: {_shared(outcome, expected):,} of {len(outcome.side):,} are the referee's"
        reached = outcome.final_equity / expected.final_equity - 1
        equity = "" if abs(reached) < 5e-6 else f", equity {reached:+.2%}"
        if not fills.differs:
            return f"exact{equity}"
        if fills.enter_at_close:  # the same decision is filled a bar later by the benchmark's model
            outcome = outcome._replace(entry_bar=outcome.entry_bar + 1)
        common = _shared(outcome, self._play(COMMON)) / len(outcome.side)
        return f"exact by its fill model ({fills.differs}){equity}; {common:.1%} of them the benchmark's"

    def expected_trades(self, fills: FillModel = COMMON) -> int:
        """How many trades the referee closes."""
        return len(self._play(fills).side)

    def _simulate(self, fills: FillModel) -> Outcome:
        candles = load_candles(self._file)
        prices = np.stack(candles[1:])
        _, high, low, close = prices
        fast, slow = kernels.ema(close, rules.FAST), kernels.ema(close, rules.SLOW)
        side = kernels.crossings(fast, slow)
        stop, target = kernels.levels(side, close, kernels.atr(high, low, close, rules.ATR))
        *trades, equity = kernels.simulate(prices, side, stop, target, *astuple(fills))
        return Outcome(*trades, kernels.after_last_exit(equity, trades[1]))


def load_outcome(path: Path) -> Outcome:
    """What a program wrote at `finish`."""
    with np.load(path) as columns:
        return Outcome(*(columns[name] for name in Outcome._fields))


def _same_trades(one: Outcome, other: Outcome) -> bool:
    if len(one.side) != len(other.side):
        return False
    bars = (np.array_equal(one[column], other[column]) for column in range(3))
    prices = (np.allclose(one[column], other[column], rtol=0, atol=_SAME_PRICE) for column in (3, 4))
    return all(bars) and all(prices)


def _shared(one: Outcome, other: Outcome) -> int:
    return len(np.intersect1d(_keys(one), _keys(other)))


def _keys(outcome: Outcome) -> NDArray[np.int64]:
    """Bars and side of a trade in one number."""
    entry, exit_, side = (np.asarray(outcome[column], np.int64) for column in range(3))
    return (entry * 2**31 + exit_) * 2 + (side > 0)
