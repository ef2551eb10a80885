"""What goes into a backtest and what comes out of it."""

import hashlib
import json
import math
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from functools import cached_property
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from analysis.clock import time_zones
from analysis.engine.trades import COLUMNS, Trades
from analysis.strategy import canonical_json
from analysis.timeframes import TIMEFRAME_MS

ENGINE_VERSION = "3"
MAX_REFUSALS_KEPT = 1_000


class Intrabar(StrEnum):
    """Which level a candle is taken to have reached first when its range holds both SL and TP."""

    PESSIMISTIC = "pessimistic"
    OPTIMISTIC = "optimistic"
    OHLC = "ohlc"


@dataclass(frozen=True)
class BacktestSettings:
    """How a run is simulated.

    `slippage_r` is a fraction of a trade's initial risk, `spread_points` applies where candles have no spread
    of their own, `commission_per_lot` is account currency per lot and side, `risk` is handed to the strategy.
    Bars that open before `trade_from` (epoch milliseconds UTC) only warm indicators up. With `leverage` (30
    means 30:1) entries need free margin and positions are stopped out when equity falls to `stop_out_level`
    per cent of the used margin; None simulates neither. Swap is booked every day at `rollover_time` of
    `rollover_timezone`. Raises ValueError for values without a meaning.
    """

    initial_equity: float
    timeframe: str = "M1"
    slippage_ms: int = 0
    slippage_r: float = 0.0
    spread_points: int | None = None
    commission_per_lot: float = 0.0
    intrabar: str = Intrabar.PESSIMISTIC
    risk: Mapping[str, Any] = field(default_factory=dict)
    trade_from: int | None = None
    leverage: float | None = None
    stop_out_level: float = 50.0
    rollover_time: str = "17:00"
    rollover_timezone: str = "America/New_York"

    @property
    def max_open_positions(self) -> int | None:
        """How many trades and waiting entries there may be at a time; None for any number."""
        value = self.risk.get("max_open_positions")
        return None if value is None else int(value)

    def __post_init__(self) -> None:
        object.__setattr__(self, "risk", dict(self.risk))
        if not (math.isfinite(self.initial_equity) and self.initial_equity > 0):
            raise ValueError("initial_equity must be a positive number")
        if self.timeframe not in TIMEFRAME_MS:
            raise ValueError(f"timeframe must be one of {', '.join(TIMEFRAME_MS)}")
        if self.intrabar not in set(Intrabar):
            raise ValueError(f"intrabar must be one of {', '.join(Intrabar)}")
        for name in ("slippage_ms", "slippage_r", "spread_points", "commission_per_lot"):
            value = getattr(self, name)
            if value is not None and not (math.isfinite(value) and value >= 0):
                raise ValueError(f"{name} must not be negative")
        self._check_account()

    def _check_account(self) -> None:
        most = self.risk.get("max_open_positions")
        if most is not None and (isinstance(most, bool) or not isinstance(most, int) or most < 1):
            raise ValueError("risk: max_open_positions must be a whole number above zero")
        if self.leverage is not None and not (math.isfinite(self.leverage) and self.leverage > 0):
            raise ValueError("leverage must be a positive number or None")
        if not 0 <= self.stop_out_level <= 100:
            raise ValueError("stop_out_level must be a per cent between 0 and 100")
        if re.fullmatch(r"([01]\d|2[0-3]):[0-5]\d", self.rollover_time) is None:
            raise ValueError("rollover_time must be HH:MM")
        if self.rollover_timezone not in time_zones():
            raise ValueError(f"rollover_timezone: there is no time zone {self.rollover_timezone!r}")


@dataclass(frozen=True)
class Refusal:
    """An action that was not carried out as asked, at the close (`time`, epoch milliseconds UTC) it was asked
    for.

    `outcome` is "refused", or "reduced" where a trade was opened with fewer lots than asked for.
    """

    time: int
    outcome: str
    code: str
    reason: str
    action: str


class Statistics(Mapping[str, Any]):
    """The figures of a run, worked out when they are first looked at."""

    def __init__(self, work_out: Callable[[], Mapping[str, Any]]) -> None:
        self._work_out = work_out

    @cached_property
    def _figures(self) -> Mapping[str, Any]:
        return self._work_out()

    def __getitem__(self, name: str) -> Any:
        return self._figures[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._figures)

    def __len__(self) -> int:
        return len(self._figures)


class Refusals(Sequence[Refusal]):
    """A list of refusals, worded when it is first looked at."""

    def __init__(self, word: Callable[[], Iterable[Refusal]]) -> None:
        self._word = word

    @cached_property
    def _worded(self) -> tuple[Refusal, ...]:
        return tuple(self._word())

    @overload
    def __getitem__(self, index: int) -> Refusal: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Refusal, ...]: ...
    def __getitem__(self, index: int | slice) -> Refusal | tuple[Refusal, ...]:
        return self._worded[index]

    def __len__(self) -> int:
        return len(self._worded)

    def __eq__(self, other: object) -> bool:
        return self._worded == tuple(other) if isinstance(other, Refusals | tuple) else NotImplemented

    def __repr__(self) -> str:
        return repr(self._worded)

    __hash__ = None  # type: ignore[assignment]


@dataclass(frozen=True)
class BacktestResult:
    """A finished run. `equity` is account currency at `equity_time` (epoch milliseconds UTC): the initial
    equity at the first candle's open, then the marked-to-market equity at every M1 close. `overlays` are
    what a chart draws, by symbol (see analysis/strategy/overlays.py)."""

    engine_version: str
    bars: int
    equity_time: NDArray[np.int64]
    equity: NDArray[np.float64]
    trades: Trades
    stats: Mapping[str, Any]
    warnings: tuple[str, ...]
    refusals: Sequence[Refusal]
    digest: str
    overlays: Mapping[str, Any] = field(default_factory=dict)


def run_digest(
    *,
    settings: BacktestSettings,
    params_json: str,
    code_hash: str,
    data_fingerprint: str,
    instruments: Sequence[Mapping[str, Any]],
    trades: Trades,
    equity: NDArray[np.float64],
) -> str:
    """SHA-256 (hex) over everything a run was made of and everything it traded: the same inputs, the same
    digest."""
    made_of = {
        "engine": ENGINE_VERSION,
        "settings": {**asdict(settings), "risk": canonical_json(settings.risk)},
        "params": params_json,
        "code": code_hash,
        "data": data_fingerprint,
        "instruments": list(instruments),
    }
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True, separators=(",", ":")).encode())
    for name in COLUMNS:
        column = getattr(trades, name)
        if column.dtype == object:
            digest.update("\n".join(column).encode())
        else:
            digest.update(np.ascontiguousarray(column).data)
    digest.update(np.ascontiguousarray(equity, "<f8").data)
    return digest.hexdigest()
