"""The EMA crossover against examples worked by hand."""

from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.candles import Candles
from analysis.engine import BacktestSettings, run_backtest
from analysis.errors import ParamsInvalid
from analysis.instrument import Instrument
from analysis.strategy import inspect_source, load_strategy_class, make_strategy

PATH = Path(__file__).parents[2] / "strategy_templates" / "ema_crossover_v1.py"
SOURCE = PATH.read_text()
GOLD = Instrument("XAUUSD", 2, 0.01, 0.01, 1.0, 100, 0.01, 50, 0.01)
SHORT = {"ema_short_period": 2, "ema_long_period": 3, "atr_length": 2}


def strategy(params=SHORT, risk=None):
    return make_strategy(load_strategy_class(SOURCE, PATH.name), params, risk or {}, GOLD)


def window(short, long_, ranges=(1.0, 1.0), close=100.0):
    """Five rows of which the last two have the given averages and ranges."""
    return pd.DataFrame(
        {
            "close": [close] * 5,
            "EMA_2": [0.0, 0.0, 0.0, *short],
            "EMA_3": [0.0, 0.0, 0.0, *long_],
            "ATRr_2": [0.0, 0.0, 0.0, *ranges],
        }
    )


class TestSource:
    def test_it_passes_the_check_every_upload_passes(self):
        described = inspect_source(SOURCE, PATH.name)
        assert (described.class_name, described.kind) == ("Strategy", "tick")
        assert described.default_params == {
            "ema_short_period": 21, "ema_long_period": 50, "atr_length": 14,
            "atr_sl_multiple": 2.0, "atr_tp_multiple": 3.0, "risk_per_trade_percent": 0.01,
        }  # fmt: skip
        assert described.doc.startswith("Trades the crossing")

    def test_every_parameter_has_what_a_form_needs(self):
        for rules in inspect_source(SOURCE, PATH.name).params_schema.values():
            assert set(rules) == {"type", "min", "max", "label", "group", "help"}
            assert all(rules[key] for key in ("label", "group", "help"))


class TestParams:
    def test_it_needs_the_longest_of_its_indicators_and_two_bars(self):
        assert strategy({}).get_min_bars_needed() == 62
        assert strategy({}).get_min_bars_needed(buffer_bars=0) == 52
        assert strategy({**SHORT, "atr_length": 30}).get_min_bars_needed(0) == 32

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"ema_short_period": 50}, "ema_short_period: must be shorter than ema_long_period"),
            ({"ema_short_period": 2.5}, "ema_short_period: must be a whole number"),
            ({"risk_per_trade_percent": 1}, "risk_per_trade_percent: must be at most 0.5, and is 1.0"),
            ({"ema_fast": 3}, "ema_fast: unknown parameter"),
        ],
    )
    def test_what_it_cannot_use_is_named(self, params, message):
        with pytest.raises(ParamsInvalid) as caught:
            strategy(params)
        assert message in str(caught.value)

    @pytest.mark.parametrize("size", [0, -0.1])
    def test_a_fixed_lot_size_must_be_one(self, size):
        with pytest.raises(ParamsInvalid, match="fixed_lot_size: must be above zero"):
            strategy(risk={"fixed_lot_size": size})


class TestSignals:
    @pytest.mark.parametrize(
        ("short", "long_", "side"),
        [
            ((1.0, 3.0), (2.0, 2.0), "BUY"),
            ((3.0, 1.0), (2.0, 2.0), "SELL"),
            ((2.0, 3.0), (2.0, 2.0), None),  # equal before: no signal
            ((1.0, 2.0), (2.0, 2.0), None),  # equal now: no signal
            ((3.0, 4.0), (2.0, 2.0), None),  # above on both
            ((np.nan, 3.0), (2.0, 2.0), None),
            ((1.0, 3.0), (np.nan, 2.0), None),
        ],
    )
    def test_a_crossing_is_strict_on_both_bars(self, short, long_, side):
        actions = strategy().run_tick(window(short, long_), 10_000.0)
        assert [action["side"] for action in actions] == ([] if side is None else [side])

    @pytest.mark.parametrize("ranges", [(np.nan, 1.0), (1.0, np.nan), (1.0, 0.0)])
    def test_there_is_no_signal_without_a_range(self, ranges):
        assert strategy().run_tick(window((1.0, 3.0), (2.0, 2.0), ranges), 10_000.0) == []

    def test_there_is_no_signal_on_too_few_rows(self):
        assert strategy().run_tick(window((1.0, 3.0), (2.0, 2.0)).iloc[1:], 10_000.0) == []

    def test_the_levels_are_multiples_of_the_range_around_the_close(self):
        (buy,) = strategy().run_tick(window((1.0, 3.0), (2.0, 2.0), (9.0, 1.237), close=100.25), 10_000.0)
        assert (buy["action"], buy["sl"], buy["tp"], buy["tag"]) == ("OPEN_TRADE", 97.78, 103.96, "ema_crossover")
        (sell,) = strategy().run_tick(window((3.0, 1.0), (2.0, 2.0), (9.0, 1.237), close=100.25), 10_000.0)
        assert (sell["sl"], sell["tp"]) == (102.72, 96.54)

    def test_a_stop_within_a_tick_of_the_price_is_no_trade(self):
        assert strategy().run_tick(window((1.0, 3.0), (2.0, 2.0), (1.0, 0.002)), 10_000.0) == []


class TestSize:
    def lots(self, equity=10_000.0, risk=None, **params):
        (buy,) = strategy({**SHORT, **params}, risk).run_tick(window((1.0, 3.0), (2.0, 2.0)), equity)
        return buy["lots"]

    def test_it_is_the_share_of_the_equity_that_the_stop_would_lose(self):
        assert self.lots() == pytest.approx(0.5)  # 100.00 over 200 ticks of 1.00
        assert self.lots(risk_per_trade_percent=0.02) == pytest.approx(1.0)
        assert self.lots(atr_sl_multiple=4) == pytest.approx(0.25)

    def test_a_fixed_lot_size_goes_first(self):
        assert self.lots(risk={"fixed_lot_size": 0.07}) == 0.07

    def test_an_account_without_money_asks_for_nothing(self):
        assert self.lots(equity=-5.0) == 0.0


def candles(closes):
    closes = np.array(closes)
    time = 1_767_571_200_000 + np.arange(len(closes), dtype=np.int64) * 60_000
    return Candles(
        "XAUUSD", time, closes.copy(), closes + 0.5, closes - 0.5, closes, np.ones(len(closes), np.int64),
        np.full(len(closes), 10, np.int32),
    )  # fmt: skip


# 15 bars are needed. A slow fall keeps EMA_2 below EMA_3; the rise on bar 16 crosses:
# EMA_3 falls 0.5 a bar with a lag of 0.5, so on bar 15 it is at 93.0 and EMA_2 at 92.75 (close 92.5); a close of
# 95 makes EMA_2 (92.75 + 2 * 95) / 3 = 94.25 and EMA_3 (93 + 95) / 2 = 94.
CLOSES = [100.0 - i / 2 for i in range(16)] + [95.0, 96.0, 101.0]


class TestInTheEngine:
    def run(self, closes, equity=10_000.0, **params):
        settings = BacktestSettings(initial_equity=equity)
        return run_backtest(strategy({**SHORT, **params}), candles(closes), GOLD, settings)

    def test_indicators_are_those_worked_by_hand(self):
        frame = strategy()._ensure_indicators(candles(CLOSES).to_frame())
        last = frame.iloc[16]
        assert (last["EMA_2"], last["EMA_3"]) == (pytest.approx(94.25, abs=1e-4), pytest.approx(94.0, abs=1e-3))
        # true ranges of 1 while it falls by 0.5, then max(1, 95.5 - 92.5) = 3: (1 + 3) / 2
        assert last["ATRr_2"] == pytest.approx(2.0)
        assert list(frame.columns) == [
            "open", "high", "low", "close", "tick_volume", "spread", "EMA_2", "EMA_3", "ATRr_2",
        ]  # fmt: skip

    def test_a_crossing_becomes_a_trade_at_the_next_open(self):
        (trade,) = self.run(CLOSES).trades
        assert (trade.side, trade.entry_time) == ("BUY", 1_767_571_200_000 + 17 * 60_000)
        assert (trade.entry_price, trade.sl, trade.tp) == (96.1, 91.0, 101.0)  # ask; 95 - 2 * 2, 95 + 3 * 2
        assert trade.lots == 0.25  # 100.00 over the 400 ticks between close and stop
        assert (trade.exit_reason, trade.exit_price, trade.pnl) == ("tp", 101.0, 122.5)

    def test_an_account_too_small_for_the_smallest_volume_does_not_trade_and_says_so(self):
        result = self.run(CLOSES, equity=300.0)
        assert len(result.trades) == 0
        (refusal,) = result.refusals
        assert refusal.code == "volume_too_small"
        assert refusal.reason == "0.0075 lots are below the minimum of 0.01"

    @pytest.mark.parametrize("cut", [17, 18, 40, 77])
    def test_no_row_depends_on_a_later_one(self, cut):
        rng = np.random.default_rng(3)
        series = candles((100 + np.cumsum(rng.normal(0, 1, 90))).round(2)).to_frame()
        whole, part = strategy()._ensure_indicators(series), strategy()._ensure_indicators(series.iloc[:cut])
        pd.testing.assert_frame_equal(whole.iloc[:cut], part, check_exact=True)


class TestChart:
    def test_it_draws_both_averages(self):
        frame = strategy()._ensure_indicators(candles(CLOSES).to_frame())
        answer = strategy().chart_overlays(frame).to_json()
        assert list(answer["lines"]) == ["EMA_2", "EMA_3"]
        short, long_ = answer["lines"].values()
        assert (len(short), len(long_)) == (18, 17)  # nothing while they warm up
        assert short[0] == {"time": 1_767_571_260_000, "value": 99.75}
        assert short[15]["value"] == pytest.approx(94.25, abs=1e-4)
        assert answer["segments"] == answer["markers"] == answer["order_boxes"] == answer["notes"] == []
