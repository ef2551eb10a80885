"""The work on backtesting.py."""

import warnings

import numpy as np
from backtesting import Backtest, Strategy, __version__

from benchmarks.peers import indicators, rules
from benchmarks.peers.protocol import Candles, Outcome, serve


class EmaCross(Strategy):
    def init(self):
        data = self.data
        self.fast = self.I(indicators.ema, data.Close, rules.FAST)
        self.slow = self.I(indicators.ema, data.Close, rules.SLOW)
        self.atr = self.I(indicators.atr, data.High, data.Low, data.Close, rules.ATR)

    def next(self):
        if self.position or len(self.data) <= rules.FIRST_BAR:
            return
        fast, slow = self.fast, self.slow
        if fast[-2] <= slow[-2] and fast[-1] > slow[-1]:
            up, enter = 1, self.buy
        elif fast[-2] >= slow[-2] and fast[-1] < slow[-1]:
            up, enter = -1, self.sell
        else:
            return
        close, risk = self.data.Close[-1], rules.SL_ATR * self.atr[-1]
        units = int(rules.RISK * self.equity / risk)
        enter(size=units, sl=close - up * risk, tp=close + up * rules.TP_ATR * self.atr[-1])


class BacktestingPy:
    engine = "backtesting.py"
    version = __version__

    def __init__(self, candles: Candles) -> None:
        warnings.simplefilter("ignore")  # of the trade that is open at the end
        self.backtest = Backtest(indicators.frame(candles), EmaCross, cash=rules.INITIAL_EQUITY, margin=1e-5)

    def run(self):
        return self.backtest.run()

    def outcome(self, result) -> Outcome:
        trades = result._trades.sort_values("EntryBar")
        side = np.sign(trades["Size"].to_numpy())
        columns = (trades[name].to_numpy() for name in ("EntryPrice", "ExitPrice"))
        bars = (trades[name].to_numpy() for name in ("EntryBar", "ExitBar"))
        return Outcome(*bars, side, *columns, rules.INITIAL_EQUITY + trades["PnL"].sum())


if __name__ == "__main__":
    serve(BacktestingPy)
