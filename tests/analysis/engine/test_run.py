"""A run as a whole: bars and windows, what strategies may do wrong, progress, warnings, the digest."""

from dataclasses import replace

import numpy as np
import pytest

from analysis.engine import ENGINE_VERSION, BacktestSettings, run_backtest
from analysis.errors import CorruptCandles, NoCandles, RunFailed
from analysis.strategy import load_strategy_class
from tests.analysis.engine.worked import FLAT, GOLD, MINUTE, MONDAY, Script, buy, candles, play

BASIC = BacktestSettings(initial_equity=10_000.0)


def run(script, rows, on_progress=None, *, start=MONDAY, spread=0, **settings):
    market = candles(rows, start=start, spread=spread)
    return run_backtest(script, market, GOLD, BacktestSettings(initial_equity=10_000.0, **settings), on_progress)


def rising(count, first=100.0):
    """Candles that open at 100.00, 100.01, ... and close a cent higher."""
    return [(first + i / 100, first + (i + 1) / 100, first + i / 100, first + (i + 1) / 100) for i in range(count)]


class TestBars:
    def test_bars_of_a_timeframe_are_made_of_their_minutes(self):
        script = Script({}, minutes=5)
        rows = [(100, 103, 99, 101), None, (101, 102, 98, 99), None, None, (7, 7, 7, 7), *[FLAT] * 4]
        run(script, rows, timeframe="M5", spread=9)
        bar = script.windows[0].iloc[-1]
        assert bar.to_dict() == {"open": 100, "high": 103, "low": 98, "close": 99, "tick_volume": 2, "spread": 9}

    def test_a_decision_on_m5_fills_on_the_next_m1_candle(self):
        script = Script({1: [buy()]}, minutes=5)
        (trade,) = run(script, rising(20), timeframe="M5").trades
        assert (trade.entry_time, trade.entry_price) == (MONDAY + 10 * MINUTE, 100.1)
        assert (trade.exit_time, trade.bars_held) == (MONDAY + 20 * MINUTE, 1)

    def test_levels_are_watched_on_m1_beneath_the_bars(self):
        rows = rising(20)
        rows[12] = (100.12, 100.2, 99.0, 100.13)
        script = Script({1: [buy(sl=99.5, tp=100.5)]}, minutes=5)
        (trade,) = run(script, rows, timeframe="M5").trades
        assert (trade.exit_reason, trade.exit_time) == ("sl", MONDAY + 12 * MINUTE)
        assert trade.bars_held == 0

    def test_a_bar_closes_although_its_last_minutes_are_missing(self):
        rows = [*rising(7), *[None] * 8, *rising(5, 200.0)]
        script = Script({1: [buy()]}, minutes=5)
        (trade,) = run(script, rows, timeframe="M5").trades
        assert (trade.entry_time, trade.entry_price) == (MONDAY + 15 * MINUTE, 200.0)

    def test_a_bar_that_is_still_open_at_the_end_is_not_shown(self):
        script = Script({}, minutes=5)
        result = run(script, rising(14), timeframe="M5")
        assert sorted(script.windows) == [0, 1]
        assert result.bars == 2
        assert len(result.equity) == 15  # every M1 close and the start

    def test_a_trade_is_watched_beyond_the_last_closed_bar(self):
        rows = [*rising(12), (100.12, 100.2, 90.0, 100.13)]
        script = Script({1: [buy(sl=99.5)]}, minutes=5)
        assert run(script, rows, timeframe="M5").trades[0].exit_reason == "sl"

    @pytest.mark.parametrize(
        ("timeframe", "minutes"),
        [("M1", 1), ("M5", 5), ("M15", 15), ("M30", 30), ("H1", 60), ("H4", 240), ("D1", 1440)],
    )
    def test_every_timeframe_decides_once_per_bar(self, timeframe, minutes):
        script = Script({}, minutes=minutes)
        result = run(script, rising(2 * 1440), timeframe=timeframe)
        assert sorted(script.windows) == list(range(2 * 1440 // minutes))
        assert result.bars == 2 * 1440 // minutes

    def test_days_are_cut_at_midnight_utc(self):
        script = Script({}, minutes=1440)
        run(script, rising(1440 + 60), start=MONDAY - 60 * MINUTE, timeframe="D1")
        assert [script.windows[bar].index[-1].isoformat() for bar in sorted(script.windows)] == [
            "2026-01-04T00:00:00+00:00", "2026-01-05T00:00:00+00:00",
        ]  # fmt: skip


class TestWindow:
    def test_the_window_has_as_many_rows_as_the_strategy_needs_and_ends_with_the_closed_bar(self):
        script = Script({}, warm_up=3)
        run(script, rising(6))
        assert sorted(script.windows) == [2, 3, 4, 5]
        window = script.windows[3]
        assert window["open"].tolist() == [100.01, 100.02, 100.03]
        assert str(window.index.tz) == "UTC"
        assert list(window.columns) == ["open", "high", "low", "close", "tick_volume", "spread"]

    def test_columns_of_ensure_indicators_are_in_the_window(self):
        class Doubling(Script):
            def _ensure_indicators(self, df_input):
                return df_input.assign(twice=df_input["close"] * 2)

        script = Doubling({})
        run(script, [FLAT, FLAT])
        assert script.windows[1]["twice"].tolist() == [200.0]

    def test_writing_into_the_window_changes_neither_the_next_one_nor_the_fills(self):
        class Vandal(Script):
            def run_tick(self, df_current_window, account_equity):
                answer = super().run_tick(df_current_window.copy(), account_equity)
                df_current_window.loc[:, "close"] = 1.0
                return answer

        script = Vandal({0: [buy()]}, warm_up=2)
        script.actions = {1: [buy()]}
        result = run(script, rising(4))
        assert script.windows[2]["close"].tolist() == [100.02, 100.03]
        assert result.trades[0].entry_price == 100.02

    def test_a_frame_the_strategy_keeps_is_not_the_engines(self):
        class Hoarder(Script):
            def _ensure_indicators(self, df_input):
                self.kept = df_input
                return df_input

            def run_tick(self, df_current_window, account_equity):
                self.kept.loc[:, "close"] = 1.0
                return super().run_tick(df_current_window, account_equity)

        script = Hoarder({})
        run(script, rising(3))
        assert script.windows[2]["close"].tolist() == [100.03]

    def test_nothing_before_trade_from_is_traded_or_counted(self):
        script = Script(dict.fromkeys(range(10), [buy()]))
        result = run(script, rising(10), trade_from=MONDAY + 6 * MINUTE)
        assert sorted(script.windows) == [6, 7, 8, 9]
        assert result.equity_time[0] == MONDAY + 6 * MINUTE
        assert len(result.equity) == 5
        assert [t.entry_time for t in result.trades] == [MONDAY + n * MINUTE for n in (7, 8, 9)]

    def test_a_bar_that_began_before_trade_from_is_not_decided_on(self):
        script = Script({}, minutes=5)
        run(script, rising(20), timeframe="M5", trade_from=MONDAY + 7 * MINUTE)
        assert sorted(script.windows) == [2, 3]

    def test_earlier_candles_do_not_change_the_result(self):
        class Momentum(Script):
            def run_tick(self, df_current_window, account_equity):
                up = df_current_window["close"].iloc[-1] > df_current_window["close"].iloc[0]
                return [buy(sl=90.0 if up else 80.0)]

        rows = [(100 + i % 7, 108, 99, 100 + i % 5) for i in range(60)]
        start = MONDAY + 40 * MINUTE
        results = [
            run(Momentum({}, warm_up=8), rows[skip:], start=MONDAY + skip * MINUTE, trade_from=start)
            for skip in (0, 13, 32)
        ]
        assert results[0].trades == results[1].trades == results[2].trades
        assert len(results[0].trades) == 19
        assert all(np.array_equal(results[0].equity, other.equity) for other in results[1:])

    def test_too_short_a_window_is_a_result_without_trades_that_says_why(self):
        result = run(Script({}, warm_up=10), [FLAT] * 5)
        assert len(result.trades) == 0
        assert result.warnings[0] == (
            "The strategy needs 10 bars before its first decision and the window has 5: nothing could be traded."
        )

    def test_trade_from_behind_the_data_has_no_candles(self):
        with pytest.raises(NoCandles):
            run(Script({}), [FLAT] * 5, trade_from=MONDAY + 5 * MINUTE)


SOURCE = """
import json

class Strategy:
    def __init__(self, params, risk_settings, instrument_symbol, account_id, instrument_spec, pip_value):
        pass

    def get_min_bars_needed(self, buffer_bars=10):
        return 1

    def _ensure_indicators(self, df_input):
        return df_input

    def run_tick(self, df_current_window, account_equity):
        if len(str(account_equity)):
            return self.decide(df_current_window)

    def decide(self, window):
        return json.loads("{")
"""


class TestStrategyErrors:
    def test_an_exception_fails_the_run_with_the_strategys_own_frames(self):
        strategy = load_strategy_class(SOURCE, "mine.py")({}, {}, "", "", GOLD, 1.0)
        with pytest.raises(RunFailed) as caught:
            run_backtest(strategy, candles([FLAT] * 3), GOLD, BASIC)
        failure = caught.value
        assert failure.code == "strategy_error"
        assert failure.message.startswith("The strategy raised json.decoder.JSONDecodeError: Expecting property name")
        assert failure.message.endswith("on the bar of 2026-01-05 00:00 UTC")
        assert failure.bar_time is not None
        assert failure.bar_time.isoformat() == "2026-01-05T00:00:00+00:00"
        shown = [line for line in failure.traceback.splitlines() if set(line) - set(" ^")]
        assert shown[:-1] == [
            "Traceback (most recent call last):",
            '  File "mine.py", line 16, in run_tick',
            "    return self.decide(df_current_window)",
            '  File "mine.py", line 19, in decide',
            '    return json.loads("{")',
        ]
        assert "JSONDecodeError" in failure.traceback.splitlines()[-1]

    @pytest.mark.parametrize("error", [ZeroDivisionError(), SystemExit(3), RecursionError(), MemoryError()])
    def test_whatever_it_raises_becomes_a_failed_run(self, error):
        class Raising(Script):
            def run_tick(self, df_current_window, account_equity):
                raise error

        with pytest.raises(RunFailed) as caught:
            run(Raising({}), [FLAT] * 2)
        assert caught.value.__cause__ is error

    @pytest.mark.parametrize(
        ("answer", "reason"),
        [
            (lambda df: None, "must return a DataFrame, not NoneType"),
            (lambda df: df.dropna().iloc[1:], "must keep every row: it got 3 and returned 2"),
            (lambda df: df.shift(1, freq="min"), "must keep every row: it got 3 and returned 3"),
            (lambda df: df.drop(columns="spread"), "must keep the column spread"),
            (lambda df: df["absent"], "KeyError: 'absent'"),
        ],
    )
    def test_ensure_indicators_must_return_the_same_rows(self, answer, reason):
        script = Script({})
        script._ensure_indicators = answer
        with pytest.raises(RunFailed, match="strategy|_ensure_indicators") as caught:
            run(script, [FLAT] * 3)
        assert reason in caught.value.message

    @pytest.mark.parametrize("length", [0, -1, 2.5, None, True, "20"])
    def test_min_bars_must_be_a_number_of_bars(self, length):
        with pytest.raises(RunFailed, match="whole number above zero"):
            run(Script({}, warm_up=length), [FLAT] * 3)


class TestProgress:
    def test_it_begins_at_nothing_and_ends_at_everything(self):
        seen = []
        run(Script({}), [FLAT] * 50, lambda done, total: seen.append((done, total)))
        assert (seen[0], seen[-1]) == ((0, 50), (50, 50))

    def test_it_is_reported_while_a_slow_strategy_runs(self, monkeypatch):
        ticks = iter(np.arange(0, 1_000, 0.15).tolist())
        monkeypatch.setattr("analysis.engine.ticks.time.monotonic", lambda: next(ticks))
        seen = []
        run(Script({}), [FLAT] * 10, lambda done, total: seen.append(done))
        assert (seen[0], seen[-1]) == (0, 10)
        assert len(seen) > 4
        assert seen == sorted(seen)

    def test_what_it_raises_ends_the_run_and_passes_through(self):
        class Cancelled(Exception):
            pass

        def cancel(done, total):
            raise Cancelled

        with pytest.raises(Cancelled):
            run(Script({}), [FLAT] * 3, cancel)


class TestCandlesThatCannotBeTrusted:
    def test_none_at_all(self):
        with pytest.raises(NoCandles, match="XAUUSD"):
            run(Script({}), [])

    @pytest.mark.parametrize(
        "rows",
        [
            [FLAT, (float("nan"), 1, 1, 1)],
            [FLAT, (1, float("inf"), 1, 1)],
            [FLAT, (0, 1, 0, 1)],
            [FLAT, (-1, 1, -2, 1)],
            [FLAT, (5, 4, 3, 3)],
            [FLAT, (3, 4, 3, 2)],
        ],
    )
    def test_prices_that_make_no_sense(self, rows):
        with pytest.raises(CorruptCandles):
            run(Script({}), rows)

    @pytest.mark.parametrize("times", [[MONDAY, MONDAY], [MONDAY + MINUTE, MONDAY], [MONDAY, MONDAY + 30_000]])
    def test_times_out_of_order(self, times):
        market = replace(candles([FLAT, FLAT]), time=np.array(times))
        with pytest.raises(CorruptCandles, match="order of time"):
            run_backtest(Script({}), market, GOLD, BASIC)


class TestSettings:
    @pytest.mark.parametrize(
        "wrong",
        [
            {"initial_equity": 0}, {"initial_equity": float("nan")}, {"timeframe": "M2"}, {"intrabar": "best"},
            {"slippage_ms": -1}, {"slippage_r": float("nan")}, {"spread_points": -1}, {"commission_per_lot": -0.1},
        ],
    )  # fmt: skip
    def test_values_without_a_meaning_are_rejected(self, wrong):
        with pytest.raises(ValueError, match=next(iter(wrong))):
            BacktestSettings(**{"initial_equity": 1.0, **wrong})


class TestWarnings:
    def test_a_result_says_what_to_doubt(self):
        rows = [(100, 102, 98, 100, 0)] * 20 + [(100, 102, 98, 100, -1)] * 80
        result = play(rows, {3: [buy(sl=99.0, tp=101.0)], 5: [buy()], 7: [buy(sl=200.0)]}, risk={"max_loss": 3})
        assert result.warnings == (
            "Only 2 trades: too few to tell skill from luck.",
            "1 action was refused; the reasons are in the list of refusals.",
            "1 of 2 trades reached SL and TP within one minute: which came first is an assumption.",
            "1 of 2 trades had no stop loss: their risk is unknown and figures in R leave them out.",
            "The spread is zero on 20 % of the candles: trading cost nothing there.",
            "80 % of the candles have no recorded spread: 30 points were used there.",
            "The engine does not apply these risk settings: max_loss. The strategy may.",
        )

    def test_no_trade_at_all_is_said(self):
        assert "No trade was made." in play([FLAT] * 3, {}).warnings

    def test_prices_of_another_instrument_are_noticed(self):
        result = play([(1.08413, 1.08420, 1.08410, 1.08415)] * 3, {})
        assert (
            "100 % of the closes are not on the price grid of XAUUSD (0.01): they were rounded to it. "
            "Is this the right instrument?" in result.warnings
        )

    def test_ruin_is_noticed(self):
        result = play([FLAT, FLAT, (100, 100, 10, 10)], {0: [buy(lots=2.0)]})
        assert result.stats["final_equity"] == -8_000.0
        assert any(w.startswith("The equity fell to zero or below") for w in result.warnings)


class TestDigest:
    ROWS = (*rising(5), *rising(5))

    def result(self, *, rows=ROWS, lots=1.0, params=None, code_hash="c", instrument=GOLD, **settings):
        settings = BacktestSettings(**{"initial_equity": 10_000.0, **settings})
        return run_backtest(
            Script({1: [buy(lots=lots)]}), candles(rows), instrument, settings, params=params, code_hash=code_hash
        )

    def test_the_same_run_has_the_same_digest(self):
        first, again = self.result(params={"a": 1, "b": 2}), self.result(params={"b": 2.0, "a": 1})
        assert first.digest == again.digest
        assert len(first.digest) == 64
        assert first.engine_version == ENGINE_VERSION

    @pytest.mark.parametrize(
        "change",
        [
            {"rows": (*rising(5), *rising(5, 100.01))}, {"lots": 1.01}, {"params": {"a": 1}}, {"code_hash": "d"},
            {"slippage_r": 0.1}, {"risk": {"fixed_lot_size": 1}}, {"initial_equity": 10_001.0}, {"intrabar": "ohlc"},
            {"instrument": replace(GOLD, contract_size=1)}, {"trade_from": MONDAY},
        ],
    )  # fmt: skip
    def test_anything_that_matters_changes_it(self, change):
        assert self.result(**change).digest != self.result().digest


def test_candles_are_left_as_they_were():
    market = candles(rising(10))
    before = market.fingerprint()
    run_backtest(Script({1: [buy()]}), market, GOLD, BASIC)
    assert market.fingerprint() == before
