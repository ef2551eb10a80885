"""What goes into a backtest and what comes out of it."""

import hashlib
import json
import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.strategy import canonical_json
from analysis.timeframes import TIMEFRAME_MS

ENGINE_VERSION = "1"
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
    Bars that open before `trade_from` (epoch milliseconds UTC) only warm indicators up. Raises ValueError for
    values without a meaning.
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


@dataclass(frozen=True)
class Trade:
    """A trade from entry to exit. Times are epoch milliseconds UTC, money is account currency.

    `initial_risk` is the money between entry and the first SL, None without one; R figures are None then.
    `pnl` is after `commission` (entry and exit, a cost, never negative) and `swap`. `mae_r` <= 0 <= `mfe_r`
    are the furthest the closing side of the market went against and for the trade. `bars_held` counts bars of
    the run's timeframe.
    """

    id: int
    symbol: str
    side: str
    lots: float
    entry_time: int
    entry_price: float
    exit_time: int
    exit_price: float
    sl: float | None
    tp: float | None
    initial_risk: float | None
    pnl: float
    pnl_r: float | None
    commission: float
    swap: float
    mae_r: float | None
    mfe_r: float | None
    bars_held: int
    exit_reason: str
    intrabar_decided: bool
    tag: str


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


@dataclass(frozen=True)
class BacktestResult:
    """A finished run. `equity` is account currency at `equity_time` (epoch milliseconds UTC): the initial
    equity at the first candle's open, then the marked-to-market equity at every M1 close."""

    engine_version: str
    bars: int
    equity_time: NDArray[np.int64]
    equity: NDArray[np.float64]
    trades: tuple[Trade, ...]
    stats: Mapping[str, Any]
    warnings: tuple[str, ...]
    refusals: tuple[Refusal, ...]
    digest: str


def run_digest(
    *,
    settings: BacktestSettings,
    params_json: str,
    code_hash: str,
    data_fingerprint: str,
    instrument: Mapping[str, Any],
    trades: tuple[Trade, ...],
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
        "instrument": instrument,
        "trades": [asdict(trade) for trade in trades],
    }
    digest = hashlib.sha256(json.dumps(made_of, sort_keys=True, separators=(",", ":")).encode())
    digest.update(equity.astype("<f8").tobytes())
    return digest.hexdigest()
