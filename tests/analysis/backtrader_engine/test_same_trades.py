"""A strategy of the platform and its equivalent for backtrader make the same trades, to the last column."""

from dataclasses import replace

import backtrader as bt
import numpy as np
import pandas as pd
import pytest

from analysis.backtrader_engine import Feed, run_backtrader
from analysis.candles import Candles
from analysis.engine import BacktestSettings, Leg, run_portfolio
from analysis.engine.trades import COLUMNS
from analysis.instrument import Instrument
from analysis.strategy import BaseStrategy, make_strategy
from tests.analysis.engine.worked import GOLD, MINUTE, MONDAY

EURO = Instrument("EURUSD", 5, 1e-5, 1e-5, 1.0, 100_000, 0.01, 50, 0.01, swap_long=-6.5, swap_short=1.2)
FAST, SLOW, RANGE = 9, 21, 14


class ForBacktrader(bt.Strategy):
    """A bracket at every crossing of two averages; an opposite crossing takes back what waits."""

    params = (("entry", "market"), ("one_at_a_time", False))

    def __init__(self):
        self.markets = [
            (
                data,
                bt.indicators.EMA(data.close, period=FAST),
                bt.indicators.EMA(data.close, period=SLOW),
                bt.indicators.SMA(bt.indicators.TrueRange(data), period=RANGE),
                [],
            )
            for data in self.datas
        ]
        self.bars = [0] * len(self.datas)

    def prenext(self):
        self.next()

    def next(self):
        for place, (data, fast, slow, spread_out, waiting) in enumerate(self.markets):
            if len(data) == self.bars[place]:
                continue
            self.bars[place] = len(data)
            if len(data) < SLOW + 1:
                continue
            self.on_bar(data, fast[0] - slow[0], fast[-1] - slow[-1], spread_out[0], waiting)

    def on_bar(self, data, above, before, away, waiting):
        if (above > 0) == (before > 0):
            return
        if self.p.entry == "market" and self.p.one_at_a_time and self.getposition(data).size:
            self.close(data=data)
            return
        for order in waiting:
            if order.alive():
                self.cancel(order)
        waiting.clear()
        send, sign = (self.buy_bracket, 1) if above > 0 else (self.sell_bracket, -1)
        price = data.close[0] - sign * away if self.p.entry == "limit" else None
        around = data.close[0] if price is None else price
        orders = send(
            data=data, size=0.3, price=price, exectype=bt.Order.Market if price is None else bt.Order.Limit,
            stopprice=around - sign * 2 * away, limitprice=around + sign * 3 * away,
        )  # fmt: skip
        if price is not None:
            waiting.append(orders[0])


class ForThePlatform(BaseStrategy):
    """The same in the platform's own words."""

    DEFAULT_PARAMS = {"entry": "market", "one_at_a_time": False}
    PARAMS_SCHEMA = {
        "entry": {"type": "choice", "choices": ["market", "limit"]},
        "one_at_a_time": {"type": "bool"},
    }

    def get_min_bars_needed(self, buffer_bars=10):
        return SLOW + 1

    def _ensure_indicators(self, df_input):
        close = df_input["close"].to_numpy()
        frame = df_input.assign(above=averaged(close, FAST) - averaged(close, SLOW))
        high, low, before = (frame[name].to_numpy() for name in ("high", "low", "close"))
        reach = np.maximum(high[1:], before[:-1]) - np.minimum(low[1:], before[:-1])
        return frame.assign(away=pd.Series([np.nan, *reach], frame.index).rolling(RANGE).mean())

    def run_tick(self, df_current_window, account_equity):
        window = df_current_window
        above, before = (window["above"].iloc[place] for place in (-1, -2))
        if (above > 0) == (before > 0):
            return []
        if self.params["one_at_a_time"] and self.positions:
            return [{"action": "CLOSE_TRADE"}]
        side, sign = ("BUY", 1) if above > 0 else ("SELL", -1)
        close, away = window["close"].iloc[-1], window["away"].iloc[-1]
        limit = self.params["entry"] == "limit"
        around = close - sign * away if limit else close
        entry = {
            "action": "OPEN_TRADE", "side": side, "lots": 0.3, "sl": around - sign * 2 * away,
            "tp": around + sign * 3 * away,
        }  # fmt: skip
        if limit:
            entry |= {"entry_type": "limit", "price": around}
        return [{"action": "CANCEL_ORDER", "order_id": order.id} for order in self.orders] + [entry]


def averaged(close, length):
    """An EMA that begins with the mean of its first values, as backtrader's does."""
    out = np.full(len(close), np.nan)
    if len(close) >= length:
        out[length - 1] = value = close[:length].mean()
        for i in range(length, len(close)):
            out[i] = value = value * (1 - 2 / (1 + length)) + close[i] * 2 / (1 + length)
    return out


def random_candles(instrument, seed, count=3_000):
    """A random walk in whole ticks with minutes missing and a spread of its own for each candle."""
    rng = np.random.default_rng(seed)
    close = 100_000 + np.cumsum(rng.integers(-14, 15, count))
    opens = np.append(100_000, close[:-1]) + rng.integers(-3, 4, count)
    ticks = opens, np.maximum(opens, close) + rng.integers(0, 9, count), np.minimum(opens, close), close
    there = rng.random(count) > 0.05
    prices = [np.round(column[there] * instrument.tick_size, instrument.digits) for column in ticks]
    times = MONDAY + MINUTE * np.arange(count, dtype=np.int64)[there]
    spread = rng.integers(0, 12, there.sum()).astype(np.int32)
    return Candles(instrument.symbol, times, *prices, np.ones(there.sum(), np.int64), spread)


def both(series, instruments, settings, params):
    feeds = [Feed(candles, each) for candles, each in zip(series, instruments, strict=True)]
    legs = [Leg(make_strategy(ForThePlatform, params, {}, f.instrument), f.candles, f.instrument) for f in feeds]
    return run_backtrader(ForBacktrader, feeds, settings, params=params), run_portfolio(legs, settings, params=params)


def same(ours, other):
    for name in COLUMNS:
        np.testing.assert_array_equal(getattr(ours.trades, name), getattr(other.trades, name), err_msg=name)
    np.testing.assert_array_equal(ours.equity, other.equity)
    assert [(r.time, r.outcome, r.code) for r in ours.refusals] == [(r.time, r.outcome, r.code) for r in other.refusals]
    assert (ours.digest, ours.warnings) == (other.digest, other.warnings)


SETTINGS = BacktestSettings(initial_equity=10_000.0, commission_per_lot=3.5)


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize(
    ("changes", "params"),
    [
        ({}, {}),
        ({"timeframe": "M5", "slippage_ms": 700, "slippage_r": 0.05}, {"one_at_a_time": True}),
        ({"intrabar": "ohlc", "leverage": 30.0, "timeframe": "M5"}, {}),
        ({"slippage_ms": 30_000}, {"entry": "limit"}),
        ({"timeframe": "M5", "trade_from": MONDAY + 503 * MINUTE}, {}),
        ({"timeframe": "M5", "intrabar": "optimistic"}, {"entry": "limit"}),
    ],
)
def test_on_random_candles(seed, changes, params):
    ours, other = both([random_candles(GOLD, seed)], [GOLD], replace(SETTINGS, **changes), params)
    assert len(ours.trades) > 5
    same(ours, other)


@pytest.mark.parametrize("params", [{}, {"entry": "limit"}, {"one_at_a_time": True}])
def test_on_two_symbols_with_one_equity(params):
    series = [random_candles(GOLD, 1), random_candles(EURO, 2)]
    ours, other = both(series, [GOLD, EURO], replace(SETTINGS, timeframe="M5"), params)
    assert set(ours.trades.symbol) == {"XAUUSD", "EURUSD"}
    same(ours, other)


@pytest.mark.parametrize(
    ("instrument", "params", "changes"),
    [
        (GOLD, {}, {}),
        (EURO, {"entry": "limit"}, {"slippage_ms": 350, "leverage": 30.0}),
        (GOLD, {"one_at_a_time": True}, {"timeframe": "M15", "slippage_r": 0.02}),
    ],
    ids=["gold", "euro", "gold-m15"],
)
def test_on_real_candles(sample_data, instrument, params, changes):
    frame = pd.read_parquet(sample_data / "m1" / f"{instrument.symbol}.parquet").set_index("time")
    candles = Candles.from_frame(instrument.symbol, frame.iloc[-30_000:])
    ours, other = both([candles], [instrument], replace(SETTINGS, **changes), params)
    assert len(ours.trades) > 50
    same(ours, other)
