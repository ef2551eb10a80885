"""The page about the templates says what their sources say."""

import re
from pathlib import Path

import backtrader as bt
import pytest

from analysis.instrument import Instrument
from analysis.strategy import inspect_source
from tests.strategy_templates.break_retest_market import BreakRetest, random_candles

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "strategies.md").read_text()
TEMPLATES = sorted((ROOT / "strategy_templates").glob("*.py"))


def shown(value):
    if isinstance(value, bool):
        return str(value).lower()
    return f"{value:,.7f}".rstrip("0").rstrip(".")


def bound(rules):
    if rules["type"] == "bool":
        return "true, false"
    low, high = shown(rules["min"]), rules.get("max")
    return f"at least {low}" if high is None else f"{low} to {shown(high)}"


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.stem)
def test_the_table_of_a_template_is_its_schema(path):
    source = inspect_source(path.read_text(), path.name)
    rows = [
        f"| `{name}` | {shown(source.default_params[name])} | {bound(rules)} | {rules['help']} |"
        for name, rules in source.params_schema.items()
    ]
    _, section = PAGE.split(f"\n## {path.stem}\n")
    table = [line for line in section.split("\n## ")[0].splitlines() if line.startswith("| `")]
    assert table == rows


def test_every_template_is_there_and_the_guide_leads_to_it():
    sections = [line.removeprefix("## ") for line in PAGE.splitlines() if line.startswith("## ")]
    assert sections == ["ema_crossover_v1", "box_breakout_v1", "break_retest_v1"]
    assert sorted(sections) == [path.stem for path in TEMPLATES]
    assert "(strategies.md)" in (ROOT / "docs" / "strategy-guide.md").read_text()


def test_the_lines_for_backtrader_alone_run():
    (lines,) = re.findall(r"```py\n(.*?)```", PAGE, re.DOTALL)
    *setting_up, asked = lines.strip().splitlines()
    names = {
        "bt": bt, "cerebro": bt.Cerebro(), "frame": random_candles(1, 400), "Instrument": Instrument,
        "BreakRetestV1Strategy": BreakRetest,
    }  # fmt: skip
    exec("\n".join(setting_up), names)
    records, overlays = eval(asked, names)
    assert len(records) > 3
    assert len(overlays["XAUUSD"].to_json()["order_boxes"]) == len(records)
    first = records[0]
    sign = 1 if first["order_side"] == "BUY" else -1
    height = first["broken_resistance"] - first["broken_support"]
    assert first["tp"] == pytest.approx(first["entry_price"] + sign * 3 * height)
