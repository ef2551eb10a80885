"""The work on backtrader: bracket orders, its own indicators, vectorised where it can (runonce)."""

import backtrader as bt
import numpy as np

from benchmarks.peers import indicators, rules
from benchmarks.peers.protocol import Candles, Outcome, serve


class EmaCross(bt.Strategy):
    def __init__(self):
        self.fast = bt.indicators.EMA(self.data.close, period=rules.FAST)
        self.slow = bt.indicators.EMA(self.data.close, period=rules.SLOW)
        self.atr = bt.indicators.ATR(self.data, period=rules.ATR)
        self.fills, self.equity = [], []

    def next(self):
        self.equity.append(self.broker.getvalue())
        if self.position or len(self.data) <= rules.FIRST_BAR:
            return
        if self.fast[-1] <= self.slow[-1] and self.fast[0] > self.slow[0]:
            up, enter = 1, self.buy_bracket
        elif self.fast[-1] >= self.slow[-1] and self.fast[0] < self.slow[0]:
            up, enter = -1, self.sell_bracket
        else:
            return
        close, risk = self.data.close[0], rules.SL_ATR * self.atr[0]
        levels = {"stopprice": close - up * risk, "limitprice": close + up * rules.TP_ATR * self.atr[0]}
        enter(size=rules.RISK * self.equity[-1] / risk, exectype=bt.Order.Market, **levels)

    def notify_order(self, order):
        if order.status == order.Completed:
            self.fills.append((len(self.data) - 1, order.executed.size, order.executed.price))


class Backtrader:
    engine = "backtrader"
    version = bt.__version__

    def __init__(self, candles: Candles) -> None:
        self.time = candles.time
        self.frame = indicators.frame(candles)

    def run(self):
        cerebro = bt.Cerebro(stdstats=False)
        cerebro.adddata(bt.feeds.PandasData(dataname=self.frame, volume=None, openinterest=None))
        cerebro.addstrategy(EmaCross)
        cerebro.broker.setcash(rules.INITIAL_EQUITY)
        cerebro.broker.setcommission(commission=0.0, leverage=100_000.0)
        strategy = cerebro.run()[0]
        equity = np.array(strategy.equity)
        return strategy, indicators.statistics(self.time[-len(equity) :], equity)

    def outcome(self, result) -> Outcome:
        fills = result[0].fills
        closed = len(fills) // 2 * 2
        bars = np.array([bar for bar, _, _ in fills[:closed]], dtype=np.int64)
        size = np.array([size for _, size, _ in fills[:closed]])
        price = np.array([price for _, _, price in fills[:closed]])
        cash = rules.INITIAL_EQUITY - (size * price).sum()
        return Outcome(bars[::2], bars[1::2], np.sign(size[::2]), price[::2], price[1::2], cash)


if __name__ == "__main__":
    serve(Backtrader)
