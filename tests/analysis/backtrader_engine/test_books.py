"""Whatever a strategy sends: what it is told adds up with what the platform's market did."""

from dataclasses import replace
from datetime import timedelta

import backtrader as bt
import numpy as np
import pytest

from analysis.backtrader_engine import Feed, run_backtrader
from analysis.engine import BacktestSettings
from tests.analysis.backtrader_engine.test_same_trades import random_candles
from tests.analysis.engine.worked import GOLD

KINDS = (bt.Order.Market, bt.Order.Limit, bt.Order.Stop, bt.Order.StopTrail)


class Anything(bt.Strategy):
    """Sends, protects, cancels and closes at random."""

    params = (("seed", 0),)

    def __init__(self):
        Anything.last = self
        self.rng = np.random.default_rng(self.p.seed)
        self.orders, self.status, self.final, self.closed = [], {}, [], []

    def notify_order(self, order):
        assert self.status.get(order.ref) not in self.final, "an order that had ended was told of again"
        self.status[order.ref] = None if order.alive() else order.getstatusname()

    def notify_trade(self, trade):
        if trade.isclosed:
            self.closed.append((trade.pnl, trade.pnlcomm))

    def next(self):
        self.check()
        for data in self.datas:
            if self.rng.random() < 0.3:
                self.act(data)

    def check(self):
        """The net position of every feed is the sum of what is open in the market."""
        simulation = self.broker._simulation
        for symbol, data in enumerate(self.datas):
            mine = [p for p in simulation.positions if p["symbol"] == symbol]
            net = sum(simulation.instruments[symbol].from_steps(int(p["steps"])) * int(p["direction"]) for p in mine)
            assert self.getposition(data).size == pytest.approx(net, abs=1e-9)

    def act(self, data):
        size = round(float(self.rng.integers(1, 30)) * 0.01, 2)
        sign, close = int(self.rng.choice([1, -1])), data.close[0]
        side, bracket = (self.buy, self.buy_bracket) if sign == 1 else (self.sell, self.sell_bracket)
        away = float(self.rng.integers(5, 60)) * 0.01
        kind = KINDS[self.rng.integers(len(KINDS))]
        price = close + away * (1 if kind == bt.Order.Stop else -1) * sign
        valid = timedelta(minutes=int(self.rng.integers(1, 40))) if self.rng.random() < 0.5 else None
        match self.rng.integers(7):
            case 0 | 1:
                self.orders.append(side(data=data, size=size, price=price, exectype=kind, valid=valid))
            case 2 | 3:
                sent = bracket(
                    data=data, size=size, price=price, exectype=kind, stopprice=price - sign * away,
                    limitprice=price + 2 * sign * away,
                )  # fmt: skip
                self.orders += sent
            case 4:
                self.protect(data, away)
            case 5:
                self.close(data=data)
            case _:
                alive = [order for order in self.orders if order.alive()]
                if alive:
                    self.cancel(alive[self.rng.integers(len(alive))])

    def protect(self, data, away):
        held = self.getposition(data).size
        if not held:
            return
        side, sign = (self.sell, -1) if held > 0 else (self.buy, 1)
        kind = bt.Order.Stop if self.rng.random() < 0.5 else bt.Order.Limit
        price = data.close[0] + away * sign * (1 if kind == bt.Order.Stop else -1)
        self.orders.append(side(data=data, size=abs(held), price=price, exectype=kind))


CASES = [
    {}, {"slippage_ms": 30_000}, {"timeframe": "M5", "slippage_ms": 500_000}, {"leverage": 20.0},
    {"risk": {"max_open_positions": 3}, "intrabar": "ohlc"},
]  # fmt: skip


@pytest.mark.parametrize("case", CASES)
@pytest.mark.parametrize("seed", range(3))
def test_the_books_of_strategy_and_market_agree(seed, case):
    names = ["A", "B"][: 1 + seed % 2]
    feeds = [
        Feed(replace(random_candles(GOLD, 10 * seed + i, 1_500), symbol=name), replace(GOLD, symbol=name))
        for i, name in enumerate(names)
    ]
    settings = BacktestSettings(initial_equity=1_000.0, commission_per_lot=3.5, **case)
    result = run_backtrader(Anything, feeds, settings, params={"seed": seed})
    told = Anything.last
    assert len(result.trades) > 20
    assert [ref for ref, status in told.status.items() if status is None] == waiting(told)
    assert [data.size for data in map(told.getposition, told.datas)] == [0] * len(names)
    assert round(1_000 + result.trades.pnl.sum(), 2) == result.equity[-1] == told.broker.getvalue()
    assert sum(pnl for _, pnl in told.closed) == pytest.approx(result.trades.pnl.sum(), abs=0.011 * len(result.trades))


def waiting(told):
    return [order.ref for order in told.broker.get_orders_open()]
