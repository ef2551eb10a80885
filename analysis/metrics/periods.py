"""The equity at the ends of days and months, and what happened from one to the next.

A day is a UTC day with candles. A close at midnight belongs to the day that ends.
"""

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.plain import mean, money

DAY_MS = 86_400_000
MAX_YEARS = 50
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

Floats = NDArray[np.float64]


@dataclass(frozen=True)
class DailyCloses:
    """The last equity of each day (`days` counts from 1970-01-01); `closes` has the initial equity before them."""

    days: NDArray[np.int64]
    closes: Floats

    @property
    def changes(self) -> Floats:
        """Account currency gained a day."""
        return np.diff(self.closes)

    @property
    def returns(self) -> Floats:
        """Relative changes; empty when the equity ever ends a day at zero or below."""
        if (self.closes <= 0).any():
            return np.empty(0)
        return np.asarray(self.closes[1:] / self.closes[:-1] - 1)


def daily_closes(times: NDArray[np.int64], equity: Floats) -> DailyCloses:
    """The ends of the days of an equity curve. `times` are epoch milliseconds UTC in order; the first point is the
    initial equity and belongs to the day of the second."""
    if len(times) < 2:
        return DailyCloses(np.empty(0, np.int64), equity[:1])
    first, last = int(times[1] - 1) // DAY_MS, int(times[-1] - 1) // DAY_MS
    midnights = np.arange(first + 1, last + 2, dtype=np.int64) * DAY_MS
    ends = np.unique(np.searchsorted(times, midnights, side="right") - 1)
    return DailyCloses((times[ends] - 1) // DAY_MS, np.concatenate([equity[:1], equity[ends]]))


def daily_returns(times: NDArray[np.int64], equity: Floats) -> Floats:
    """Relative changes of the equity from one UTC day's last point to the next, days without candles left
    out.

    The first day is measured from the initial equity. Empty when the equity ever ends a day at zero or below.
    """
    return daily_closes(times, equity).returns


def day_figures(daily: DailyCloses) -> dict[str, Any]:
    """How days ended, by the change of equity (freqtrade's backtest report counts closed trades instead)."""
    changes = daily.changes
    best, worst = (int(changes.argmax()), int(changes.argmin())) if len(changes) else (None, None)
    return {
        "trading_days": len(changes),
        "winning_days": int((changes > 0).sum()),
        "draw_days": int((changes == 0).sum()),
        "losing_days": int((changes < 0).sum()),
        "average_day": mean(changes),
        **_day("best", daily, best),
        **_day("worst", daily, worst),
    }


def _day(name: str, daily: DailyCloses, place: int | None) -> dict[str, Any]:
    if place is None:
        return {f"{name}_day": None, f"{name}_day_pct": None, f"{name}_day_date": None}
    before, change = float(daily.closes[place]), float(daily.changes[place])
    return {
        f"{name}_day": money(change),
        f"{name}_day_pct": change / before * 100 if before > 0 else None,
        f"{name}_day_date": (_EPOCH + timedelta(days=int(daily.days[place]))).date().isoformat(),
    }


def monthly_returns(daily: DailyCloses) -> list[dict[str, Any]]:
    """One row a year: `months`, twelve per cents from the equity at the end of the month before (None without
    candles, or where that was zero or below), and `total` of the year. The newest 50 years."""
    if not len(daily.days):
        return []
    months = daily.days.astype("datetime64[D]").astype("datetime64[M]").astype(np.int64)  # since January 1970
    ends = np.flatnonzero(np.diff(months, append=months[-1] + 1))
    before = daily.closes[np.concatenate([[0], ends[:-1] + 1])]
    after = daily.closes[ends + 1]
    rows: dict[int, dict[str, Any]] = {}
    started: dict[int, float] = {}
    for month, start, end in zip(months[ends].tolist(), before.tolist(), after.tolist(), strict=True):
        year = 1970 + month // 12
        row = rows.setdefault(year, {"year": year, "months": [None] * 12, "total": None})
        row["months"][month % 12] = _growth_pct(start, end)
        row["total"] = _growth_pct(started.setdefault(year, start), end)
    return list(rows.values())[-MAX_YEARS:]


def _growth_pct(start: float, end: float) -> float | None:
    return (end / start - 1) * 100 if start > 0 else None
