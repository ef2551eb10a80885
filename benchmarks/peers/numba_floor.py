"""The floor: the same work as bare loops over arrays, compiled, and nothing around them."""

import numba
import numpy as np

from benchmarks.peers import kernels
from benchmarks.peers.protocol import Candles, Outcome, serve
from benchmarks.peers.rules import ATR, FAST, SLOW


class NumbaFloor:
    engine = "numba floor"
    version = numba.__version__

    def __init__(self, candles: Candles) -> None:
        self.time = candles.time
        self.prices = np.stack(candles[1:])

    def run(self):
        _, high, low, close = self.prices
        side = kernels.crossings(kernels.ema(close, FAST), kernels.ema(close, SLOW))
        stop, target = kernels.levels(side, close, kernels.atr(high, low, close, ATR))
        done = kernels.simulate(self.prices, side, stop, target, True, False, False, False, False)
        _, _, sides, entry_price, exit_price, equity = done
        return done, kernels.statistics(self.time, equity, sides, entry_price, exit_price)

    def outcome(self, result) -> Outcome:
        *trades, equity = result[0]
        return Outcome(*trades, kernels.after_last_exit(equity, trades[1]))


if __name__ == "__main__":
    serve(NumbaFloor)
