"""The break and retest template, candles for it, and backtrader with its own broker to run it."""

import math
import sys
from datetime import UTC, datetime
from pathlib import Path

import backtrader as bt
import numpy as np
import pandas as pd

from analysis.instrument import Instrument
from analysis.strategy import load_strategy_class

PATH = Path(__file__).parents[2] / "strategy_templates" / "break_retest_v1.py"
SOURCE = PATH.read_text()
BreakRetest = load_strategy_class(SOURCE, PATH.name)
template = sys.modules[BreakRetest.__module__]
GOLD = Instrument("XAUUSD", 2, 0.01, 0.01, 1.0, 100, 0.01, 50, 0.01)
EURO = Instrument("EURUSD", 5, 1e-5, 1e-5, 1.0, 100_000, 0.01, 50, 0.01)
TUESDAY = datetime(2026, 1, 6, tzinfo=UTC)
HOUR = pd.Timedelta(hours=1)
NAN = math.nan
PRICES = ("open", "high", "low", "close")


def feed(frame, instrument=GOLD, **options):
    made = bt.feeds.PandasData(dataname=frame, **options)
    made.instrument = instrument
    return made


def hours(bodies, start=TUESDAY, step=HOUR, wick=0.0):
    """Candles of (open, close) from `start` on."""
    opens, closes = np.array(bodies, dtype=float).T
    columns = {
        "open": opens, "high": np.maximum(opens, closes) + wick, "low": np.minimum(opens, closes) - wick,
        "close": closes, "volume": np.full(len(opens), 10.0),
    }  # fmt: skip
    return pd.DataFrame(columns, index=pd.date_range(start, periods=len(opens), freq=step))


def random_candles(seed, count, tick=0.01, freq=HOUR):
    """A random walk in whole ticks with small bodies: legs, dojis and gaps in plenty."""
    rng = np.random.default_rng(seed)
    opens = 10_000 + np.cumsum(rng.integers(-12, 13, count))
    closes = opens + rng.integers(-9, 10, count) * (rng.random(count) < 0.9)
    frame = pd.DataFrame({"open": opens, "close": closes}, pd.date_range(TUESDAY, periods=count, freq=freq))
    frame["high"] = frame.max(axis=1) + rng.integers(0, 6, count)
    frame["low"] = frame[["open", "close"]].min(axis=1) - rng.integers(0, 6, count)
    return (frame * tick).round(5).assign(volume=rng.integers(1, 100, count).astype(float))


def play(strategy, feeds, *, cash=10_000.0, runonce=True, **params):
    """The strategy after a run over feeds by name, in backtrader alone; a lot needs 100 of the cash."""
    cerebro = bt.Cerebro(stdstats=False, runonce=runonce)
    for name, data in feeds.items():
        cerebro.adddata(data, name=name)
        worth = data.instrument.tick_value / data.instrument.tick_size
        cerebro.broker.setcommission(margin=100.0, mult=worth, name=name)
    cerebro.broker.setcash(cash)
    cerebro.addstrategy(strategy, **params)
    return cerebro.run()[0]


def epoch(hour):
    """Epoch milliseconds of an hour after TUESDAY."""
    return int(TUESDAY.timestamp() * 1000) + hour * 3_600_000


def hour_of(ms):
    """The hour after TUESDAY of epoch milliseconds."""
    return (ms - epoch(0)) / 3_600_000


def column(line):
    return np.array(line.get(size=len(line)))
