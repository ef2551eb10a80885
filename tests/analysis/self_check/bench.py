"""Backtests of strategies from a module of many, with the self-check, on made-up markets."""

import warnings
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

from analysis.candles import COLUMNS, Candles
from analysis.engine import BacktestResult, BacktestSettings, Leg, run_portfolio
from analysis.importing.demo_data import make_demo_candles
from analysis.instrument import Instrument
from analysis.timeframes import closed_bars

EURUSD = Instrument(
    symbol="EURUSD", digits=5, point=1e-5, tick_size=1e-5, tick_value=1.0, contract_size=100_000,
    volume_min=0.01, volume_max=100, volume_step=0.01, spread_points=10,
)  # fmt: skip
TIMEFRAMES = ("H1", "M1", "M15")
_DAYS = {"M1": 6, "M15": 60, "H1": 190}
_BARS = {"M1": 4_500, "M15": 3_600, "H1": 3_000}

Remake = Callable[[], Any]


def timeframe(seed: int) -> str:
    return TIMEFRAMES[seed % 3]


@cache
def market(seed: int) -> Candles:
    """4,500 candles of a minute, 3,600 of a quarter of an hour or 3,000 of an hour, by the seed."""
    start = datetime(2024, 1, 3, tzinfo=UTC) + timedelta(days=seed % 5)
    m1 = make_demo_candles("EURUSD", start=start, end=start + timedelta(days=_DAYS[timeframe(seed)]), seed=seed)
    return first_rows(closed_bars(m1, timeframe(seed)).candles, _BARS[timeframe(seed)])


def first_rows(candles: Candles, rows: int) -> Candles:
    return Candles(candles.symbol, **{name: getattr(candles, name)[:rows] for name in COLUMNS})


@cache
def _compiled(module: ModuleType) -> Any:
    path = Path(str(module.__file__))
    return compile(path.read_text(), str(path), "exec", dont_inherit=True)


def remaker(strategy_class: type[Any], module: ModuleType) -> Remake:
    """Makes the strategy from a module that is executed anew each time, as the platform does."""

    def remake() -> Any:
        fresh: dict[str, Any] = {"__name__": module.__name__, "__file__": module.__file__}
        exec(_compiled(module), fresh)
        return fresh[strategy_class.__name__]({}, {}, "EURUSD", "", EURUSD, 10.0)

    return remake


def check(
    strategy_class: type[Any],
    module: ModuleType,
    seed: int,
    *,
    audit: bool = False,
    rows: int | None = None,
    **more: Any,
) -> BacktestResult:
    """The backtest on the market of the seed; RunFailed if the self-check has something to say."""
    remake = remaker(strategy_class, module)
    candles = market(seed) if rows is None else first_rows(market(seed), rows)
    settings = BacktestSettings(initial_equity=100_000.0, timeframe=timeframe(seed), **more)
    with warnings.catch_warnings(action="ignore"):
        return run_portfolio([Leg(remake(), candles, EURUSD, remake)], settings, audit=audit)
