"""Where the profit comes from: trades by month, weekday, hour, symbol, exit reason and tag.

Times are UTC. Rows are `trades`, `wins`, `win_rate` (per cent), `pnl` (account currency), `pnl_r` (sum over the trades
with a stop, None without any) and `profit_factor` (None without losses). They add up to the totals: what a capped
table has no room for is its last row, whose key is None.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.metrics.plain import money, ratio
from analysis.metrics.whole_trades import WholeTrades

MAX_ROWS = 50
MAX_MONTHS = 600
WEEKDAYS = ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday")
_HOUR_MS = 3_600_000
_DAY_MS = 86_400_000
_THURSDAY = 3  # 1970-01-01

Ints = NDArray[np.int64]
Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Sums:
    """Totals of groups of trades, one place a group."""

    trades: NDArray[np.float64]
    wins: NDArray[np.float64]
    pnl: NDArray[np.float64]
    won: NDArray[np.float64]
    lost: NDArray[np.float64]
    with_r: NDArray[np.float64]
    pnl_r: NDArray[np.float64]

    def at(self, places: Any) -> "Sums":
        """Some of the groups."""
        return Sums(*(getattr(self, name)[places] for name in self.__dataclass_fields__))

    def together(self) -> "Sums":
        """All groups as one."""
        return Sums(*(getattr(self, name).sum(keepdims=True) for name in self.__dataclass_fields__))

    def row(self, key: str, label: object, place: int) -> dict[str, Any]:
        """One group, ready for JSON."""
        return {
            key: label,
            "trades": int(self.trades[place]),
            "wins": int(self.wins[place]),
            "win_rate": ratio(self.wins[place], self.trades[place], 100),
            "pnl": money(self.pnl[place]),
            "pnl_r": float(self.pnl_r[place]) if self.with_r[place] else None,
            "profit_factor": ratio(self.won[place], -self.lost[place]),
        }


def breakdowns(whole: WholeTrades) -> dict[str, Rows]:
    """Every table, by the name it has among the statistics. Months are of the exit, weekdays and hours of the entry."""
    day = whole.entry_time // _DAY_MS
    return {
        "by_month": by_month(whole),
        "by_weekday": _by_number("weekday", WEEKDAYS, (day + _THURSDAY) % 7, whole),
        "by_hour": _by_number("hour", range(24), whole.entry_time % _DAY_MS // _HOUR_MS, whole),
        "by_symbol": by_text("symbol", whole.symbol, whole),
        "by_exit_reason": by_text("exit_reason", whole.exit_reason, whole),
        "by_tag": by_text("tag", whole.tag, whole),
    }


def by_month(whole: WholeTrades) -> Rows:
    """By month of the exit ("2026-01"), in order of time; the newest where there are more than 600."""
    if not len(whole):
        return []
    months = whole.exit_time.astype("datetime64[ms]").astype("datetime64[M]").astype(np.int64)
    first = int(months.min())
    sums = _sums(months - first, int(months.max()) - first + 1, whole)
    traded = np.flatnonzero(sums.trades)
    room = MAX_MONTHS if len(traded) <= MAX_MONTHS else MAX_MONTHS - 1
    rest, kept = traded[:-room], traded[-room:]
    labels = (np.datetime64(0, "M") + first + kept).astype(str).tolist()
    rows = [sums.row("month", label, place) for label, place in zip(labels, kept.tolist(), strict=True)]
    return rows + _rest("month", sums, rest)


def by_text(key: str, texts: NDArray[np.object_], whole: WholeTrades, limit: int = MAX_ROWS) -> Rows:
    """By a text, most trades first, then in order of the text."""
    labels, codes = _codes(texts)
    sums = _sums(codes, len(labels), whole)
    order = np.array(sorted(range(len(labels)), key=lambda place: (-sums.trades[place], labels[place])), np.int64)
    kept, rest = (order, order[:0]) if len(order) <= limit else (order[: limit - 1], order[limit - 1 :])
    return [sums.row(key, labels[place], place) for place in kept.tolist()] + _rest(key, sums, rest)


def _by_number(key: str, labels: Sequence[object], codes: Ints, whole: WholeTrades) -> Rows:
    sums = _sums(codes, len(labels), whole)
    return [sums.row(key, labels[place], place) for place in np.flatnonzero(sums.trades).tolist()]


def _rest(key: str, sums: Sums, places: Ints) -> Rows:
    return [sums.at(places).together().row(key, None, 0)] if len(places) else []


def _sums(codes: Ints, groups: int, whole: WholeTrades) -> Sums:
    def total(values: NDArray[Any]) -> NDArray[np.float64]:
        return np.asarray(np.bincount(codes, values, groups), np.float64)

    won, known = whole.pnl > 0, np.isfinite(whole.pnl_r)
    gains = total(np.where(won, whole.pnl, 0.0))
    losses = total(np.minimum(whole.pnl, 0.0))
    return Sums(
        trades=np.bincount(codes, minlength=groups).astype(np.float64),
        wins=total(won),
        pnl=gains + losses,
        won=gains,
        lost=losses,
        with_r=total(known),
        pnl_r=total(np.where(known, whole.pnl_r, 0.0)),
    )


def _codes(texts: NDArray[np.object_]) -> tuple[list[str], Ints]:
    """The different texts in order of appearance, and which of them each one is."""
    values = texts.tolist()
    place_of = {text: place for place, text in enumerate(dict.fromkeys(values))}
    return list(place_of), np.fromiter(map(place_of.__getitem__, values), np.int64, len(values))
