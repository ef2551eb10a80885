"""Which bars a strategy with an `entry_mask` is asked on, and that it trades as it would on all of them."""

import numpy as np
import pytest

from analysis.candles import Candles
from analysis.engine import BacktestSettings, Leg, run_backtest, run_portfolio
from analysis.instrument import Instrument
from analysis.strategy import BaseStrategy
from tests.analysis.engine.worked import FLAT, GOLD, MINUTE, Script, buy, candles

SILVER = Instrument("XAGUSD", 2, 0.01, 0.01, 1.0, 100, 0.01, 50, 0.01, spread_points=30)
SETTINGS = {"initial_equity": 10_000.0}


class Masked(Script):
    """Acts as the script says; may do so on the bars of `on`."""

    manages_positions = True

    def __init__(self, actions, on, **more):
        super().__init__(actions, **more)
        self.on = on

    def entry_mask(self, df):
        return np.isin(np.arange(len(df)), self.on)


def asked(actions, on, rows, **settings):
    strategy = Masked(actions, on)
    result = run_backtest(strategy, candles(rows), GOLD, BacktestSettings(**SETTINGS, **settings))
    return sorted(strategy.windows), result


def test_it_is_asked_on_the_mask_and_while_a_trade_is_open():
    rows = [FLAT] * 10 + [(100.0, 100.0, 98.0, 99.0)] + [FLAT] * 5
    bars, result = asked({3: [buy(sl=99.0)]}, [3, 13], rows)
    assert bars == [3, 4, 5, 6, 7, 8, 9, 13]  # stopped within bar 10: nothing is open at its close
    assert [trade.exit_reason for trade in result.trades] == ["sl"]


def test_it_is_asked_while_an_order_waits():
    waiting = buy(entry_type="limit", price=99.0, tag="a")
    bars, result = asked({2: [waiting], 6: [{"action": "CANCEL_ORDER"}]}, [2], [FLAT] * 12)
    assert bars == [2, 3, 4, 5, 6]
    assert len(result.trades) == 0


def test_it_is_asked_while_an_order_is_on_its_way():
    bars, _ = asked({2: [buy()], 6: [{"action": "CLOSE_TRADE"}]}, [2], [FLAT] * 12, slippage_ms=130_000)
    assert bars == [2, 3, 4, 5, 6, 7, 8]


def test_without_an_open_trade_the_mask_has_the_last_word():
    assert asked({4: [buy()]}, [2, 7], [FLAT] * 12)[0] == [2, 7]


def test_a_strategy_that_does_not_manage_is_asked_on_its_mask_alone():
    class Alone(Masked):
        manages_positions = False

    strategy = Alone({3: [buy()]}, [3, 7])
    run_backtest(strategy, candles([FLAT] * 10), GOLD, BacktestSettings(**SETTINGS))
    assert sorted(strategy.windows) == [3, 7]


def test_a_trade_of_another_symbol_is_no_reason_to_ask():
    gold, silver = Masked({2: [buy()]}, [2]), Masked({}, [5])
    rows = [FLAT] * 8
    run_portfolio([Leg(gold, candles(rows), GOLD), Leg(silver, _silver(rows), SILVER)], BacktestSettings(**SETTINGS))
    assert (sorted(gold.windows), sorted(silver.windows)) == ([2, 3, 4, 5, 6, 7], [5])


def test_a_trade_that_another_symbols_strategy_opened_is_one():
    gold, silver = Masked({2: [buy(symbol="XAGUSD")]}, [2]), Masked({}, [0])
    rows = [FLAT] * 8
    run_portfolio([Leg(gold, candles(rows), GOLD), Leg(silver, _silver(rows), SILVER)], BacktestSettings(**SETTINGS))
    assert (sorted(gold.windows), sorted(silver.windows)) == ([2], [0, 2, 3, 4, 5, 6, 7])


def _silver(rows):
    gold = candles(rows)
    return Candles("XAGUSD", gold.time, gold.open, gold.high, gold.low, gold.close, gold.tick_volume, gold.spread)


class Trailing(BaseStrategy):
    """Buys a rise of three closes, trails its stop, leaves after twenty bars."""

    MIN_BARS = 5
    manages_positions = True

    def __init__(self, *args, **kwargs):
        super().__init__(*args, **kwargs)
        self.calls = 0

    def get_min_bars_needed(self, buffer_bars=10):
        return 5

    def run_tick(self, df_current_window, account_equity):
        self.calls += 1
        close = df_current_window["close"].to_numpy()
        if not self.positions:
            waits = [{"action": "CANCEL_ORDER"}] if self.orders and close[-1] > self.orders[0].price + 0.6 else []
            rises = not self.orders and close[-1] > close[-2] > close[-3]
            limit = {"entry_type": "limit", "price": close[-1] - 0.1, "sl": close[-1] - 1.0, "tp": close[-1] + 2.0}
            return [*waits, buy(**limit)] if rises else waits
        (trade,) = self.positions
        if df_current_window.index[-1].timestamp() * 1000 - trade.entry_time > 20 * MINUTE:
            return [{"action": "CLOSE_TRADE"}]
        return [{"action": "MODIFY_TRADE", "sl": close[-1] - 0.8}] if close[-1] - 0.8 > trade.sl else []


class TrailingMasked(Trailing):
    def entry_mask(self, df):
        close = df["close"]
        return ((close > close.shift(1)) & (close.shift(1) > close.shift(2))).to_numpy()


@pytest.mark.parametrize("settings", [{}, {"slippage_ms": 90_000}, {"timeframe": "M5"}])
def test_the_trades_are_those_of_a_strategy_that_is_asked_on_every_bar(settings):
    rng = np.random.default_rng(3)
    close = 100 + np.cumsum(rng.normal(0, 0.12, 6000)).round(2)
    open_ = np.r_[100.0, close[:-1]]
    rows = np.c_[open_, np.maximum(open_, close) + 0.05, np.minimum(open_, close) - 0.05, close].round(2)
    made = [kind({}, {}, "XAUUSD", 1, GOLD, 1.0) for kind in (Trailing, TrailingMasked)]
    series = candles([tuple(row) for row in rows], spread=3)
    every, masked = (run_backtest(s, series, GOLD, BacktestSettings(**SETTINGS, **settings)) for s in made)
    assert list(every.trades) == list(masked.trades)
    assert len(every.trades) > 25
    assert np.array_equal(every.equity, masked.equity)
    assert made[1].calls < 0.9 * made[0].calls
