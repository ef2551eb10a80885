"""What every format is parsed into before it is judged."""

from dataclasses import dataclass, field
from typing import Any, Self

import numpy as np
from numpy.typing import NDArray

NOT_RECORDED = np.nan  # of volume and spread, while they are still floats


@dataclass(frozen=True)
class RawBars:
    """Rows of a source in its own order; nothing is judged yet.

    `line` is the 1-based line (or row) of the source, `wall_ms` the time as written, in epoch milliseconds; volume
    and spread are NaN where the source has none.
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
    counts: dict[str, int] = field(default_factory=dict)
    examples: dict[str, list[BadRow]] = field(default_factory=dict)

    def add(self, rule: str, count: int, examples: list[BadRow]) -> None:
        """Count rows under a rule; `examples` are the first of them in the order of the source."""
        if count:
            self.counts[rule] = self.counts.get(rule, 0) + count
            kept = self.examples.setdefault(rule, [])
            kept += examples[: self.listed_per_rule - len(kept)]

    @property
    def total(self) -> int:
        """All rows counted so far."""
        return sum(self.counts.values())
