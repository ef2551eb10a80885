"""The page as a whole: whatever a run is like, it is one sound file that asks nobody for anything."""

import re
from dataclasses import replace
from time import process_time

import numpy as np
import pytest

from analysis.report import MOST_TRADES, ReportData, Reproducibility, render_report
from tests.analysis.metrics.made import MINUTE, curve, of_pnl, trade, trades
from tests.analysis.report.made import MADE_AT, Page, a_day, random_run, report_of, window

EMPTY = trades()
ALWAYS = ["equity", "statistics", "reproducibility"]
EVIL = "\"><img src=x onerror=alert(1)></style></title><script>alert('x')</script>&amp;"
AWKWARD = {
    "no trades": report_of(EMPTY, *curve(100.0, 100.0, 100.0)),
    "one point": report_of(EMPTY, *curve(100.0)),
    "no time between": report_of(EMPTY, np.array([5, 5]), np.array([100.0, 101.0])),
    "a trade": report_of(of_pnl(5), *curve(100.0, 105.0)),
    "all wins": report_of(of_pnl(5, 6, 7), *curve(100.0, 105.0, 118.0)),
    "all losses": report_of(of_pnl(-5, -6, -7), *curve(100.0, 95.0, 82.0)),
    "all at zero": report_of(of_pnl(0, 0, 0), *curve(100.0, 100.0)),
    "within a day": report_of(of_pnl(5, -2), *a_day(100.0, 104.0, 103.0)),
    "equity at zero": report_of(of_pnl(-100, 50), *curve(100.0, 0.0, 50.0)),
    "equity below zero": report_of(of_pnl(-150, 20), *curve(100.0, -50.0, -30.0)),
    "beyond all measure": report_of(of_pnl(1e12, -1e12, 3e12), *curve(1e-2, 1e12, 1e-2, 3e12)),
    "one R": report_of(trades(trade(1, initial_risk=1.0, pnl_r=1.0)), *curve(100.0, 101.0)),
    "no figures": report_of(EMPTY, *curve(100.0, 100.0), stats={}),
    "several symbols": report_of(*random_run(40, symbols=("EURUSD", "GBPUSD", "XAUUSD")), symbols=["EURUSD", "GBPUSD"]),
}


@pytest.mark.parametrize("report", AWKWARD.values(), ids=AWKWARD)
def test_any_run_makes_a_sound_page(report):
    html = render_report(report)
    page = Page(html)
    assert html.startswith("<!doctype html>\n<html")
    assert page.sections[-1] == "reproducibility"
    assert not re.search(r"\b(nan|inf|None|NaN)\b", page.words)
    for name, attributes in page.elements:
        values = " ".join(value or "" for key, value in attributes.items() if key not in {"class", "title"})
        assert not re.search(r"\b(nan|inf|None)\b", values), (name, attributes)
    identities = [attributes["id"] for _, attributes in page.elements if "id" in attributes]
    assert len(identities) == len(set(identities))
    assert {link["href"] for link in page.all("a")} == {f"#{name}" for name in page.sections}


def test_the_same_run_gives_the_same_page():
    made = random_run(30)
    assert render_report(report_of(*made)) == render_report(report_of(*made))


def test_a_whole_run_has_every_section_in_order():
    made, times, equity = random_run(60, tag="breakout")
    report = report_of(
        made, times, equity, warnings=["Only 60 trades"],
        refusals=[{"time": "2026-01-05T00:10:00Z", "outcome": "refused", "code": "no_market", "reason": "No candle"}],
    )  # fmt: skip
    assert Page(render_report(report)).sections == [
        "warnings", "intrabar", "costs", "equity", "months", "multiples", "breakdowns", "drawdowns", "monte-carlo",
        "statistics", "trades", "refusals", "reproducibility",
    ]  # fmt: skip


def test_what_a_run_does_not_have_is_left_out():
    assert Page(render_report(AWKWARD["no trades"])).sections == [
        "intrabar", "costs", "equity", "months", "statistics", "reproducibility",
    ]  # fmt: skip
    bare = ReportData("Bot", ["EURUSD"], "M1", *window(2), MADE_AT, Reproducibility("1"))
    page = Page(render_report(bare))
    assert page.sections == ["reproducibility"]
    assert "EURUSD" in page.words


def test_nothing_is_asked_of_any_server_and_no_script_is_run():
    html = render_report(report_of(*random_run(30), trades_url="https://example.org/trades.csv"))
    page = Page(html)
    assert {name for name, _ in page.elements}.isdisjoint({"script", "link", "img", "iframe", "object", "base", "form"})
    for name, attributes in page.elements:
        assert not [key for key in attributes if key.startswith("on") or key in {"src", "srcset", "style", "action"}]
        if name != "a":
            assert not {"href", "xlink:href"} & set(attributes)
    assert not re.search(r"@import|url\(|expression\(|@font-face", html)
    (policy,) = [meta["content"] for meta in page.all("meta") if meta.get("http-equiv") == "Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "script" not in policy


def hostile():
    """A run of which a user wrote whatever there is to write, and whoever sent it the rest."""
    made, times, equity = random_run(12, tag=EVIL, symbols=(EVIL, "EURUSD"))
    stats = report_of(made, times, equity).stats | {EVIL: 1.0, "intrabar_decided": 3}
    return report_of(
        made, times, equity, title=EVIL, symbols=[EVIL], timeframe=EVIL, stats=stats, warnings=[EVIL],
        trades_url="https://example.org/?" + EVIL,
        refusals=[dict.fromkeys(("time", "outcome", "code", "reason", "action"), EVIL)],
        reproducibility=Reproducibility(
            EVIL, EVIL, EVIL, EVIL, EVIL, EVIL, {EVIL: EVIL}, {EVIL: [EVIL], "intrabar": EVIL}, [{EVIL: EVIL}],
            [{EVIL: EVIL}],
        ),
    )  # fmt: skip


def test_nothing_a_user_wrote_becomes_markup():
    html = render_report(hostile())
    page = Page(html)
    assert {name for name, _ in page.elements}.isdisjoint({"script", "img"})
    assert "<script" not in html
    assert "onerror=alert(1)>" not in html
    assert not [attributes for _, attributes in page.elements if "onerror" in attributes]
    assert html.count("<h1>") == html.count("</head>") == html.count("</style>") == 1
    assert page.words.count("<script>alert('x')</script>") > 20


def test_a_link_leads_to_trades_and_to_no_script():
    made = random_run(3)
    for url in (
        "javascript:alert(1)",
        "JaVaScRiPt:alert(1)",
        " javascript:alert(1)",
        "data:text/html,<b>",
        "vbscript:x",
        "//example.org/a.csv",
    ):
        page = Page(render_report(report_of(*made, trades_url=url)))
        assert all(link["href"].startswith("#") for link in page.all("a")), url
    for url in ("https://example.org/a.csv", "http://localhost/a.csv"):
        assert url in [link["href"] for link in Page(render_report(report_of(*made, trades_url=url))).all("a")]


def test_text_that_is_not_unicode_or_not_printable_does_not_break_the_page():
    html = render_report(report_of(*random_run(3), title="a\ud800b\x00c\x1bd", warnings=["\u202egnp.exe"]))
    assert "a?b\N{REPLACEMENT CHARACTER}c\N{REPLACEMENT CHARACTER}d" in html
    html.encode("utf-8")
    assert "<li>\u202egnp.exe</li>" in html  # turns round no more than its own line


def test_an_outline_says_that_it_is_one():
    made = random_run(5)
    words = "this is the outline the run kept"
    assert words in Page(render_report(report_of(*made, outline_only=True))).words
    assert words not in Page(render_report(report_of(*made))).words


def test_a_long_log_is_cut_and_leads_to_all_of_it():
    made, times, equity = random_run(MOST_TRADES + 3)
    report = report_of(made, times, equity, trades_url="https://example.org/t.csv")
    page = Page(render_report(report))
    assert f"The first {MOST_TRADES} of {MOST_TRADES + 3} rows." in page.words
    assert f"Trades ({MOST_TRADES + 3})" in page.words
    assert "https://example.org/t.csv" in page.words
    short = Page(render_report(replace(report, trades=report.trades[:10], trades_total=10)))
    assert "Trades (10)" in short.words
    assert "rows." not in short.words


def test_a_page_of_thirteen_thousand_trades_is_small_and_quick():
    """371,000 points are a year of minutes. The time allowed is several times that of a quiet machine."""
    made, times, equity = random_run(13_000, points=371_000)
    report = report_of(made, times, equity)
    render_report(report)
    start = process_time()
    html = render_report(report)
    assert process_time() - start < 1.5
    assert len(html.encode()) < 3_000_000
    assert times[-1] - times[0] == 370_999 * MINUTE
