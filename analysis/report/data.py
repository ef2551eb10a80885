"""What a report is made of: plain values, whoever gathers them."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray


@dataclass(frozen=True)
class Reproducibility:
    """What the run was made of, and the command that makes it again. What is empty is left out."""

    run_id: str
    engine_version: str = ""
    code_hash: str = ""
    data_fingerprint: str = ""
    digest: str = ""
    verify_command: str = ""
    params: Mapping[str, Any] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    instruments: Sequence[Mapping[str, Any]] = ()
    candles: Sequence[Mapping[str, Any]] = ()


@dataclass(frozen=True)
class ReportData:
    """A completed run. `stats` are those of `analysis.metrics.summarize`: a section without its figures is left out.

    `equity_time` is epoch milliseconds UTC; `outline_only` says that the curve is not every point there was. `trades`
    are the first rows of the log, with times in ISO 8601, `trades_total` how many rows there are, and `trades_url`
    where all of them are (http or https; any other is not shown).
    """

    title: str
    symbols: Sequence[str]
    timeframe: str
    start: datetime
    end: datetime
    made_at: datetime
    reproducibility: Reproducibility
    stats: Mapping[str, Any] = field(default_factory=dict)
    warnings: Sequence[str] = ()
    equity_time: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, np.int64))
    equity: NDArray[np.float64] = field(default_factory=lambda: np.empty(0))
    outline_only: bool = False
    trades: Sequence[Mapping[str, Any]] = ()
    trades_total: int = 0
    trades_url: str = ""
    refusals: Sequence[Mapping[str, Any]] = ()
