"""Tables of results."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from analysis.report.charts import diverging_bar
from analysis.report.markup import Child, Markup, joined, tag
from analysis.report.wording import (
    NOTHING,
    direction,
    duration,
    ending,
    moment,
    money,
    multiple,
    number,
    per_cent,
    signed,
)

Row = Mapping[str, Any]

MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")
SHADES = 4  # of a gain and of a loss in the heat map
LONG = 24  # rows, from which on a table is folded


@dataclass(frozen=True)
class Column:
    """The head of a column; `look` is its class: number, words, wide (left out on a telephone)."""

    head: str
    look: str = "number"


@dataclass(frozen=True)
class Cell:
    """What stands in a row, with a class besides its column's."""

    shown: Child
    look: str | None = None


def table(caption: str, columns: Sequence[Column], rows: Iterable[Sequence[Cell | str]], look: str = "") -> Markup:
    """A table that scrolls within the page when it is too wide. The first cell of a row is its head."""
    heads = [tag("th", column.head, scope="col", class_=column.look) for column in columns]
    body = tag("tbody", *(_row(columns, row) for row in rows))
    shown = tag("table", tag("caption", caption), tag("thead", tag("tr", *heads)), body, class_=look or None)
    return tag("div", shown, class_="scroll", role="region", aria_label=caption, tabindex="0")


def _row(columns: Sequence[Column], row: Sequence[Cell | str]) -> Markup:
    cells = []
    for index, (column, cell) in enumerate(zip(columns, row, strict=True)):
        shown, look = (cell.shown, cell.look) if isinstance(cell, Cell) else (cell, None)
        classes = " ".join(filter(None, (column.look, look)))
        scope = "row" if index == 0 else None
        cells.append(tag("td" if index else "th", shown, scope=scope, class_=classes or None))
    return tag("tr", *cells)


def gained(value: object) -> Cell:
    """Money that was gained or lost."""
    return Cell(money(value), direction(value))


def heat_map(years: Sequence[Row]) -> Markup:
    """Returns by year and month in per cent, shaded by their size."""
    known = [abs(value) for row in years for value in row["months"] if value is not None]
    most = max(known, default=0.0)
    columns = [Column("Year", "words"), *(Column(name) for name in MONTHS), Column("Year total", "number total")]
    rows: list[list[Cell | str]] = [
        [str(row["year"]), *(_heat(value, most) for value in row["months"]), _year(row["total"])] for row in years
    ]
    return table("Return by month, per cent of the equity at the end of the month before", columns, rows, "heat")


def _heat(value: float | None, most: float) -> Cell:
    if value is None:
        return Cell("", "none")
    kind = direction(value)
    shade = min(int(abs(value) / most * SHADES) + 1, SHADES) if kind and most else 0
    return Cell(_pct(value), f"{kind}-{shade}" if shade else None)


def _year(value: float | None) -> Cell:
    return Cell(_pct(value), direction(value))


def _pct(value: float | None) -> str:
    return NOTHING if value is None else signed(value, number(float(value), 1))


def breakdown(caption: str, key: str, rows: Sequence[Row]) -> Markup:
    """One of the `by_` tables; a long one is folded."""
    most = max((abs(row["pnl"]) for row in rows), default=0.0)
    columns = (
        Column(key.replace("exit_", "").capitalize(), "words"), Column("Trades"), Column("Won"), Column("P&L"),
        Column("R", "number wide"), Column("Profit factor", "number wide"), Column("", "bars"),
    )  # fmt: skip
    shown = table(caption, columns, [_broken_down(key, row, most) for row in rows], f"by-{key}")
    if len(rows) <= LONG:
        return shown
    return tag("details", tag("summary", f"{caption}: {len(rows)} rows"), shown)


def _broken_down(key: str, row: Row, most: float) -> list[Cell | str]:
    return [
        _row_name(key, row[key]),
        number(row["trades"]),
        per_cent(row["win_rate"], 0),
        gained(row["pnl"]),
        number(row["pnl_r"]),
        number(row["profit_factor"]),
        Cell(diverging_bar(float(row["pnl"]), most)),
    ]


def _row_name(key: str, label: object) -> str:
    if label is None:
        return "all others"
    if key == "hour" and isinstance(label, int):
        return f"{label:02}:00"
    return ending(label) if key == "exit_reason" else str(label or "without")


def drawdown_table(rows: Sequence[Row]) -> Markup:
    """The deepest drawdowns."""
    columns = (
        Column("From (UTC)", "words"), Column("Depth"), Column("Money"), Column("Trough", "words"),
        Column("Recovered", "words"), Column("Lasted"), Column("Fall", "number wide"),
        Column("Recovery", "number wide"),
    )  # fmt: skip
    shown: list[list[Cell | str]] = [
        [
            moment(row["start_time"]),
            Cell(per_cent(-row["depth_pct"]), "loss"),
            money(-row["depth"]),
            moment(row["trough_time"]),
            "not yet" if row["recovery_time"] is None else moment(row["recovery_time"]),
            duration(row["duration_s"]),
            duration(row["fall_s"]),
            duration(row["recovery_s"]),
        ]
        for row in rows
    ]
    return table("The deepest drawdowns of the equity, in per cent of their peak", columns, shown)


def monte_carlo_table(found: Row) -> Markup:
    """Bounds of what the same trades could have done."""
    columns = (
        Column("", "words"), Column("5 % are below"), Column("Half are below"), Column("5 % are above"),
        Column("Seen here"),
    )  # fmt: skip
    drawn, shuffled = found["bootstrap"], found["reshuffle"]
    rows: list[list[Cell | str]] = [
        ["Drawdown, trades drawn again", *_bounds(drawn), _fall(found["seen_drawdown"], found["seen_drawdown_pct"])],
        ["Drawdown, other order", *_bounds(shuffled), _fall(found["seen_drawdown"], found["seen_drawdown_pct"])],
    ]
    final = drawn.get("final_pnl")
    if final:
        rows.append(["Net P&L, trades drawn again", *(gained(final[name]) for name in ("p5", "p50", "p95")), NOTHING])
    return table("Bounds of the simulated paths", columns, rows)


def _bounds(method: Row) -> list[str]:
    return [_fall(method["drawdown"][name], method["drawdown_pct"][name]) for name in ("p5", "p50", "p95")]


def _fall(depth: float, depth_pct: float) -> str:
    return f"{money(depth)} ({per_cent(depth_pct, 1)})"


def r_summary(found: Row) -> Markup:
    """The quantiles of the R-multiples as a line of facts."""
    facts = [("Mean", found.get("mean")), ("Lowest", found.get("min"))]
    facts += [(f"{name[1:]} %", value) for name, value in _ordered(found.get("quantiles", {})) if name in _SHOWN]
    facts.append(("Highest", found.get("max")))
    return tag(
        "dl",
        *(joined(tag("div", tag("dt", label), tag("dd", multiple(value)))) for label, value in facts),
        class_="facts",
    )


_SHOWN = frozenset({"p5", "p25", "p50", "p75", "p95"})


def _ordered(quantiles: Row) -> list[tuple[str, Any]]:
    """PostgreSQL does not keep the order of keys."""
    return sorted(quantiles.items(), key=lambda item: int(item[0][1:]))
