"""The box breakout against examples worked by hand, against a second telling of its rules, and on real candles."""

from itertools import pairwise
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from analysis.candles import Candles
from analysis.engine import BacktestSettings, run_backtest
from analysis.engine.trade_overlays import chart_overlays
from analysis.errors import ParamsInvalid
from analysis.instrument import Instrument
from analysis.strategy import inspect_source, load_strategy_class, make_strategy
from tests.analysis.engine.test_independent_referee import INSTRUMENTS, random_walk, sample
from tests.analysis.library import ta

PATH = Path(__file__).parents[2] / "strategy_templates" / "box_breakout_v1.py"
SOURCE = PATH.read_text()
GOLD = Instrument("XAUUSD", 2, 0.01, 0.01, 1.0, 100, 0.01, 50, 0.01)
START = 1_767_571_200_000
SHORT = {
    "lookback": 4, "slope_window": 2, "atr_length": 2, "macd_fast": 1, "macd_slow": 2, "macd_signal": 2,
    "cmf_length": 2,
}  # fmt: skip
RETEST = {**SHORT, "require_retest": True}
LEAST = 13  # bars that SHORT needs


def strategy(params=SHORT, risk=None, instrument=GOLD):
    return make_strategy(load_strategy_class(SOURCE, PATH.name), params, risk or {}, instrument)


class TestSource:
    def test_it_passes_the_check_every_upload_passes(self):
        described = inspect_source(SOURCE, PATH.name)
        assert (described.class_name, described.kind) == ("BoxBreakoutV1Strategy", "tick")
        assert described.default_params == {
            "lookback": 20, "max_atr_multiple": 3.0, "slope_window": 5, "risk_per_trade_percent": 0.005,
            "tp_multiple": 2.0, "sl_buffer_pips": 1.0, "require_retest": False, "macd_fast": 12, "macd_slow": 26,
            "macd_signal": 9, "cmf_length": 20, "atr_length": 14,
        }  # fmt: skip
        assert described.doc.startswith("Buys the break out of a narrow box")

    def test_every_parameter_has_what_a_form_needs(self):
        described = inspect_source(SOURCE, PATH.name)
        assert set(described.params_schema) == set(described.default_params)
        for rules in described.params_schema.values():
            bounds = set() if rules["type"] == "bool" else {"min", "max"}
            assert set(rules) == {"type", "label", "group", "help"} | bounds
            assert all(rules[key] for key in ("label", "group", "help"))


class TestParams:
    def test_it_needs_the_longest_of_its_indicators(self):
        assert strategy({}).get_min_bars_needed() == 54
        assert strategy({}).get_min_bars_needed(buffer_bars=0) == 44
        assert strategy().get_min_bars_needed(0) == LEAST
        assert strategy({"macd_slow": 100}).get_min_bars_needed(0) == 114
        assert strategy({"cmf_length": 200}).get_min_bars_needed(0) == 205

    def test_the_shortest_window_has_every_indicator(self):
        for params in ({}, {"macd_slow": 60}, {"cmf_length": 90}, {"atr_length": 80}):
            made = strategy(params)
            rows = made.get_min_bars_needed(0)
            frame = made._ensure_indicators(random_walk(5, 2_000).to_frame().iloc[:rows])
            window = frame.iloc[-made.params.slope_window :]
            assert not window[[made.macd_column, made.cmf_column, made.atr_column]].isna().any(axis=None)

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"macd_fast": 26}, "macd_fast: must be shorter than macd_slow"),
            ({"require_retest": 1}, "require_retest: must be true or false"),
            ({"lookback": 1}, "lookback: must be at least 2, and is 1"),
            ({"slope_window": 1}, "slope_window: must be at least 2, and is 1"),
            ({"box_length": 3}, "box_length: unknown parameter"),
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


def candles(rows):
    """Minutes of (high, low, close), each opening at the close before."""
    high, low, close = (np.array(column, dtype=float) for column in zip(*rows, strict=True))
    opens = np.concatenate([[close[0]], close[:-1]])
    high, low = np.maximum(high, opens), np.minimum(low, opens)
    time = START + np.arange(len(rows), dtype=np.int64) * 60_000
    volume, spread = np.full(len(rows), 10, np.int64), np.full(len(rows), 10, np.int32)
    return Candles("XAUUSD", time, opens, high, low, close, volume, spread)


# 23 bars are needed. On bar 25 the price falls to the low of the bar (money flow -1 of it), on bar 26 it stays there
# while the bar closes near its high.
FLAT = [(100.5, 99.5, 100.0)] * 25
DIP, SETUP = (100.5, 99.0, 99.0), (99.1, 98.6, 99.0)
CALM = [*FLAT, DIP, SETUP]
INSIDE, BREAKOUT = (99.5, 98.8, 99.2), (100.7, 99.1, 100.6)


class TestSetup:
    def frame(self, rows=CALM, **params):
        return strategy({**SHORT, **params})._ensure_indicators(candles(rows).to_frame())

    def test_indicators_are_those_worked_by_hand(self):
        frame = self.frame()
        # EMA_2: 100, (100 + 2 * 99) / 3 = 99 1/3, (99 1/3 + 198) / 3 = 99 1/9: MACD 0, -1/3, -1/9; its EMA_2: 0, -2/9,
        # (-2/9 - 2/9) / 3 = -4/27
        assert frame["MACDh_1_2_2"].tolist()[-3:] == pytest.approx([0.0, -1 / 9, 1 / 27])
        # the dip closes at its low: -1; the next at 0.4 of 0.5: 0.6
        assert frame["CMF_2"].tolist()[-3:] == pytest.approx([0.0, -0.5, -0.2])
        # true ranges 1, 1.5, 0.5
        assert frame["ATRr_2"].tolist()[-3:] == pytest.approx([1.0, 1.25, 0.875])
        assert frame[["BOX_HIGH", "BOX_LOW"]].iloc[-1].tolist() == [100.5, 98.6]
        assert np.flatnonzero(frame["BOX_SETUP"]).tolist() == [26]

    def test_frame_keeps_its_rows_and_columns(self):
        given = candles(CALM).to_frame()
        frame = self.frame()
        pd.testing.assert_frame_equal(frame[list(given.columns)], given)
        assert frame["BOX_SETUP"].dtype == bool

    @pytest.mark.parametrize(
        ("rows", "params"),
        [
            ([*FLAT, DIP, (99.1, 98.6, 99.01)], {}),  # the close rises
            ([*FLAT, DIP, (99.5, 98.6, 99.0)], {}),  # closes in the lower half: no money flows in
            ([*FLAT, DIP, (98.1, 97.6, 98.0)], {}),  # falls on: the histogram falls
            (CALM, {"max_atr_multiple": 2.0}),  # 1.9 high and 2 * 0.875 allowed
            (CALM, {"lookback": 27, "max_atr_multiple": 2.1}),
        ],
    )
    def test_every_condition_is_needed(self, rows, params):
        assert not self.frame(rows, **params)["BOX_SETUP"].any()

    def test_a_box_of_exactly_the_allowed_height_is_too_high(self):
        height = 100.5 - 98.6
        assert not self.frame(max_atr_multiple=height / 0.875)["BOX_SETUP"].iloc[-1]
        assert self.frame(max_atr_multiple=height / 0.875 + 1e-9)["BOX_SETUP"].iloc[-1]

    def test_a_box_no_higher_than_a_tick_is_none(self):
        coarse = Instrument("XAUUSD", 2, 0.01, 2.0, 1.0, 100, 0.01, 50, 0.01)
        assert not strategy(instrument=coarse)._ensure_indicators(candles(CALM).to_frame())["BOX_SETUP"].any()

    def test_there_is_none_without_tick_volume(self):
        silent = candles(CALM).to_frame().assign(tick_volume=0)
        assert not strategy()._ensure_indicators(silent)["BOX_SETUP"].any()

    def test_there_is_none_while_indicators_warm_up(self):
        frame = strategy({})._ensure_indicators(random_walk(3, 200).to_frame())
        assert not frame["BOX_SETUP"].iloc[:33].any()

    @pytest.mark.parametrize("cut", [5, 40, 77, 200, 333])
    def test_no_row_depends_on_a_later_one(self, cut):
        series = random_walk(4, 400).to_frame()
        whole, part = (strategy({})._ensure_indicators(frame) for frame in (series, series.iloc[:cut]))
        pd.testing.assert_frame_equal(whole.iloc[:cut], part, check_exact=True)


def play(made, *rows, setup_at=0, box=(100.0, 102.0), equity=10_000.0):
    """Show the strategy bars of (high, low, close) after enough dull ones; the actions of each."""
    dull = [(101.0, 101.0, 101.0)] * (LEAST - 1)
    frame = pd.DataFrame([*dull, *rows], columns=["high", "low", "close"], dtype=float)
    frame.index = pd.date_range("2026-01-05", periods=len(frame), freq="min", tz="UTC")
    frame = frame.assign(BOX_LOW=box[0], BOX_HIGH=box[1], BOX_SETUP=False)
    if setup_at is not None:
        frame.iloc[LEAST - 1 + setup_at, frame.columns.get_loc("BOX_SETUP")] = True
    return [made.run_tick(frame.iloc[i + 1 : i + 1 + LEAST], equity) for i in range(-1, len(rows) - 1)]


def bought_on(actions):
    return [number for number, of_bar in enumerate(actions) if of_bar]


QUIET = (101.5, 100.5, 101.0)
ABOVE = (102.9, 101.9, 102.5)  # closes above 102 and has reached down to it


class TestBreakout:
    def test_a_close_above_the_box_is_bought_once(self):
        assert bought_on(play(strategy(), QUIET, QUIET, ABOVE, ABOVE, ABOVE)) == [2]

    def test_without_a_setup_nothing_is_bought(self):
        assert bought_on(play(strategy(), QUIET, ABOVE, ABOVE, setup_at=None)) == []

    def test_a_close_at_the_top_is_no_breakout(self):
        assert bought_on(play(strategy(), QUIET, (103.0, 101.0, 102.0), (102.1, 102.0, 102.01))) == [2]

    def test_the_setup_bar_is_none_itself(self):
        assert bought_on(play(strategy(), ABOVE, QUIET, setup_at=0)) == []

    @pytest.mark.parametrize(("close", "alive"), [(99.99, True), (99.989, False), (90.0, False)])
    def test_a_close_below_the_buffer_ends_the_box(self, close, alive):
        assert bought_on(play(strategy(), QUIET, (101.0, close, close), ABOVE)) == ([2] if alive else [])

    def test_a_low_below_the_box_does_not_end_it(self):
        assert bought_on(play(strategy(), QUIET, (101.0, 90.0, 100.5), ABOVE)) == [2]

    def test_the_box_stays_the_one_of_the_setup(self):
        made = strategy()
        play(made, QUIET, box=(100.0, 102.0))
        assert bought_on(play(made, QUIET, ABOVE, box=(50.0, 110.0), setup_at=None)) == [1]

    def test_after_a_trade_another_setup_is_looked_for(self):
        made = strategy()
        assert bought_on(play(made, QUIET, ABOVE)) == [1]
        assert bought_on(play(made, ABOVE, ABOVE, QUIET, setup_at=None)) == []
        assert bought_on(play(made, QUIET, ABOVE)) == [1]

    def test_there_is_nothing_on_too_few_rows(self):
        made = strategy()
        frame = pd.DataFrame({"BOX_SETUP": [True] * (LEAST - 1)})
        assert made.run_tick(frame, 10_000.0) == []
        assert made.box is None

    def test_levels_hang_on_the_box(self):
        ((buy,),) = [a for a in play(strategy(), QUIET, ABOVE) if a]
        assert buy == {
            "action": "OPEN_TRADE", "side": "BUY", "sl": 99.99, "tp": 106.0, "tag": "box_breakout",
            "lots": pytest.approx(50 / 251),  # 50.00 over the 251 ticks from 102.50 to 99.99
        }  # fmt: skip

    def test_levels_follow_their_parameters(self):
        made = strategy({**SHORT, "tp_multiple": 0.75, "sl_buffer_pips": 30})
        ((buy,),) = [a for a in play(made, QUIET, ABOVE) if a]
        assert (buy["sl"], buy["tp"]) == (99.7, 103.5)

    def test_a_pip_of_five_digits_is_ten_points(self):
        euro = Instrument("EURUSD", 5, 1e-5, 1e-5, 1.0, 100_000, 0.01, 50, 0.01)
        rows = [(1.101, 1.099, 1.1), (1.104, 1.101, 1.103)]
        actions = play(strategy(instrument=euro), *rows, box=(1.099, 1.102))
        assert (actions[1][0]["sl"], actions[1][0]["tp"]) == (1.0989, 1.108)


class TestRetest:
    def test_the_breakout_bar_itself_is_none(self):
        assert bought_on(play(strategy(RETEST), QUIET, ABOVE, (103.0, 102.1, 102.8))) == []

    def test_a_later_bar_that_touches_the_top_and_closes_above_is_bought(self):
        assert bought_on(play(strategy(RETEST), QUIET, ABOVE, (103.0, 102.1, 102.8), (103.0, 102.0, 102.3))) == [3]

    @pytest.mark.parametrize(
        "bar",
        [
            (103.0, 102.01, 102.5),  # does not reach down
            (102.5, 101.0, 102.0),  # closes at the top
            (102.5, 101.0, 101.5),  # closes below it
        ],
    )
    def test_it_must_touch_and_hold(self, bar):
        assert bought_on(play(strategy(RETEST), QUIET, ABOVE, bar)) == []
        assert bought_on(play(strategy(RETEST), QUIET, ABOVE, bar, ABOVE)) == [3]  # and goes on waiting

    def test_touching_before_the_breakout_is_none(self):
        touched = (102.5, 101.0, 101.9)
        assert bought_on(play(strategy(RETEST), QUIET, touched, touched, ABOVE)) == []

    def test_a_fall_below_the_box_ends_the_waiting(self):
        assert bought_on(play(strategy(RETEST), QUIET, ABOVE, (102.0, 99.0, 99.5), ABOVE, ABOVE)) == []

    def test_the_next_box_waits_for_a_breakout_of_its_own(self):
        made = strategy(RETEST)
        assert bought_on(play(made, QUIET, ABOVE, ABOVE)) == [2]
        assert bought_on(play(made, QUIET, ABOVE, ABOVE)) == [2]


class TestSize:
    def lots(self, equity=10_000.0, risk=None, **params):
        return play(strategy({**SHORT, **params}, risk), QUIET, ABOVE, equity=equity)[1][0]["lots"]

    def test_it_is_the_share_of_the_equity_that_the_stop_would_lose(self):
        assert self.lots() == pytest.approx(50 / 251)
        assert self.lots(risk_per_trade_percent=0.01) == pytest.approx(100 / 251)
        assert self.lots(sl_buffer_pips=250) == pytest.approx(50 / 500)

    def test_a_fixed_lot_size_goes_first(self):
        assert self.lots(risk={"fixed_lot_size": 0.07}) == 0.07

    def test_an_account_without_money_asks_for_nothing(self):
        assert self.lots(equity=-5.0) == 0.0


def run(params, series, instrument=GOLD, timeframe="M1", equity=10_000.0):
    made = strategy(params, instrument=instrument)
    result = run_backtest(made, series, instrument, BacktestSettings(initial_equity=equity, timeframe=timeframe))
    return made, result


class TestInTheEngine:
    AFTER = [(100.9, 100.3, 100.8), (105.0, 100.7, 104.9)]

    def test_a_breakout_becomes_a_trade_at_the_next_open(self):
        _, result = run(SHORT, candles([*CALM, INSIDE, BREAKOUT, *self.AFTER]))
        (trade,) = result.trades
        assert (trade.side, trade.entry_time, trade.tag) == ("BUY", START + 29 * 60_000, "box_breakout")
        assert (trade.entry_price, trade.sl, trade.tp) == (100.7, 98.59, 104.3)  # 100.5 + 2 * 1.9
        assert trade.lots == 0.24  # 50.00 over the 201 ticks between 100.60 and 98.59
        assert (trade.exit_reason, trade.exit_price) == ("tp", 104.3)
        assert result.refusals == ()

    def test_with_a_retest_it_is_a_bar_later(self):
        _, result = run(RETEST, candles([*CALM, INSIDE, BREAKOUT, *self.AFTER]))
        (trade,) = result.trades  # the first bar after it goes down to 100.3 and closes at 100.8
        assert (trade.entry_time, trade.sl, trade.tp) == (START + 30 * 60_000, 98.59, 104.3)

    def test_a_bar_that_closes_beyond_the_target_is_refused_by_the_platform(self):
        _, result = run(SHORT, candles([*CALM, (106.0, 99.0, 105.0), INSIDE]))
        assert len(result.trades) == 0
        assert [refusal.code for refusal in result.refusals] == ["wrong_side"]

    def test_the_chart_shows_the_box_from_its_first_bar_to_its_end(self):
        series = candles([*CALM, INSIDE, BREAKOUT, *self.AFTER])
        made, result = run(SHORT, series)
        drawn = made.chart_overlays(made._ensure_indicators(series.to_frame()))
        answer = chart_overlays({"XAUUSD": drawn}, result.trades)["XAUUSD"]
        extent = {"start_time": START + 23 * 60_000, "end_time": START + 28 * 60_000}
        assert answer["segments"] == [
            {"name": "Box top", **extent, "price": 100.5, "kind": "resistance"},
            {"name": "Box bottom", **extent, "price": 98.6, "kind": "support"},
        ]
        assert [(box["entry"], box["tp"]) for box in answer["order_boxes"]] == [(100.7, 104.3)]

    def test_a_box_that_is_active_at_the_end_is_drawn_to_the_last_bar(self):
        series = candles([*CALM, INSIDE, INSIDE])
        made, _ = run(SHORT, series)
        top, _ = made.chart_overlays(made._ensure_indicators(series.to_frame())).to_json()["segments"]
        assert (top["start_time"], top["end_time"]) == (START + 23 * 60_000, START + 28 * 60_000)


class TestState:
    WIDE = {"max_atr_multiple": 5.0}

    @pytest.mark.parametrize("retest", [False, True])
    @pytest.mark.parametrize("cut", [2_000, 5_001, 9_000])
    def test_a_run_that_ends_earlier_trades_the_same_until_then(self, cut, retest):
        params = {**self.WIDE, "require_retest": retest}
        series = random_walk(2, 12_000)
        part = Candles(
            "XAUUSD", *(getattr(series, name)[:cut] for name in series.__dataclass_fields__ if name != "symbol")
        )
        (whole_strategy, whole), (part_strategy, ended) = run(params, series), run(params, part)
        last = int(part.time[-1])
        before = [trade for trade in whole.trades if trade.exit_time <= last]
        assert len(before) > 5
        assert [trade for trade in ended.trades if trade.exit_reason != "end_of_data"] == before
        frozen = len(part_strategy.boxes)
        starts = [(box.start, box.low, box.high) for box in list(whole_strategy.boxes)[:frozen]]
        assert [(box.start, box.low, box.high) for box in part_strategy.boxes] == starts

    def test_two_runs_of_two_strategies_are_the_same(self):
        series = random_walk(2, 6_000)
        assert run(self.WIDE, series)[1].digest == run(self.WIDE, series)[1].digest

    @pytest.mark.parametrize("retest", [False, True])
    @pytest.mark.parametrize("seed", [1, 2, 3])
    def test_a_second_telling_of_the_rules_buys_on_the_same_bars(self, seed, retest):
        series = random_walk(seed, 8_000)
        tiny = {**self.WIDE, "require_retest": retest, "tp_multiple": 50, "risk_per_trade_percent": 0.00001}
        _, result = run(tiny, series, equity=1e8)  # no loss ends the trading
        bars = np.searchsorted(series.time, result.trades.entry_time) - 1
        expected = told_again(series.to_frame(), 5.0, retest)
        assert bars.tolist() == expected
        assert len(expected) > 10


def told_again(frame, multiple, retest):
    """Bars on which the rules of the template's docstring buy, with the library's own indicators and numpy's fit."""
    high, low, close = (frame[name].to_numpy() for name in ("high", "low", "close"))
    histogram = ta.macd(frame["close"])["MACDh_12_26_9"].to_numpy()
    flow = ta.cmf(frame["high"], frame["low"], frame["close"], frame["tick_volume"].astype(float)).to_numpy()
    true_range = np.maximum(high[1:], close[:-1]) - np.minimum(low[1:], close[:-1])
    ranges = np.full(len(high), np.nan)
    ranges[14] = true_range[:14].mean()
    for i in range(15, len(high)):
        ranges[i] = (13 * ranges[i - 1] + true_range[i - 1]) / 14

    def rises(values, i):
        return np.polyfit(range(5), values[i - 4 : i + 1], 1)[0] > 1e-9

    bought, box, broken = [], None, False
    for i in range(53, len(high)):
        top, bottom = high[i - 19 : i + 1].max(), low[i - 19 : i + 1].min()
        if box is None:
            narrow = 0.01 < top - bottom < multiple * ranges[i]
            if narrow and rises(histogram, i) and rises(flow, i) and not rises(close, i):
                box, broken = (bottom, top), False
        elif close[i] < box[0] - 0.01:
            box = None
        elif close[i] > box[1] and retest and not broken:
            broken = True
        elif close[i] > box[1] and (not retest or low[i] <= box[1]):
            bought.append(i)
            box = None
    return bought


@pytest.mark.parametrize(
    ("symbol", "timeframe", "retest", "boxes", "trades"),
    [
        ("XAUUSD", "M1", False, 120, 47),
        ("XAUUSD", "M1", True, 118, 42),
        ("XAUUSD", "M15", False, 16, 8),
        ("EURUSD", "M1", False, 86, 47),
        ("EURUSD", "M1", True, 54, 22),
        ("GBPUSD", "M1", False, 0, 0),  # without tick volume
    ],
)
def test_it_trades_real_candles_with_its_defaults(sample_data, symbol, timeframe, retest, boxes, trades):
    series = sample(sample_data, symbol)
    made, result = run({"require_retest": retest}, series, INSTRUMENTS[symbol], timeframe)
    assert (len(made.boxes), len(result.trades)) == (boxes, trades)
    assert set(result.trades.side) <= {"BUY"}
    assert all((trade.sl < trade.entry_price) for trade in result.trades)
    ended = [box.end for box in made.boxes if box.end is not None]
    assert all(earlier < later for earlier, later in pairwise(ended))
    drawn = made.chart_overlays(made._ensure_indicators(series.to_frame())).to_json()
    assert len(drawn["segments"]) == 2 * boxes
