"""The work on vectorbt: signals shifted by a bar, stops as shares of the entry's price.

It has no size by risk with leverage: trades are of one unit, and the compounding of 1 % a trade is done beside it. A
stop that a gap has put on the wrong side of the entry has no share of the price: it is put next to the entry.
"""

import numpy as np
import vectorbt as vbt

from benchmarks.peers import indicators, rules
from benchmarks.peers.protocol import Candles, Outcome, serve


class Vectorbt:
    version = vbt.__version__

    def __init__(self, candles: Candles, kernels: str) -> None:
        self.engine = f"vectorbt {kernels}"
        vbt.settings["engine"] = kernels
        self.time = candles.time
        self.frame = indicators.frame(candles)

    def run(self):
        open_, high, low, close = (self.frame[name].to_numpy() for name in ("Open", "High", "Low", "Close"))
        up, down = indicators.crossings(indicators.ema(close, rules.FAST), indicators.ema(close, rules.SLOW))
        side = up.astype(np.int8) - down
        atr = indicators.atr(high, low, close, rules.ATR)
        stop, target = close - side * rules.SL_ATR * atr, close + side * rules.TP_ATR * atr
        sl_stop = np.maximum(_after(side, np.nan) * (1 - _after(stop, np.nan) / open_), rules.SMALLEST_STOP)
        tp_stop = np.maximum(_after(side, np.nan) * (_after(target, np.nan) / open_ - 1), rules.SMALLEST_STOP)
        portfolio = vbt.Portfolio.from_signals(
            self.frame["Close"],
            entries=_after(up, False),
            short_entries=_after(down, False),
            price=open_,
            open=open_,
            high=high,
            low=low,
            sl_stop=sl_stop,
            tp_stop=tp_stop,
            stop_entry_price="price",
            upon_opposite_entry="ignore",
            size=1.0,
            init_cash=1e6,
            freq="1min",
        )
        value = portfolio.value().to_numpy()
        records = portfolio.exit_trades.values
        records = records[records["status"] == 1]
        risk = (rules.SL_ATR * atr)[records["entry_idx"] - 1]
        equity = rules.INITIAL_EQUITY * np.cumprod(1 + rules.RISK * records["pnl"] / risk)
        return records, equity, indicators.statistics(self.time, value)

    def outcome(self, result) -> Outcome:
        records, equity, _ = result
        side = np.where(records["direction"] == 0, 1, -1)
        names = ("entry_idx", "exit_idx", "entry_price", "exit_price")
        entry_bar, exit_bar, entry_price, exit_price = (records[name] for name in names)
        return Outcome(entry_bar, exit_bar, side, entry_price, exit_price, equity[-1])


def _after(values, first):
    """Each value on the bar after its own."""
    shifted = np.empty(len(values), np.result_type(values.dtype, type(first)))
    shifted[0], shifted[1:] = first, values[:-1]
    return shifted


if __name__ == "__main__":
    serve(Vectorbt)
