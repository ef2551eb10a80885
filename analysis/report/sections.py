"""The sections of a report, in the order they are read. Each is None where the run has nothing for it."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.report import charts, tables
from analysis.report.data import ReportData
from analysis.report.figures import GROUPS, TABLES, Figure, figure_of
from analysis.report.logs import MOST_REFUSALS, MOST_TRADES, refusal_list, trade_list
from analysis.report.markup import Child, Markup, joined, tag
from analysis.report.wording import (
    counted,
    direction,
    duration,
    epoch,
    money,
    number,
    per_cent,
    signed,
)

_RULES = {
    "pessimistic": "the stop is taken to have come first",
    "optimistic": "the target is taken to have come first",
    "ohlc": "the price is taken to have gone from the open over the nearer extreme to the farther one",
}
_BREAKDOWNS = (
    ("By symbol", "symbol"), ("By exit reason", "exit_reason"), ("By tag", "tag"),
    ("By weekday of the entry", "weekday"), ("By month of the exit", "month"), ("By hour of the entry (UTC)", "hour"),
)  # fmt: skip


def section(identity: str, heading: str, *children: Child, look: str | None = None) -> Markup:
    """A card with a heading that the table of contents can lead to."""
    classes = f"card {look}" if look else "card"
    title = tag("h2", heading, id=f"{identity}-heading")
    return tag("section", title, *children, class_=classes, id=identity, aria_labelledby=f"{identity}-heading")


def warnings(report: ReportData) -> Markup | None:
    """What to know before believing the figures."""
    if not report.warnings:
        return None
    listed = tag("ul", *(tag("li", warning) for warning in report.warnings))
    return section("warnings", "Read the result with this in mind", listed, look="notes")


def intrabar(report: ReportData) -> Markup | None:
    """How much of the result is an assumption about what happened within single minutes."""
    stats = report.stats
    if any(stats.get(name) is None for name in ("pnl_pessimistic", "pnl_optimistic", "net_pnl", "intrabar_decided")):
        return None
    rule, decided = str(report.reproducibility.settings.get("intrabar", "")), stats["intrabar_decided"]
    if not decided:
        words = "In no trade did one minute hold both stop and target: the result does not depend on which came first."
        return section("intrabar", "Certainty within the minute", tag("p", words))
    words = (
        f"In {number(decided)} of {counted(stats.get('total_trades', 0), 'trade')} one minute held both stop and "
        f"target. One-minute candles cannot say which came first; in this run {_RULES.get(rule, 'a rule decided')}."
    )
    bounds = (
        ("Always against the trade", stats["pnl_pessimistic"]),
        (f"As chosen{f' ({rule})' if rule else ''}", stats["net_pnl"]),
        ("Always for the trade", stats["pnl_optimistic"]),
    )
    return section("intrabar", "Certainty within the minute", tag("p", words), _amounts(bounds, "tiles three"))


def costs(report: ReportData) -> Markup | None:
    """What was left of the profit after commission and swap."""
    stats = report.stats
    if any(stats.get(name) is None for name in ("pnl_before_costs", "total_commission", "total_swap", "net_pnl")):
        return None
    share = stats.get("costs_of_gross_profit_pct")
    words = "The spread is in the prices of the fills and not counted here."
    if share:
        words = f"Commission and swap take {per_cent(share, 1)} of the profit the winners made before them. {words}"
    steps = (
        ("P&L before", stats["pnl_before_costs"]), ("Commission", 0 - stats["total_commission"]),
        ("Swap", stats["total_swap"]), ("Net P&L", stats["net_pnl"]),
    )  # fmt: skip
    return section("costs", "Costs", tag("p", words), _amounts(steps, "tiles four"))


def _amounts(named: Sequence[tuple[str, Any]], look: str) -> Markup:
    """Gains and losses side by side."""
    tiles = (
        tag("div", tag("dt", label), tag("dd", signed(value, money(value)), class_=direction(value)))
        for label, value in named
    )
    return tag("dl", *tiles, class_=look)


def equity(report: ReportData) -> Markup | None:
    """The equity and its drawdowns."""
    if len(report.equity) < 2 or not report.equity[0] > 0:
        return None
    curve = charts.Curve.of(report.equity_time, report.equity)
    outline = "The full curve was cleared; this is the outline the run kept." if report.outline_only else None
    return section(
        "equity", "Equity and drawdown",
        tag("figure", charts.equity_chart(curve), tag("figcaption", _curve_words(curve))),
        tag("figure", charts.drawdown_chart(curve), tag("figcaption", "Below the previous peak, per cent.")),
        outline and tag("p", outline, class_="note"),
    )  # fmt: skip


def _curve_words(curve: charts.Curve) -> str:
    words = f"Account currency after every minute, {counted(len(curve.time), 'point')}; dashed: the initial equity."
    if curve.trough == curve.peak:
        return words
    start, trough, end = (int(curve.time[place]) for place in (curve.peak, curve.trough, curve.recovery))
    over = f"back at its peak after {duration((end - start) / 1000)}" if curve.recovered else "not recovered since"
    return (
        f"{words} Shaded: the deepest drawdown, {per_cent(float(curve.fall_pct[curve.trough]))} from "
        f"{epoch(start)} to {epoch(trough)} UTC, {over}."
    )


def months(report: ReportData) -> Markup | None:
    """The heat map."""
    years = report.stats.get("monthly_returns")
    return section("months", "Monthly returns", tables.heat_map(years)) if years else None


def multiples(report: ReportData) -> Markup | None:
    """How trades ended in multiples of their risk."""
    found = report.stats.get("r_distribution")
    if not found or not found.get("bins"):
        return None
    words = "Trades by what they made over what they risked; only trades with a stop have an R."
    chart = tag("figure", charts.histogram(found), tag("figcaption", words))
    return section("multiples", "Distribution of R", chart, tables.r_summary(found))


def breakdowns(report: ReportData) -> Markup | None:
    """Where the profit comes from; a table of one row only would repeat the headline."""
    shown = [
        tables.breakdown(caption, key, rows)
        for caption, key in _BREAKDOWNS
        if len(rows := report.stats.get(f"by_{key}") or ()) > 1
    ]
    return section("breakdowns", "Where the profit comes from", tag("div", *shown, class_="pair")) if shown else None


def drawdowns(report: ReportData) -> Markup | None:
    """The deepest drawdowns."""
    rows = report.stats.get("drawdowns")
    return section("drawdowns", "Drawdowns", tables.drawdown_table(rows)) if rows else None


def monte_carlo(report: ReportData) -> Markup | None:
    """What the same trades could have done."""
    found = report.stats.get("monte_carlo")
    if not found:
        return None
    loss = found["bootstrap"].get("loss_probability_pct")
    words = (
        f"{counted(found['paths'], 'path')} of each kind, made of the same trades: drawn again at random, and put in "
        "another order. Trades are taken as independent of each other, so streaks that belong to the market are lost."
    )
    ending = None if loss is None else tag("p", f"{per_cent(loss, 1)} of the drawn paths end with a loss.")
    return section("monte-carlo", "Luck of the draw", tag("p", words), tables.monte_carlo_table(found), ending)


def statistics(report: ReportData) -> Markup | None:
    """Every single figure, with what it means."""
    stats = {name: value for name, value in report.stats.items() if name not in TABLES and not _nested(value)}
    ordered = {figure.name for group in GROUPS.values() for figure in group}
    groups: dict[str, Sequence[Figure]] = {**GROUPS, "More": [figure_of(name) for name in sorted(set(stats) - ordered)]}
    shown = [
        _figures(heading, known, stats)
        for heading, figures in groups.items()
        if (known := [figure for figure in figures if figure.name in stats])
    ]
    if not shown:
        return None
    switch = tag(
        "p", tag("input", type="checkbox", id="explain"), tag("label", "Explain every figure", for_="explain"),
        class_="switch",
    )  # fmt: skip
    return section("statistics", "All statistics", switch, tag("div", *shown, class_="figures"))


def _nested(value: object) -> bool:
    return isinstance(value, dict | list)


def _figures(heading: str, figures: Sequence[Figure], stats: Mapping[str, Any]) -> Markup:
    rows = [
        tag(
            "tr",
            tag(
                "th", figure.label, figure.meaning and tag("small", figure.meaning, class_="why"),
                scope="row", title=figure.meaning or None,
            ),
            tag("td", figure.shown(stats[figure.name])),
        )
        for figure in figures
    ]  # fmt: skip
    return tag("table", tag("caption", heading), tag("tbody", *rows))


def trades(report: ReportData) -> Markup | None:
    """The trade log, or its beginning."""
    if not report.trades:
        return None
    shown, total = min(len(report.trades), MOST_TRADES), max(report.trades_total, len(report.trades))
    note: list[Child] = []
    if total > shown:
        note.append(f"The first {number(shown)} of {counted(total, 'row')}. ")
    if report.trades_url.startswith(("https://", "http://")):  # any other could be a script
        note += ["All of them, with every column: ", tag("a", report.trades_url, href=report.trades_url)]
    heading = f"Trades ({number(total)})"
    return section("trades", heading, tag("p", *note, class_="note") if note else None, trade_list(report.trades))


def refusals(report: ReportData) -> Markup | None:
    """What the strategy asked for and did not get."""
    count = len(report.refusals)
    if not count:
        return None
    heading = (
        f"First {MOST_REFUSALS} of {number(count)} refused actions" if count > MOST_REFUSALS else "Refused actions"
    )
    return section("refusals", heading, refusal_list(report.refusals))


def reproducibility(report: ReportData) -> Markup:
    """What the run was made of, and how to make it again."""
    kept = report.reproducibility
    facts = {
        "Run": kept.run_id, "Digest": kept.digest, "Code": kept.code_hash, "Candles": kept.data_fingerprint,
        "Engine": kept.engine_version and f"version {kept.engine_version}",
    }  # fmt: skip
    rows = [tag("div", tag("dt", name), tag("dd", tag("code", value))) for name, value in facts.items() if value]
    blocks = [
        tag("details", tag("summary", heading), tag("pre", _json(value)), open=True)
        for heading, value in (
            ("Parameters of the strategy", kept.params), ("Settings of the engine", kept.settings),
            ("Candles by symbol", kept.candles), ("Instruments", kept.instruments),
        )
        if value
    ]  # fmt: skip
    again = kept.verify_command and joined(
        tag("p", "The same inputs give the same digest. On the platform, this makes the run again and compares:"),
        tag("pre", kept.verify_command),
    )
    return section("reproducibility", "How to get this result again", tag("dl", *rows, class_="hashes"), again, *blocks)


def _json(value: object) -> str:
    return json.dumps(value, indent=2, ensure_ascii=False, sort_keys=True, default=str)
