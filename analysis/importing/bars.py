"""What every format is parsed into before it is judged."""

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

NOT_RECORDED = np.nan  # of volume and spread, while they are still floats


@dataclass(frozen=True)
class RawBars:
    """Rows of a source in its own order; nothing is judged yet.

    `line` is the 1-based line (or row) of the source, `wall_ms` the time as written, in epoch milliseconds;
    volume and spread are NaN where the source has none.
    """

    line: NDArray[np.int64]
    wall_ms: NDArray[np.int64]
    open: NDArray[np.float64]
    high: NDArray[np.float64]
    low: NDArray[np.float64]
    close: NDArray[np.float64]
    volume: NDArray[np.float64]
    spread: NDArray[np.float64]

    def __len__(self) -> int:
        return len(self.line)

    def take(self, rows: NDArray[Any]) -> Self:
        """The rows of a mask or of positions."""
        return type(self)(**{name: getattr(self, name)[rows] for name in _COLUMNS})

    @classmethod
    def join(cls, parts: list[Self]) -> Self:
        """Several blocks as one."""
        return cls(**{name: np.concatenate([getattr(part, name) for part in parts]) for name in _COLUMNS})


_COLUMNS = tuple(RawBars.__dataclass_fields__)


class Rule(StrEnum):
    """Why a row of a source does not become a candle; its first broken rule counts."""

    UNREADABLE = "unreadable"
    UNREADABLE_TIME = "unreadable_time"
    TIME_OUT_OF_RANGE = "time_out_of_range"
    NONEXISTENT_TIME = "nonexistent_time"
    AMBIGUOUS_TIME = "ambiguous_time"
    NOT_A_WHOLE_MINUTE = "not_a_whole_minute"
    NOT_FINITE = "not_finite"
    NOT_POSITIVE = "not_positive"
    BAD_OHLC = "bad_ohlc"
    BAD_VOLUME = "bad_volume"
    BAD_SPREAD = "bad_spread"
    CONFLICT = "conflict"
    DUPLICATE = "duplicate"


@dataclass(frozen=True)
class BadRow:
    """A row that was refused: where it is, its time as far as it is known, and what is wrong with it."""

    line: int
    time: str
    detail: str


@dataclass
class Findings:
    """Refused and collapsed rows: a count per rule, and the first few of each with their place."""

    listed_per_rule: int = 10
    counts: dict[Rule, int] = field(default_factory=dict)
    examples: dict[Rule, list[BadRow]] = field(default_factory=dict)

    def add(self, rule: Rule, count: int, examples: list[BadRow]) -> None:
        """Count rows under a rule; `examples` are the first of them in the order of the source."""
        if count:
            self.counts[rule] = self.counts.get(rule, 0) + count
            kept = self.examples.setdefault(rule, [])
            kept += examples[: self.listed_per_rule - len(kept)]

    @property
    def duplicates(self) -> int:
        """Rows that repeat another one exactly; they are collapsed, not refused."""
        return self.counts.get(Rule.DUPLICATE, 0)

    @property
    def refused(self) -> int:
        """Rows that were not imported, exact duplicates aside."""
        return sum(self.counts.values()) - self.duplicates
