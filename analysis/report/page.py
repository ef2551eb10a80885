"""One HTML file that holds everything: it opens from a disk or an e-mail, asks no server for anything and runs no
script."""

from functools import cache
from pathlib import Path

from analysis.report import headline, sections
from analysis.report.data import ReportData
from analysis.report.markup import Markup, joined, tag

# What the page may do, wherever it is opened. As a header a server can add who may frame it.
CONTENT_POLICY = "default-src 'none'; style-src 'unsafe-inline'; img-src data:; base-uri 'none'; form-action 'none'"

_CONTENTS = (
    ("warnings", "Warnings"), ("intrabar", "Certainty"), ("costs", "Costs"), ("equity", "Equity"), ("months", "Months"),
    ("multiples", "R"), ("breakdowns", "Breakdowns"), ("drawdowns", "Drawdowns"), ("monte-carlo", "Luck"),
    ("statistics", "Statistics"), ("trades", "Trades"), ("refusals", "Refusals"), ("reproducibility", "Reproduce"),
)  # fmt: skip


def render_report(report: ReportData) -> str:
    """The whole page. A section the run has nothing for is left out."""
    made = {
        "warnings": sections.warnings(report),
        "intrabar": sections.intrabar(report),
        "costs": sections.costs(report),
        "equity": sections.equity(report),
        "months": sections.months(report),
        "multiples": sections.multiples(report),
        "breakdowns": sections.breakdowns(report),
        "drawdowns": sections.drawdowns(report),
        "monte-carlo": sections.monte_carlo(report),
        "statistics": sections.statistics(report),
        "trades": sections.trades(report),
        "refusals": sections.refusals(report),
        "reproducibility": sections.reproducibility(report),
    }
    there = {name: made_section for name, made_section in made.items() if made_section is not None}
    main = tag("main", _head(report), headline.headline(report), _contents(there), *there.values())
    return f"<!doctype html>\n{tag('html', _meta(report), tag('body', main), lang='en')}\n"


def _meta(report: ReportData) -> Markup:
    return tag(
        "head",
        tag("meta", charset="utf-8"),
        tag("meta", http_equiv="Content-Security-Policy", content=CONTENT_POLICY),
        tag("meta", name="viewport", content="width=device-width, initial-scale=1"),
        tag("meta", name="color-scheme", content="light dark"),
        tag("meta", name="referrer", content="no-referrer"),
        tag("title", f"{report.title}: {', '.join(report.symbols)} {report.timeframe}, backtest"),
        tag("style", _style()),
    )


def _head(report: ReportData) -> Markup:
    return tag(
        "header",
        tag("p", "Backtest report", class_="kicker"),
        tag("h1", tag("bdi", report.title), " ", tag("span", ", ".join(report.symbols), class_="symbols")),
        headline.facts(report),
    )


def _contents(there: dict[str, Markup]) -> Markup:
    links = [tag("li", tag("a", label, href=f"#{name}")) for name, label in _CONTENTS if name in there]
    return tag("nav", tag("ul", *links), aria_label="Contents", class_="contents")


@cache
def _style() -> Markup:
    return joined(Markup(Path(__file__).with_name("style.css").read_text(encoding="utf-8")))
