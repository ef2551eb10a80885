"""The examples of the guide are true."""

import re
import textwrap
from functools import partial
from pathlib import Path

from analysis.engine import BacktestSettings, run_backtest
from analysis.engine.desk import LATE
from analysis.strategy import TickStrategy, inspect_source, load_strategy_class, make_strategy
from analysis.strategy.schema import schema_problems
from tests.analysis.engine.test_independent_referee import GOLD, random_walk

GUIDE = (Path(__file__).parents[2] / "docs" / "strategy-guide.md").read_text()
EXAMPLE, SCHEMA = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)


def test_the_ten_lines_pass_the_check_and_trade():
    assert len([line for line in EXAMPLE.split("class Strategy")[1].splitlines() if line.strip()]) == 10
    assert inspect_source(EXAMPLE, "high.py").default_params == {"length": 100}
    strategy = make_strategy(load_strategy_class(EXAMPLE, "high.py"), {"length": 50}, {}, GOLD)
    result = run_backtest(strategy, random_walk(1, 5_000), GOLD, BacktestSettings(initial_equity=10_000.0))
    assert len(result.trades) > 10
    assert result.refusals == ()
    assert all(
        later.entry_time > trade.exit_time for trade, later in zip(result.trades, result.trades[1:], strict=False)
    )


def test_the_readme_shows_the_same_ten_lines():
    assert f"```python\n{EXAMPLE}```" in (Path(__file__).parents[2] / "README.md").read_text()


def test_the_schema_is_one_the_platform_accepts():
    names: dict[str, object] = {}
    exec(SCHEMA, names)
    assert schema_problems(names["PARAMS_SCHEMA"], {"length": 20, "mode": "fast"}) == []


def test_the_fast_paths_say_what_run_tick_says():
    parts = [part for part in re.findall(r"```py\n(.*?)```", GUIDE, re.DOTALL) if "entry_signals" in part]
    methods = textwrap.indent("\n".join(parts), "    ")
    mask, signals = methods.split("    def entry_signals")
    for fast_path in (mask, f"    def entry_signals{signals}"):
        remake = partial(made, SLOW + fast_path)
        result = run_backtest(
            remake(), random_walk(1, 20_000), GOLD, BacktestSettings(initial_equity=10_000.0), remake=remake
        )
        assert len(result.trades) > 100


def made(source: str) -> TickStrategy:
    return make_strategy(load_strategy_class(source, "cross.py"), {}, {}, GOLD)


SLOW = """
import pandas as pd
from analysis.indicators import atr, ema
from analysis.strategy import BaseStrategy

class Strategy(BaseStrategy):
    MIN_BARS = 40

    def _ensure_indicators(self, df):
        df["EMA_12"], df["EMA_26"] = ema(df["close"], 12), ema(df["close"], 26)
        df["ATRr_14"] = atr(df["high"], df["low"], df["close"], 14)
        return df

    def run_tick(self, df, equity):
        before, now = df.iloc[-2], df.iloc[-1]
        above = now["EMA_12"] > now["EMA_26"]
        if above == (before["EMA_12"] > before["EMA_26"]):
            return []
        stop = now["close"] - 2 * (now["ATRr_14"] if above else -now["ATRr_14"])
        return [{"action": "OPEN_TRADE", "side": "BUY" if above else "SELL", "sl": stop, "lots": 0.1}]

"""


def test_every_refusal_the_engine_knows_is_explained():
    root = Path(__file__).parents[2] / "analysis"
    sources = [*(root / "engine").glob("*.py"), root / "strategy" / "actions.py"]
    codes = {code for code, _ in LATE.values()}
    for path in sources:
        codes |= set(re.findall(r'(?:ActionRefused|_Misread)\(\s*(?:f?"[^"]*", )?"([a-z_]+)"', path.read_text()))
        codes |= set(re.findall(r'refuse\([^"]*"([a-z_]+)"', path.read_text()))
    assert {"no_market", "wrong_side", "no_size", "not_finite", "unknown_trade", "expired"} <= codes
    assert {code for code in codes if f"`{code}`" not in GUIDE} == set()
