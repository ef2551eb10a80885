"""What a chart or a table shows of a backtest, cut to what was asked for."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.conf import settings
from numpy.typing import NDArray

from analysis.candles import Candles
from analysis.downsample import aggregate_ohlc, fitting_minutes, keep_extremes
from analysis.errors import NoCandles
from analysis.utils.data_processor import load_m1_candles
from bots.errors import Invalid
from bots.models import BacktestRun
from bots.services.artifacts import read_equity, read_overlays


@dataclass(frozen=True)
class Window:
    """A part of a run; None is the run's own start or end. At most `max_points` are answered."""

    start: datetime | None
    end: datetime | None
    max_points: int

    def within(self, run: BacktestRun) -> tuple[datetime, datetime]:
        """The part of the run's window that was asked for; empty when end <= start."""
        start, end = run.data_window_start, run.data_window_end
        return max(start, self.start or start), min(end, self.end or end)


@dataclass(frozen=True)
class EquityPoints:
    """`total` points are in the window; those that are left keep every extreme."""

    total: int
    points: list[Mapping[str, object]]


@dataclass(frozen=True)
class CandleBars:
    """`total` M1 candles are in the window; those that are left are exact candles of `minutes` each."""

    symbol: str
    minutes: int
    total: int
    candles: list[Mapping[str, object]]


@dataclass(frozen=True)
class ChartOverlays:
    """What the strategy draws on the chart of `symbol`."""

    symbol: str
    overlays: Mapping[str, Any]


def equity_points(run: BacktestRun, window: Window) -> EquityPoints:
    """The equity of a completed run from start to end, both included; nothing for a run without a result."""
    start, end = window.within(run)
    if run.status != BacktestRun.Status.COMPLETED or end <= start:
        return EquityPoints(0, [])
    try:
        time, equity = read_equity(run, start, end)
    except FileNotFoundError:  # artifacts may be cleared to make room; the row keeps an outline
        time, equity = _outline(run, start, end)
    kept = keep_extremes(equity, window.max_points)
    points = zip(time[kept].tolist(), equity[kept].tolist(), strict=True)
    return EquityPoints(len(time), [{"timestamp": _moment(at), "equity": round(value, 2)} for at, value in points])


def _outline(run: BacktestRun, start: datetime, end: datetime) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    points = [(datetime.fromisoformat(point["timestamp"]), point["equity"]) for point in run.equity_curve]
    inside = [(round(at.timestamp() * 1000), equity) for at, equity in points if start <= at <= end]
    return np.array([at for at, _ in inside], np.int64), np.array([equity for _, equity in inside], np.float64)


def candle_bars(run: BacktestRun, window: Window, symbol: str | None = None) -> CandleBars:
    """The candles in [start, end) the run was made on, as the store has them now; those of its first symbol, or of
    `symbol`. Raises Invalid for a symbol that is not the run's, CorruptCandles."""
    symbol = _symbol_of(run, symbol)
    start, end = window.within(run)
    try:
        candles = load_m1_candles(symbol, start, end, data_root=settings.MARKET_DATA_ROOT)
    except NoCandles:
        return CandleBars(symbol, 1, 0, [])
    minutes = fitting_minutes(candles.time, window.max_points)
    shown = candles if minutes == 1 else aggregate_ohlc(candles, minutes)
    return CandleBars(symbol, minutes, len(candles), _rows(shown))


def chart_overlays(run: BacktestRun, symbol: str | None = None) -> ChartOverlays:
    """The overlays of a completed run's first symbol, or of `symbol`; none without a result or without its artifacts.

    Raises Invalid for a symbol that is not the run's.
    """
    symbol = _symbol_of(run, symbol)
    if run.status != BacktestRun.Status.COMPLETED:
        return ChartOverlays(symbol, {})
    try:
        return ChartOverlays(symbol, read_overlays(run).get(symbol, {}))
    except FileNotFoundError:  # cleared to make room, or a run from before there were overlays
        return ChartOverlays(symbol, {})


def _symbol_of(run: BacktestRun, symbol: str | None) -> str:
    if symbol is not None and symbol not in run.instrument_symbols:
        raise Invalid(f"The run has no symbol {symbol!r}; it has {', '.join(run.instrument_symbols)}", field="symbol")
    return run.instrument_symbol if symbol is None else symbol


def _rows(candles: Candles) -> list[Mapping[str, object]]:
    names = ("open", "high", "low", "close", "tick_volume")
    columns = zip(*(getattr(candles, name).tolist() for name in names), strict=True)
    return [
        {"time": _moment(at), **dict(zip(names, values, strict=True))}
        for at, values in zip(candles.time.tolist(), columns, strict=True)
    ]


def trade_log(run: BacktestRun, symbol: str | None = None) -> Sequence[Mapping[str, Any]]:
    """The trades of a run, or of one of its symbols, in the order they were opened; none without a result.

    Raises Invalid for a symbol that is not the run's.
    """
    log: Sequence[Mapping[str, Any]] = run.simulated_trades_log
    if symbol is None:
        return log
    named = _symbol_of(run, symbol)
    return [trade for trade in log if trade["symbol"] == named]


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
