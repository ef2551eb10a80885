"""backtrader strategies that do on given bars what they were told, and what they were told in return."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any

import backtrader as bt

from analysis.backtrader_engine import Feed, run_backtrader
from analysis.engine import BacktestResult, BacktestSettings
from tests.analysis.engine.worked import GOLD, MINUTE, MONDAY, Row, candles

Does = Callable[[Any], Any]


class Scripted(bt.Strategy):
    """`script` by bar (counted from 0 by the time of the newest bar); the last strategy made is `last`."""

    script: Mapping[int, Does] = {}
    minutes = 1
    last: "Scripted"

    def __init__(self):
        type(self).last = Scripted.last = self
        self.news, self.trades, self.seen, self.orders = [], [], [], {}

    def next(self):
        bar = (round((self.datetime[0] - 719163) * 1440) - MONDAY // MINUTE) // self.minutes
        self.seen.append((bar, self.position.size, self.broker.getvalue(), self.broker.getcash()))
        if bar in self.script:
            self.script[bar](self)

    def notify_order(self, order):
        name = next((name for name, kept in self.orders.items() if kept.ref == order.ref), "?")
        self.news.append((name, order.getstatusname()))

    def notify_trade(self, trade):
        self.trades.append((trade.justopened, trade.isclosed, float(trade.size), trade.pnl, trade.pnlcomm))

    def told(self, name):
        return [status for order, status in self.news if order == name]


def at(*names_and_orders: Any, **orders: Does) -> Does:
    """A step that keeps the orders it sends under their names."""

    def step(strategy):
        for name, send in orders.items():
            sent = send(strategy)
            strategy.orders[name] = sent

    return step


def play(
    rows: Sequence[Row] | Mapping[str, Sequence[Row]],
    script: Mapping[int, Does],
    *,
    spread: int = 0,
    instrument: Any = GOLD,
    minutes: int = 1,
    base: type[Any] = Scripted,
    report: bool = False,
    **settings: Any,
) -> tuple[BacktestResult, Scripted]:
    """Run a script with 10,000.00 of equity, on one symbol or on several by name."""
    by_symbol = rows if isinstance(rows, Mapping) else {instrument.symbol: rows}
    feeds = [
        Feed(replace(candles(each, spread=spread), symbol=name), replace(instrument, symbol=name))
        for name, each in by_symbol.items()
    ]
    strategy = type("Told", (base,), {"script": dict(script), "minutes": minutes})
    result = run_backtrader(
        strategy, feeds, BacktestSettings(initial_equity=10_000.0, **settings), params={}, report=report
    )
    return result, Scripted.last
