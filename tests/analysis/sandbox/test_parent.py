"""A strategy in a process of its own: what it cannot see, and how each of its endings reaches the platform."""

import os
import time
from dataclasses import replace
from decimal import Decimal
from pathlib import Path

import numpy as np
import psutil
import pytest

from analysis.candles import Candles
from analysis.engine import BacktestSettings, run_backtest
from analysis.errors import ParamsInvalid, RunFailed, StrategyError
from analysis.instrument import Instrument
from analysis.sandbox.parent import BacktestJob, check_strategy, run_in_child
from analysis.strategy import load_strategy_class, make_strategy

INSTRUMENT = Instrument(
    symbol="EURUSD", digits=5, point=1e-5, tick_size=1e-5, tick_value=1.0, contract_size=100_000,
    volume_min=0.01, volume_max=100, volume_step=0.01, spread_points=10,
)  # fmt: skip
SOURCE = """
from analysis.strategy import BaseStrategy

class Strategy(BaseStrategy):
    MIN_BARS = 2
    DEFAULT_PARAMS = {"every": 50}
    PARAMS_SCHEMA = {"every": {"type": "int", "min": 1, "max": 1000}}

    def run_tick(self, window, equity):
        HOOK
        close = window["close"].iloc[-1]
        if window.index[-1].minute % self.params["every"]:
            return []
        return [{"action": "OPEN_TRADE", "side": "BUY", "lots": 0.1, "sl": close - 0.001, "tp": close + 0.001}]
"""


def candles(bars: int = 2_000) -> Candles:
    rng = np.random.default_rng(7)
    close = 1.1 + np.cumsum(rng.normal(0, 1e-4, bars)).round(5)
    opening = np.concatenate([[1.1], close[:-1]])
    return Candles(
        symbol="EURUSD",
        time=1_700_000_040_000 + 60_000 * np.arange(bars, dtype=np.int64),
        open=opening,
        high=np.maximum(opening, close) + 5e-5,
        low=np.minimum(opening, close) - 5e-5,
        close=close,
        tick_volume=np.full(bars, 10, dtype=np.int64),
        spread=np.full(bars, 8, dtype=np.int32),
    )


def job(source: str = SOURCE.replace("HOOK", "pass"), **params: object) -> BacktestJob:
    return BacktestJob(
        source=source,
        filename="sample_v1.py",
        code_hash="abc",
        params=params,
        instruments=[INSTRUMENT],
        settings=BacktestSettings(initial_equity=10_000.0),
        data_fingerprint=candles().fingerprint(),
    )


def hooked(statement: str) -> BacktestJob:
    return job(SOURCE.replace("HOOK", statement))


def run(task: BacktestJob, wall_clock_s: float = 60, watch=lambda done, total: None):
    return run_in_child(task, [candles()], wall_clock_s=wall_clock_s, watch=watch)


def test_the_result_is_the_one_the_engine_gives_in_this_process():
    task = job(every=20)
    here = run_backtest(
        make_strategy(load_strategy_class(task.source, task.filename), task.params, {}, INSTRUMENT),
        candles(), INSTRUMENT, task.settings, params=task.params, code_hash="abc",
        data_fingerprint=task.data_fingerprint,
    )  # fmt: skip
    there = run(task)
    assert len(there.trades) > 20
    assert there.digest == here.digest
    assert there.trades == here.trades
    assert there.stats == here.stats
    np.testing.assert_array_equal(there.equity, here.equity)
    np.testing.assert_array_equal(there.equity_time, here.equity_time)


def test_the_money_adds_up():
    result = run(job())
    total = sum(Decimal(str(trade.pnl)) for trade in result.trades)
    assert Decimal("10000") + total == Decimal(str(result.stats["final_equity"]))


def test_the_strategy_s_environment_holds_no_secret(monkeypatch):
    monkeypatch.setenv("DATABASE_URL", "postgres://secret")
    with pytest.raises(RunFailed) as failure:
        run(hooked("import os; raise ValueError(sorted(os.environ))"))
    assert "secret" not in failure.value.message
    assert "DATABASE" not in failure.value.message
    assert "SECRET_KEY" not in failure.value.message


def test_the_strategy_inherits_no_descriptor_of_the_platform():
    with Path(os.devnull).open() as _, pytest.raises(RunFailed) as failure:
        run(hooked("import os; raise ValueError(len(os.listdir('/proc/self/fd')))"))
    assert "ValueError: 6" in failure.value.message  # three standard ones, channel, candles, and the listing itself


def test_an_exception_comes_back_with_the_author_s_own_lines():
    with pytest.raises(RunFailed) as failure:
        run(hooked("self.does_not_exist()"))
    assert failure.value.code == "strategy_error"
    assert "does_not_exist" in failure.value.message
    assert 'File "sample_v1.py", line 10, in run_tick' in failure.value.traceback
    assert "analysis/engine" not in failure.value.traceback
    assert failure.value.bar_time is not None


def test_an_error_of_the_engine_does_not_look_like_the_strategy_s():
    with pytest.raises(RunFailed) as failure:
        run(replace(job(), data_fingerprint=b"no text"))
    assert failure.value.code == "engine_error"
    assert failure.value.message.startswith("The engine failed: ")
    assert "analysis/sandbox/child.py" in failure.value.traceback


def test_source_that_does_not_parse_names_the_line():
    with pytest.raises(StrategyError, match="Line 2") as failure:
        run(job("x = 1\ndef broken(:\n"))
    assert failure.value.line == 2


def test_params_out_of_bounds_name_the_parameter():
    with pytest.raises(ParamsInvalid) as failure:
        run(job(every=0, other=1))
    assert {problem.field for problem in failure.value.errors} == {"every", "other"}


@pytest.mark.parametrize(
    ("statement", "code"),
    [
        ("import os; os._exit(3)", "child_ended"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGKILL)", "child_killed"),
        ("import os, signal; os.kill(os.getpid(), signal.SIGSEGV)", "child_crashed"),
        ("x = bytearray(20 * 1024**3)", "limit_exceeded"),
    ],
)
def test_a_strategy_that_ends_its_process_fails_the_run_with_a_reason(statement, code):
    with pytest.raises(RunFailed) as failure:
        run(hooked(statement))
    assert failure.value.code == code, failure.value.message


def test_a_strategy_that_never_returns_is_ended_at_the_limit():
    started = time.monotonic()
    with pytest.raises(RunFailed) as failure:
        run(hooked("while True: pass"), wall_clock_s=3)
    assert failure.value.code == "limit_exceeded"
    assert "3 s" in failure.value.message
    assert time.monotonic() - started < 6


def test_a_strategy_that_hangs_up_and_stays_is_ended():
    started = time.monotonic()
    with pytest.raises(RunFailed) as failure:
        run(hooked("import os; os.closerange(3, 64)\n        while True: pass"))
    assert failure.value.code == "child_ended"
    assert "closed" in failure.value.message
    assert time.monotonic() - started < 10


def test_what_watch_raises_ends_the_child_and_passes_through():
    class Stop(Exception):
        pass

    def watch(done: int, total: int) -> None:
        raise Stop

    before = psutil.Process().children()
    with pytest.raises(Stop):
        run(hooked("while True: pass"), watch=watch)
    assert psutil.Process().children() == before


def test_progress_reaches_the_watcher():
    seen: list[tuple[int, int]] = []
    run(hooked("import time; time.sleep(0.0005)"), watch=lambda done, total: seen.append((done, total)))
    assert any(0 < done < total for done, total in seen)


@pytest.mark.parametrize(
    "lie",
    [
        "result = replace(result, trades=result.trades[:-1])",
        "result = replace(result, equity=result.equity[:-1])",
        "result = replace(result, equity=result.equity * float('nan'))",
    ],
)
def test_a_result_whose_money_does_not_add_up_is_not_believed(lie, monkeypatch):
    from analysis.sandbox import wire

    names = {"result": run(job()), "replace": replace}
    exec(lie, names)
    with pytest.raises(ValueError):
        wire.result_from_wire(wire.result_to_wire(names["result"]))


def test_a_good_upload_passes_the_check():
    check_strategy(SOURCE.replace("HOOK", "pass"), "sample_v1.py", {"every": 5}, wall_clock_s=30)


@pytest.mark.parametrize(
    ("source", "params", "complaint"),
    [
        (SOURCE.replace("HOOK", "pass") + "\nraise RuntimeError('at import')", {}, "at import"),
        (SOURCE.replace("MIN_BARS = 2", "MIN_BARS = 'two'"), {}, "get_min_bars_needed"),
        (SOURCE.replace("HOOK", "pass"), {"every": "often"}, "every"),
        (SOURCE.replace("HOOK", "pass") + "\nwhile True: pass", {}, "limit"),
        (SOURCE.replace("HOOK", "pass") + "\nimport os; os._exit(0)", {}, "ended its own process"),
    ],
)
def test_a_bad_upload_is_refused_with_the_reason(source, params, complaint):
    with pytest.raises(StrategyError, match=complaint):
        check_strategy(source, "sample_v1.py", params, wall_clock_s=4)
