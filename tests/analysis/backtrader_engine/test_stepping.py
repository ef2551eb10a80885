"""Indicators have the values backtrader's own stepping gives them, to the last bit."""

from contextlib import nullcontext
from dataclasses import replace

import backtrader as bt
import numpy as np
import pytest

from analysis.backtrader_engine import Feed, run_backtrader
from analysis.engine import BacktestSettings
from tests.analysis.engine.worked import GOLD, candles

PLAIN = [
    "SMA", "EMA", "WMA", "HMA", "KAMA", "SMMA", "DEMA", "ZLEMA", "ATR", "MACDHisto", "RSI", "RSI_Safe",
    "BollingerBands", "Stochastic", "Ichimoku", "ParabolicSAR", "ADX", "HeikinAshi", "Highest", "AroonOscillator",
    "CCI", "Momentum", "PercentRank", "TSI", "UltimateOscillator", "WilliamsR", "DV2", "Hurst", "PivotPoint",
]  # fmt: skip


class Counting(bt.Indicator):
    """Counts the calls of each of its phases, and a part of its own."""

    lines = ("prenexts", "nextstarts", "nexts")

    def __init__(self):
        self.addminperiod(4)
        self.part = bt.indicators.SMA(self.data, period=3)
        self.counts = [0, 0, 0]

    def _count(self, phase):
        self.counts[phase] += 1
        for line, count in zip(self.lines, self.counts, strict=True):
            line[0] = count

    def prenext(self):
        self._count(0)

    def nextstart(self):
        self._count(1)

    def next(self):
        self._count(2)


class WayOfItsOwn(bt.Indicator):
    """Takes a step in a way of its own."""

    lines = ("doubled",)

    def _next(self):
        super()._next()
        self.lines.doubled[0] = 2 * self.data[0]


class Zoo(bt.Strategy):
    """Everything at once; `values` are all lines at every call."""

    def __init__(self):
        first, second = self.datas
        Zoo.last, self.values = self, []
        made = [getattr(bt.indicators, name)(first) for name in PLAIN]
        made += [Counting(first), Counting(second), WayOfItsOwn(first), bt.indicators.EMA(second)]
        made += [bt.indicators.CrossOver(bt.indicators.EMA(each, period=5), each.close) for each in self.datas]
        own = [first.close(-2) - second.close(), first.high / 2 + second.low, bt.If(first.close > 100, first.low, 0.0)]
        own += [bt.Max(first.high, first.close(-1)), first.close > bt.indicators.SMA(first, period=7)]
        self.kept = [line for each in made for line in each.lines] + own

    def prenext(self):
        self.next()

    def next(self):
        if len(self) == 150:  # one that comes when the run is well on its way
            self.kept.append(bt.indicators.SMA(self.data, period=2).lines[0])
        self.values.append([len(self), *(line[0] if len(line) else -1.0 for line in self.kept)])


def feed(name, seed, missing):
    rng = np.random.default_rng(seed)
    close = (100 + np.cumsum(rng.normal(0, 0.3, 301))).round(2)
    rows = [
        None if rng.random() < missing else (a, round(max(a, b) + 0.2, 2), round(min(a, b) - 0.2, 2), b)
        for a, b in zip(close[:-1], close[1:], strict=True)
    ]
    return Feed(replace(candles(rows), symbol=name), replace(GOLD, symbol=name))


@pytest.mark.parametrize("missing", [0.0, 0.3])
def test_every_line_has_the_value_of_backtraders_own_walk(monkeypatch, missing):
    settings = BacktestSettings(initial_equity=10_000.0)
    seen = []
    for _ in range(2):
        run_backtrader(Zoo, [feed("A", 1, missing), feed("B", 2, missing)], settings, params={})
        seen.append(Zoo.last.values)
        monkeypatch.setattr("analysis.backtrader_engine.run.Stepping", nullcontext)
    ours, theirs = seen
    assert len(ours) == len(theirs) > 250
    assert {len(row) for row in ours} == {len(ours[0]), len(ours[0]) + 1}
    for mine, own in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(mine, own)


def test_the_strategy_has_its_own_list_of_indicators_again():
    run_backtrader(Zoo, [feed("A", 1, 0), feed("B", 2, 0)], BacktestSettings(initial_equity=10_000.0), params={})
    found = Zoo.last.getindicators()
    assert all(isinstance(each, bt.LineIterator | bt.linebuffer.LineActions) for each in found)
    assert len(found) > len(PLAIN)
