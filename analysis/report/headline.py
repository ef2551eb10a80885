"""What is read first: what was tested, and the figures one looks for."""

from collections.abc import Callable, Mapping
from typing import Any

from analysis.report.data import ReportData
from analysis.report.figures import figure_of
from analysis.report.markup import Markup, tag
from analysis.report.wording import direction, moment, money, multiple, number, per_cent, signed

_SURE = "above 0 with {} probability"


def facts(report: ReportData) -> Markup:
    """What was tested, on one line."""
    named = {
        "Candles (UTC)": f"{moment(report.start)} to {moment(report.end)}",
        "Timeframe": report.timeframe,
        "Version": report.reproducibility.code_hash[:12],
        "Report made (UTC)": moment(report.made_at),
    }
    return tag("dl", *(tag("div", tag("dt", k), tag("dd", v)) for k, v in named.items() if v), class_="facts")


def headline(report: ReportData) -> Markup | None:
    """The figures one looks for first; those the run has."""
    stats = report.stats
    tiles = (
        _tile("Net P&L", "net_pnl", stats, _signed_money, _between(stats), coloured=True),
        _tile("Return", "total_return_pct", stats, _signed_pct, _note(stats, "cagr_pct", "{} a year"), coloured=True),
        _tile("Max drawdown", "max_drawdown_pct", stats, per_cent, _note(stats, "max_drawdown", "{} in money")),
        _tile("Sharpe ratio", "sharpe_ratio", stats, number, _note(stats, "probabilistic_sharpe_ratio", _SURE)),
        _tile("Profit factor", "profit_factor", stats, number, _note(stats, "payoff_ratio", "payoff ratio {}")),
        _tile("Win rate", "win_rate", stats, _short_pct, _wins(stats)),
        _tile("Trades", "total_trades", stats, number, _note(stats, "average_holding_s", "{} each")),
        _tile("Expectancy", "expectancy_r", stats, multiple, _note(stats, "expectancy", "{} a trade")),
    )  # fmt: skip
    known = [tile for tile in tiles if tile is not None]
    return tag("dl", *known, class_="tiles", aria_label="Headline figures") if known else None


def _tile(
    label: str,
    name: str,
    stats: Mapping[str, Any],
    shown: Callable[[object], str],
    note: str | None,
    *,
    coloured: bool = False,
) -> Markup | None:  # fmt: skip
    if name not in stats:
        return None
    value = stats[name]
    look = direction(value) if coloured else None
    return tag("div", tag("dt", label), tag("dd", shown(value), class_=look), note and tag("dd", note, class_="note"))


def _note(stats: Mapping[str, Any], name: str, words: str) -> str | None:
    value = stats.get(name)
    return None if value is None else words.format(figure_of(name).shown(value))


def _between(stats: Mapping[str, Any]) -> str | None:
    if "initial_equity" not in stats or "final_equity" not in stats:
        return None
    return f"{money(stats['initial_equity'])} to {money(stats['final_equity'])}"


def _wins(stats: Mapping[str, Any]) -> str | None:
    won, lost = stats.get("winning_trades"), stats.get("losing_trades")
    return None if won is None or lost is None else f"{number(won)} won, {number(lost)} lost"


def _signed_money(value: object) -> str:
    return signed(value, money(value))


def _signed_pct(value: object) -> str:
    return signed(value, per_cent(value))


def _short_pct(value: object) -> str:
    return per_cent(value, 1)
