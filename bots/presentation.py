"""Results of backtests made readable, for the admin and the pages: queries that leave megabytes in the database, and
plain values that a template only has to print.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import Decimal
from typing import Any

import numpy as np
from django.db.models import F, FloatField, Func, IntegerField, JSONField
from django.db.models.fields.json import KeyTextTransform
from django.db.models.functions import Cast

from analysis.downsample import keep_extremes
from bots.models import BacktestRun
from bots.models.run import RunQuerySet

FIRST = 20  # rows of a long log that are shown
NOTHING = "–"
SPARKLINE_POINTS = 600

# The database does not keep the order of JSON keys. Names the engine adds later appear under "More".
FIGURE_GROUPS = {
    "Money": (
        "initial_equity", "final_equity", "net_pnl", "total_return_pct", "cagr_pct", "total_commission",
    ),
    "Risk": (
        "max_drawdown", "max_drawdown_pct", "sharpe_ratio", "sortino_ratio", "calmar_ratio", "exposure_pct",
        "max_consecutive_wins", "max_consecutive_losses",
    ),
    "Trades": (
        "total_trades", "winning_trades", "losing_trades", "win_rate", "long_trades", "short_trades",
        "average_bars_held", "intrabar_decided", "refused_actions", "first_trade_entry_time", "last_trade_exit_time",
    ),
    "Per trade": (
        "profit_factor", "expectancy", "expectancy_r", "total_r", "average_win", "average_loss", "biggest_win",
        "biggest_loss",
    ),
}  # fmt: skip
_WORDS = {"pnl": "P&L", "r": "R", "cagr": "CAGR", "pct": "", "time": ""}


class _FirstItems(Func):
    """The first items of a JSON array, cut by the database."""

    template = f"jsonb_path_query_array(%(expressions)s, '$[0 to {FIRST - 1}]')"
    output_field = JSONField()


class _Length(Func):
    function = "jsonb_array_length"
    output_field = IntegerField()


def with_headline(runs: RunQuerySet[BacktestRun]) -> RunQuerySet[BacktestRun]:
    """Adds `net_pnl` and `total_trades` (None before the run has ended) without loading the stats."""
    return runs.annotate(
        net_pnl=Cast(KeyTextTransform("net_pnl", "stats"), FloatField()),
        total_trades=Cast(KeyTextTransform("total_trades", "stats"), IntegerField()),
    )


def with_first_refusals(runs: RunQuerySet[BacktestRun]) -> RunQuerySet[BacktestRun]:
    """Adds `first_refusals` and `refusals_count`, and leaves the full list where it is."""
    return runs.defer("refusals").annotate(
        first_refusals=_FirstItems(F("refusals")),
        refusals_count=_Length(F("refusals")),
    )


@dataclass(frozen=True)
class Figure:
    """One line of a stats table."""

    label: str
    value: str


@dataclass(frozen=True)
class FigureGroup:
    """Figures that belong together, under a heading."""

    heading: str
    figures: tuple[Figure, ...]


def figure_groups(stats: Mapping[str, object]) -> list[FigureGroup]:
    """Every single figure of a run's stats in reading order; empty without stats. Tables (P&L by month and the like)
    are left to the report, which has room for them."""
    stats = {name: value for name, value in stats.items() if not isinstance(value, list | dict)}
    ordered = {name for names in FIGURE_GROUPS.values() for name in names}
    names_of = {**FIGURE_GROUPS, "More": tuple(sorted(set(stats) - ordered))}
    groups = (
        FigureGroup(heading, tuple(_figure(name, stats[name]) for name in names if name in stats))
        for heading, names in names_of.items()
    )
    return [group for group in groups if group.figures]


def _figure(name: str, value: object) -> Figure:
    words = [word for part in name.split("_") if (word := _WORDS.get(part, part))]
    text = _time(value) if name.endswith("_time") else _number(value)
    unit = " %" if name.endswith("_pct") or name == "win_rate" else ""
    label = " ".join(words)
    return Figure(label[:1].upper() + label[1:], text if text == NOTHING else text + unit)


@dataclass(frozen=True)
class TradeRow:
    """One line of a table of trades; `gained` is None for a trade at zero."""

    number: str
    side: str
    lots: str
    entry_time: str
    entry_price: str
    exit_time: str
    exit_price: str
    exit_reason: str
    pnl: str
    pnl_r: str
    gained: bool | None


def trade_rows(trades: Sequence[Mapping[str, Any]]) -> list[TradeRow]:
    """Trades of `simulated_trades_log`, prices with as many decimals as the most exact of them has."""
    decimals = max(
        (_decimals(trade.get(name)) for trade in trades for name in ("entry_price", "exit_price")), default=0
    )
    return [
        TradeRow(
            number=str(trade.get("id", NOTHING)),
            side=str(trade.get("side", NOTHING)),
            lots=_number(trade.get("lots")),
            entry_time=_time(trade.get("entry_time")),
            entry_price=_number(trade.get("entry_price"), decimals),
            exit_time=_time(trade.get("exit_time")),
            exit_price=_number(trade.get("exit_price"), decimals),
            exit_reason=str(trade.get("exit_reason", NOTHING)),
            pnl=_number(trade.get("pnl")),
            pnl_r=_number(trade.get("pnl_r")),
            gained=_sign(trade.get("pnl")),
        )
        for trade in trades
    ]


@dataclass(frozen=True)
class Sparkline:
    """An equity curve in a box of `width` by `height` SVG units; `baseline` is the height of its first value."""

    width: int
    height: int
    points: str
    baseline: str
    first: str
    last: str
    lowest: str
    highest: str
    gained: bool


def sparkline(curve: Sequence[Mapping[str, Any]], *, width: int = 600, height: int = 120) -> Sparkline | None:
    """The drawing of an `equity_curve`; None with fewer than two points."""
    if len(curve) < 2:
        return None
    equity = np.array([point["equity"] for point in curve], dtype=np.float64)
    kept = keep_extremes(equity, SPARKLINE_POINTS)
    times = [datetime.fromisoformat(curve[i]["timestamp"]).timestamp() for i in kept]
    low, high = float(equity.min()), float(equity.max())
    span, duration = (high - low) or 1.0, (times[-1] - times[0]) or 1.0

    def y(value: float) -> str:
        return f"{height - (value - low) / span * height:.1f}" if high > low else f"{height / 2:.1f}"

    return Sparkline(
        width=width,
        height=height,
        points=" ".join(
            f"{(time - times[0]) / duration * width:.1f},{y(equity[i])}" for i, time in zip(kept, times, strict=True)
        ),
        baseline=y(equity[0]),
        first=_number(float(equity[0])),
        last=_number(float(equity[-1])),
        lowest=_number(low),
        highest=_number(high),
        gained=bool(equity[-1] >= equity[0]),
    )


def _number(value: object, decimals: int = 2) -> str:
    if isinstance(value, float):
        return f"{value:,.{decimals}f}"
    if isinstance(value, int):
        return f"{value:,}"
    return NOTHING if value is None else str(value)


def _decimals(price: object) -> int:
    if not isinstance(price, float):
        return 0
    exponent = Decimal(repr(price)).as_tuple().exponent
    return -exponent if isinstance(exponent, int) and exponent < 0 else 0


def _time(value: object) -> str:
    """ISO 8601 with a zone, as stored, to the minute; the pages say UTC."""
    return value[:16].replace("T", " ") if isinstance(value, str) else NOTHING


def _sign(value: object) -> bool | None:
    if not isinstance(value, int | float) or value == 0:
        return None
    return value > 0
