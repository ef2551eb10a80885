"""What happened one by one: trades, and actions that were refused."""

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from analysis.report.markup import Markup, joined, tag
from analysis.report.tables import Cell, Column, gained, table
from analysis.report.wording import NOTHING, counted, decimals_of, direction, ending, moment, number

Row = Mapping[str, Any]

MOST_TRADES = 500
MOST_REFUSALS = 50


def trade_list(trades: Sequence[Row]) -> Markup:
    """The first trades of a log; columns that say the same of all of them are left out."""
    shown = trades[:MOST_TRADES]
    decimals = {symbol: _decimals(shown, symbol) for symbol in {trade.get("symbol") for trade in shown}}
    several = len(decimals) > 1
    tags = {trade.get("tag") or "" for trade in shown}
    tagged = len(tags) > 1
    caption = "Trades in order of entry" + ("" if tagged or "" in tags else f", each tagged {tags.pop()}")
    columns = [
        Column("#", "words"), *([Column("Symbol", "words")] if several else []), Column("Side", "words"),
        Column("Lots"), Column("Entry (UTC)", "words"), Column("at"), Column("Stop", "number wide"),
        Column("Target", "number wide"), Column("Exit (UTC)", "words"), Column("at"), Column("Reason", "words"),
        Column("P&L"), Column("R"), Column("MAE", "number wide"), Column("MFE", "number wide"),
        *([Column("Tag", "words tag")] if tagged else []),
    ]  # fmt: skip
    rows = [_trade(trade, decimals[trade.get("symbol")], several=several, tagged=tagged) for trade in shown]
    return table(caption, columns, rows, "trades")


def _trade(trade: Row, decimals: int, *, several: bool, tagged: bool) -> list[Cell | str]:
    def price(name: str) -> str:
        return number(trade.get(name), decimals)

    return [
        _numbered(trade),
        *([_said(trade.get("symbol"))] if several else []),
        _said(trade.get("side")),
        number(trade.get("lots")),
        moment(trade.get("entry_time")),
        price("entry_price"),
        price("sl"),
        price("tp"),
        moment(trade.get("exit_time")),
        price("exit_price"),
        _reason(trade),
        gained(trade.get("pnl")),
        Cell(number(trade.get("pnl_r")), direction(trade.get("pnl_r"))),
        number(trade.get("mae_r")),
        number(trade.get("mfe_r")),
        *([_said(trade.get("tag"))] if tagged else []),
    ]


def _numbered(trade: Row) -> str:
    part = trade.get("part")
    return f"{_said(trade.get('id'))}.{part}" if part else _said(trade.get("id"))


def _reason(trade: Row) -> Cell:
    mark = tag("abbr", "*", title="Which level came first within the minute is an assumption")
    return Cell(joined(ending(trade.get("exit_reason")), mark if trade.get("intrabar_decided") else None))


def _said(value: object) -> str:
    return NOTHING if value is None else str(value)


def _decimals(trades: Sequence[Row], symbol: object) -> int:
    prices = (t.get(name) for t in trades if t.get("symbol") == symbol for name in ("entry_price", "exit_price"))
    return min(max((decimals_of(price) for price in prices), default=0), 8)


def refusal_list(refusals: Sequence[Row]) -> Markup:
    """How often what was refused, and the first ones."""
    counts = Counter(_said(refusal.get("code")) for refusal in refusals)
    often = "; ".join(f"{code}: {counted(count, 'time')}" for code, count in counts.most_common(20))
    columns = (Column("At (UTC)", "words"), Column("Outcome", "words"), Column("Reason", "words reason"))
    rows = [
        [moment(refusal.get("time")), _said(refusal.get("outcome")), _said(refusal.get("reason"))]
        for refusal in refusals[:MOST_REFUSALS]
    ]
    caption = "Actions that were not carried out as asked"
    return joined(tag("p", often + ".", class_="note"), table(caption, columns, rows, "refusals"))
