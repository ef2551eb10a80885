"""What a chart or a table shows of a backtest, cut to what was asked for."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import numpy as np
from django.conf import settings
from django.db.models import F, Func, IntegerField, JSONField, Value
from numpy.typing import NDArray

from analysis.candles import Candles
from analysis.downsample import aggregate_ohlc, fitting_minutes, keep_extremes
from analysis.errors import NoCandles
from analysis.utils.data_processor import load_m1_candles
from bots.models import BacktestRun
from bots.services.artifacts import read_equity


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


def candle_bars(run: BacktestRun, window: Window) -> CandleBars:
    """The candles in [start, end) the run was made on, as the store has them now. Raises CorruptCandles."""
    start, end = window.within(run)
    try:
        candles = load_m1_candles(run.instrument_symbol, start, end, data_root=settings.MARKET_DATA_ROOT)
    except NoCandles:
        return CandleBars(run.instrument_symbol, 1, 0, [])
    minutes = fitting_minutes(candles.time, window.max_points)
    shown = candles if minutes == 1 else aggregate_ohlc(candles, minutes)
    return CandleBars(run.instrument_symbol, minutes, len(candles), _rows(shown))


def _rows(candles: Candles) -> list[Mapping[str, object]]:
    names = ("open", "high", "low", "close", "tick_volume")
    columns = zip(*(getattr(candles, name).tolist() for name in names), strict=True)
    return [
        {"time": _moment(at), **dict(zip(names, values, strict=True))}
        for at, values in zip(candles.time.tolist(), columns, strict=True)
    ]


class TradeLog:
    """The trades of a run as a sequence a paginator can cut; the database cuts it, not we."""

    def __init__(self, run: BacktestRun) -> None:
        self._row = BacktestRun.objects.filter(pk=run.pk)

    def __len__(self) -> int:
        length = Func(F("simulated_trades_log"), function="jsonb_array_length", output_field=IntegerField())
        return int(self._row.values_list(length, flat=True).get())

    def __getitem__(self, rows: slice) -> list[Mapping[str, Any]]:
        if rows.stop <= rows.start:
            return []
        path = Value(f"$[{int(rows.start)} to {int(rows.stop) - 1}]")
        part = Func(F("simulated_trades_log"), path, function="jsonb_path_query_array", output_field=JSONField())
        trades: list[Mapping[str, Any]] = self._row.values_list(part, flat=True).get()
        return trades


def _moment(epoch_ms: int) -> datetime:
    return datetime.fromtimestamp(epoch_ms / 1000, UTC)
