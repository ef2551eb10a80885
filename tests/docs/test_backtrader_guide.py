"""The examples of the backtrader guide are true."""

import re
from pathlib import Path

import pytest

from analysis.backtrader_engine import Feed, run_backtrader
from analysis.engine import BacktestSettings
from analysis.strategy import inspect_source, load_strategy_class
from analysis.strategy.backtrader_tools import line_times, line_values
from analysis.strategy.overlays import Overlays
from tests.analysis.engine.test_independent_referee import GOLD, random_walk

PROJECT = Path(__file__).parents[2]
GUIDE = (PROJECT / "docs" / "backtrader.md").read_text()
(EXAMPLE,) = re.findall(r"```python\n(.*?)```", GUIDE, re.DOTALL)
(DRAWING,) = re.findall(r"```py\n(.*?)```", GUIDE, re.DOTALL)


@pytest.fixture(scope="module")
def result():
    names = {"Overlays": Overlays, "line_times": line_times, "line_values": line_values}
    exec(DRAWING, names)
    strategy = load_strategy_class(EXAMPLE, "crossing.py")
    strategy.chart_overlays = names["chart_overlays"]
    feeds = [Feed(random_walk(1, 5_000), GOLD)]
    return run_backtrader(strategy, feeds, BacktestSettings(initial_equity=10_000.0), params={}, report=True)


def test_the_example_is_recognised_and_trades(result):
    assert inspect_source(EXAMPLE, "crossing.py").kind == "backtrader"
    assert len(result.trades) > 10
    assert result.refusals == ()
    assert set(result.trades.exit_reason) <= {"sl", "tp", "end_of_data"}


def test_the_drawing_is_drawn(result):
    assert list(result.overlays[GOLD.symbol]["lines"]) == ["EMA_12"]
    assert not [warning for warning in result.warnings if "drawing" in warning]


def test_every_code_of_its_own_is_explained():
    source = (PROJECT / "analysis" / "backtrader_engine" / "counter.py").read_text()
    codes = set(re.findall(r'Refused\(\s*"(\w+)"', source)) - {"volume_too_small"}
    assert codes == set(re.findall(r"^\| `(\w+)` \| ", GUIDE.split("| code | why |")[1], re.MULTILINE))
