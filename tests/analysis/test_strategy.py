"""The contract with strategies: actions, parameters, canonical JSON, source checks, loading."""

import json
from dataclasses import dataclass

import hypothesis.strategies as st
import numpy as np
import pytest
from hypothesis import given

from analysis.errors import ParamsInvalid, StrategyError
from analysis.instrument import Instrument
from analysis.strategy import (
    KEEP,
    ActionRefused,
    BaseStrategy,
    CancelOrder,
    CloseTrade,
    ModifyTrade,
    OpenTrade,
    Side,
    StrategyParams,
    canonical_json,
    inspect_source,
    load_strategy_class,
    make_strategy,
    parse_action,
    resolve_params,
    strategy_traceback,
)

EURUSD = Instrument("EURUSD", 5, 1e-5, 1e-5, 1.0, 100_000, 0.01, 100, 0.01)


class TestActions:
    @pytest.mark.parametrize("side", ["BUY", "buy", "long", "LONG"])
    def test_a_side_may_be_written_as_traders_write_it(self, side):
        action = parse_action({"action": "OPEN_TRADE", "side": side, "lots": 1})
        assert action == OpenTrade(side=Side.BUY, lots=1.0)

    def test_numbers_of_numpy_are_numbers(self):
        action = parse_action(
            {
                "action": "OPEN_TRADE",
                "side": "short",
                "risk_percent": np.float32(0.5),
                "sl": np.float64(1.2),
                "tp": np.int64(1),
            }
        )
        assert action == OpenTrade(side=Side.SELL, risk_percent=0.5, sl=1.2, tp=1.0)

    @pytest.mark.parametrize(
        ("raw", "action"),
        [
            ({"action": "CLOSE_TRADE"}, CloseTrade()),
            ({"action": "CLOSE_TRADE", "trade_id": np.int64(3)}, CloseTrade(trade_id=3)),
            ({"action": "MODIFY_TRADE", "tag": "a", "sl": 1.1}, ModifyTrade(tag="a", sl=1.1, tp=KEEP)),
            ({"action": "MODIFY_TRADE", "trade_id": 2, "tp": None}, ModifyTrade(trade_id=2, sl=KEEP, tp=None)),
            ({"action": "CANCEL_ORDER", "order_id": 4}, CancelOrder(order_id=4)),
        ],
    )
    def test_other_actions(self, raw, action):
        assert parse_action(raw) == action

    @pytest.mark.parametrize(
        ("raw", "reason"),
        [
            ([], "an action must be a dict, not list"),
            ({}, "unknown action None; known: OPEN_TRADE, CLOSE_TRADE, MODIFY_TRADE, CANCEL_ORDER"),
            (
                {"action": "CLOSE_TRADE", "id": 3},
                "CLOSE_TRADE does not know 'id'; it knows trade_id, tag, symbol, lots",
            ),
            ({"action": "OPEN_TRADE", "side": "BUY", "lots": 1, "tag": "x" * 65}, "tag is longer than 64 characters"),
            ({"action": "OPEN_TRADE", "side": "BUY", "lots": 1, "sl": -1}, "sl must be a price above zero, not -1"),
            (
                {"action": "OPEN_TRADE", "side": "BUY", "lots": 1, "sl": 1e300},
                "sl must be a price of at most 1e+10, not 1e+300",
            ),
            (
                {"action": "CLOSE_TRADE", "tag": "a\0"},
                "tag has a character that cannot be stored: 'a\\x00'",
            ),
            (
                {"action": "OPEN_TRADE", "side": "BUY", "sl": 1, "risk_percent": 101},
                "risk_percent must be above 0 and at most 100 (1 means one per cent), not 101",
            ),
            ({"action": "CLOSE_TRADE", "trade_id": True}, "trade_id must be the id of a trade, not True"),
            (
                {"action": "OPEN_TRADE", "side": "BUY", "lots": 1, "entry_type": "limit"},
                "a limit order needs a price",
            ),
            (
                {"action": "OPEN_TRADE", "side": "BUY", "lots": 1, "entry_type": "limit", "price": 1, "expiry": "soon"},
                "expiry must be a datetime with a time zone, not 'soon'",
            ),
        ],
    )
    def test_what_is_not_understood_says_why(self, raw, reason):
        refused = parse_action(raw)
        assert isinstance(refused, ActionRefused)
        assert refused.reason == reason


SCHEMA = {
    "length": {"type": "int", "min": 1, "max": 100},
    "factor": {"type": "float", "min": 0.5, "max": 2},
    "active": {"type": "bool"},
    "name": {"type": "str"},
    "mode": {"type": "choice", "choices": ["fast", "slow"]},
}
DEFAULTS = {"length": 20, "factor": 1, "active": True, "name": "", "mode": "fast"}


class TestResolveParams:
    def test_defaults_apply_and_have_the_schemas_types(self):
        values = resolve_params(SCHEMA, DEFAULTS, {"mode": "slow"})
        assert values == {"length": 20, "factor": 1.0, "active": True, "name": "", "mode": "slow"}
        assert type(values["factor"]) is float

    def test_bounds_are_inclusive(self):
        assert resolve_params(SCHEMA, DEFAULTS, {"length": 100, "factor": 0.5})["length"] == 100

    def test_a_whole_float_is_an_int(self):
        length = resolve_params(SCHEMA, DEFAULTS, {"length": 7.0})["length"]
        assert (length, type(length)) == (7, int)

    @pytest.mark.parametrize(
        ("params", "message"),
        [
            ({"length": True}, "must be a whole number"),
            ({"length": 2.5}, "must be a whole number"),
            ({"length": "2"}, "must be a whole number"),
            ({"length": None}, "must be a whole number"),
            ({"length": float("nan")}, "must be a whole number"),
            ({"length": float("inf")}, "must be a whole number"),
            ({"length": 10**30}, "is too large"),
            ({"length": 0}, "must be at least 1, and is 0"),
            ({"length": 101}, "must be at most 100, and is 101"),
            ({"factor": False}, "must be a number"),
            ({"factor": float("nan")}, "must be a finite number"),
            ({"factor": 10**400}, "must be a finite number"),
            ({"factor": 2.01}, "must be at most 2, and is 2.01"),
            ({"active": 1}, "must be true or false"),
            ({"name": 3}, "must be text"),
            ({"name": "x" * 1001}, "must not be longer than 1000 characters"),
            ({"mode": "medium"}, "must be one of fast, slow"),
            ({"mode": ["fast"]}, "must be text"),
            ({"lenght": 3}, "unknown parameter; the strategy knows length, factor, active, name, mode"),
        ],
    )
    def test_a_value_the_schema_does_not_allow_is_named(self, params, message):
        with pytest.raises(ParamsInvalid) as caught:
            resolve_params(SCHEMA, DEFAULTS, params)
        assert [(p.field, p.message) for p in caught.value.errors] == [(next(iter(params)), message)]

    def test_all_problems_come_at_once(self):
        with pytest.raises(ParamsInvalid) as caught:
            resolve_params(SCHEMA, {}, {"length": 0, "speed": 1, "factor": "x", "active": True, "name": ""})
        assert [p.field for p in caught.value.errors] == ["speed", "length", "factor", "mode"]
        assert str(caught.value).startswith("speed: unknown parameter")


class TestStrategyParams:
    @dataclass(frozen=True)
    class Params(StrategyParams):
        length: int
        factor: float = 2.0
        label: str = "x"

    def test_from_dict_checks_types_and_fills_in_defaults(self):
        assert self.Params.from_dict({"length": 3, "factor": 4}) == self.Params(3, 4.0, "x")

    def test_from_dict_names_what_it_does_not_know_and_what_is_missing(self):
        with pytest.raises(ParamsInvalid) as caught:
            self.Params.from_dict({"lenght": 3, "label": 7})
        assert [(p.field, p.message) for p in caught.value.errors] == [
            ("lenght", "unknown parameter; the strategy knows length, factor, label"),
            ("length", "is required"),
            ("label", "must be text"),
        ]

    def test_from_dict_is_for_dataclasses(self):
        with pytest.raises(TypeError, match="must be a dataclass"):
            type("Bare", (StrategyParams,), {}).from_dict({})


class TestCanonicalJson:
    @pytest.mark.parametrize(
        ("value", "text"),
        [
            ({"b": 1, "a": [True, None, "ü"]}, '{"a":[true,null,"\\u00fc"],"b":1}'),
            (1.0, "1"), (-0.0, "0"), (0, "0"), (100, "100"), (1e2, "100"), (-2.50, "-2.5"), (0.1, "0.1"),
            (1e-5, "0.00001"), (1e-9, "1e-9"), (1.5e-9, "1.5e-9"), (1e300, "1e+300"), (10**300, "1e+300"),
            (123456789012345678901, "1.23456789012345678901e+20"), (12345678901234567890, "12345678901234567890"),
            ((1, 2.0), "[1,2]"), ({}, "{}"), ("", '""'),
        ],
    )  # fmt: skip
    def test_one_spelling(self, value, text):
        assert canonical_json(value) == text

    @pytest.mark.parametrize(
        ("value", "message"),
        [
            ({"a": {"b": [1, float("nan")]}}, "a.b[1]: is nan, which is not a number JSON knows"),
            ({"a": float("-inf")}, "a: is -inf, which is not a number JSON knows"),
            ({1: 2}, "params: has a key that is not text but int"),
            ({"a": {1, 2}}, "a: cannot be stored: set is not a JSON type"),
            ({"a": 10**400}, "a: has more than 400 digits"),
        ],
    )
    def test_what_json_cannot_say_is_an_error_with_its_place(self, value, message):
        with pytest.raises(ParamsInvalid) as caught:
            canonical_json(value)
        assert str(caught.value) == message

    def test_nesting_without_end_is_an_error(self):
        value = []
        value.append(value)
        with pytest.raises(ParamsInvalid, match="nested deeper than 32"):
            canonical_json(value)

    # Beyond 2**53 doubles have gaps: there a double is its shortest decimal, as databases store it.
    numbers = st.one_of(st.integers(-(2**53), 2**53), st.floats(-(2.0**53), 2.0**53))
    values = st.recursive(
        st.one_of(st.none(), st.booleans(), numbers, st.text(max_size=5)),
        lambda inner: st.one_of(st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=3), inner, max_size=3)),
        max_leaves=8,
    )

    @given(values)
    def test_it_is_json_that_says_the_same_and_stays_as_it_is(self, value):
        text = canonical_json(value)
        assert json.loads(text) == value
        assert canonical_json(json.loads(text)) == text

    @given(numbers, numbers)
    def test_equal_numbers_have_equal_spellings_and_others_do_not(self, one, other):
        assert (canonical_json(one) == canonical_json(other)) == (one == other)

    @given(st.floats(allow_nan=False, allow_infinity=False))
    def test_every_double_reads_back_as_itself(self, number):
        assert float(json.loads(canonical_json(number))) == number


GOOD = '''"""Does nothing.

Slowly.
"""

class Strategy:
    DEFAULT_PARAMS = {"length": 3}
    PARAMS_SCHEMA = {"length": {"type": "int", "min": 1, "label": "Length"}}

    def __init__(self, params, risk_settings, instrument_symbol, account_id, instrument_spec, pip_value):
        self.params = params

    def get_min_bars_needed(self, buffer_bars=10):
        return 1 + buffer_bars

    def _ensure_indicators(self, df_input):
        return df_input

    def run_tick(self, df_current_window, account_equity):
        return []
'''
BASE = "from analysis.strategy import BaseStrategy\n\nclass Strategy(BaseStrategy):\n    "


class TestInspectSource:
    def test_it_reads_what_the_source_says_of_itself(self):
        described = inspect_source(GOOD, "quiet.py")
        assert (described.class_name, described.kind) == ("Strategy", "tick")
        assert described.doc == "Does nothing.\n\nSlowly."
        assert described.default_params == {"length": 3}
        assert described.params_schema == {"length": {"type": "int", "min": 1, "label": "Length"}}

    def test_it_never_executes(self, tmp_path):
        flag = tmp_path / "flag"
        inspect_source(f"open({str(flag)!r}, 'w')\n{GOOD}", "x.py")
        assert not flag.exists()

    @pytest.mark.parametrize("filename", ["box_breakout_v1.py", "some/folder/box_breakout_v1.py"])
    def test_the_class_may_be_named_after_the_file(self, filename):
        source = GOOD.replace("class Strategy", "class Helper:\n    pass\n\nclass BoxBreakoutV1Strategy")
        assert inspect_source(source, filename).class_name == "BoxBreakoutV1Strategy"

    def test_the_name_strategy_goes_first(self):
        source = GOOD + "\nclass XStrategy:\n    pass\n"
        assert inspect_source(source, "x.py").class_name == "Strategy"

    @pytest.mark.parametrize(
        ("imports", "base"),
        [
            ("import backtrader", "backtrader.Strategy"),
            ("import backtrader as bt", "bt.Strategy"),
            ("from backtrader import Strategy as Base", "Base"),
            ("import backtrader.strategy", "backtrader.strategy.Strategy"),
        ],
    )
    def test_a_subclass_of_backtraders_is_found_under_any_name(self, imports, base):
        source = f"{imports}\n\nclass BreakRetest({base}):\n    def next(self):\n        pass\n"
        described = inspect_source(source, "whatever.py")
        assert (described.class_name, described.kind) == ("BreakRetest", "backtrader")

    def test_a_backtrader_base_of_the_same_file_is_not_the_strategy(self):
        source = "import backtrader as bt\nclass A(bt.Strategy):\n    pass\nclass B(A):\n    pass\n"
        assert inspect_source(source, "x.py").class_name == "B"

    def test_two_that_could_be_meant_are_an_error(self):
        source = "import backtrader as bt\nclass A(bt.Strategy):\n    pass\nclass B(bt.Strategy):\n    pass\n"
        with pytest.raises(StrategyError, match="A, B could each be the strategy") as caught:
            inspect_source(source, "x.py")
        assert caught.value.line == 4

    def test_a_base_of_the_platform_brings_the_other_methods(self):
        assert inspect_source(BASE + "def run_tick(self, df, equity): return []", "x.py").default_params == {}

    def test_methods_and_params_of_a_base_in_the_file_count(self):
        source = GOOD.replace("class Strategy", "class Common") + "\nclass Strategy(Common):\n    pass\n"
        assert inspect_source(source, "x.py").default_params == {"length": 3}

    def test_annotated_params_are_read_too(self):
        source = GOOD.replace("DEFAULT_PARAMS =", "DEFAULT_PARAMS: dict =")
        assert inspect_source(source, "x.py").default_params == {"length": 3}

    @pytest.mark.parametrize(
        ("source", "line", "reason"),
        [
            ("def f(:\n    pass", 1, "Line 1: invalid syntax"),
            ("x = 1\nreturn x", 2, "Line 2: 'return' outside function"),
            ("x = 'a\0b'", None, "null bytes"),
            ("x = '\ud800'", None, "not Python text"),
            ("(" * 5000, 1, "too many nested parentheses"),
            ("x = " + "-" * 60_000 + "1", None, "nested too deeply"),
            ("#" * 300_000, None, "larger than 256 KiB"),
            ("", None, "No strategy class: name it Strategy or XStrategy"),
            ("class Other:\n    pass", 1, "No strategy class"),
            ("class Strategy:\n    pass", 1, "lacks __init__(self, params"),
            (GOOD.replace("def run_tick", "def runtick"), 6, "Strategy lacks run_tick(self, df_current_window, "),
            (BASE + "pass", 3, "Strategy lacks run_tick"),
            (GOOD.replace('{"length": 3}', "dict(length=3)"), 7, "Strategy.DEFAULT_PARAMS must be a literal"),
            (GOOD.replace('{"type": "int"', '{"type": int'), 8, "Strategy.PARAMS_SCHEMA must be a literal"),
            (GOOD.replace('"int"', '"integer"'), 8, "PARAMS_SCHEMA['length'] needs a type, one of int, float, "),
            (GOOD.replace('"min": 1', '"minimum": 1'), 8, "has minimum, which int does not know"),
            (GOOD.replace('"min": 1', '"min": "1"'), 8, "needs a finite number as min"),
            (GOOD.replace('"min": 1', '"min": 5, "max": 4'), 8, "has a min above its max"),
            (GOOD.replace('"label": "Length"', '"label": 3'), 8, "needs text as label"),
            (GOOD.replace('"int", "min": 1', '"choice", "choices": []'), 8, "needs choices, a list of texts"),
            (GOOD.replace('{"length": {', '{"two words": {'), 8, "'two words' cannot be the name of a parameter"),
            (GOOD.replace('SCHEMA = {"length"', 'SCHEMA = {"width"'), 7, "'width' has no value in DEFAULT_PARAMS"),
            (GOOD.replace('{"length": 3}', '{"length": 3, "x": 1}'), 7, "DEFAULT_PARAMS['x'] unknown parameter"),
            (GOOD.replace('{"length": 3}', '{"length": 0}'), 7, "DEFAULT_PARAMS['length'] must be at least 1"),
            (GOOD.replace('{"length": 3}', "[3]"), 7, "DEFAULT_PARAMS must be a dict"),
        ],
    )  # fmt: skip
    def test_what_is_wrong_is_said_with_its_line(self, source, line, reason):
        with pytest.raises(StrategyError) as caught:
            inspect_source(source, "x.py")
        assert reason in caught.value.message
        assert caught.value.line == line


class TestLoading:
    def test_a_loaded_class_runs(self):
        strategy = make_strategy(load_strategy_class(GOOD, "x.py"), {"length": 5}, {}, EURUSD)
        assert strategy.params == {"length": 5}
        assert strategy.get_min_bars_needed() == 11

    def test_dataclasses_with_postponed_annotations_load(self):
        source = (
            "from __future__ import annotations\nfrom dataclasses import dataclass\n"
            "from analysis.strategy import BaseStrategy, StrategyParams\n"
            "@dataclass\nclass P(StrategyParams):\n    length: int = 4\n\n"
            "class Strategy(BaseStrategy):\n"
            "    def run_tick(self, df, equity): return P.from_dict({'length': 2.0}).length\n"
        )
        strategy = make_strategy(load_strategy_class(source, "x.py"), {}, {}, EURUSD)
        assert strategy.run_tick(None, 0.0) == 2

    def test_two_versions_of_a_file_live_side_by_side(self):
        first = load_strategy_class(GOOD, "x.py")
        second = load_strategy_class(GOOD.replace("1 + buffer_bars", "2 + buffer_bars"), "x.py")
        lengths = [make_strategy(c, {}, {}, EURUSD).get_min_bars_needed(0) for c in (first, second)]
        assert lengths == [1, 2]

    @pytest.mark.parametrize(
        ("line_of_code", "reason"),
        [
            (
                "import no_such_module_anywhere",
                "Line 5: ModuleNotFoundError: No module named 'no_such_module_anywhere'",
            ),
            ("1 / 0", "Line 5: ZeroDivisionError: division by zero"),
            ("raise SystemExit('bye')", "Line 5: SystemExit: bye"),
        ],
    )
    def test_source_that_fails_while_it_is_loaded_says_where(self, line_of_code, reason):
        source = GOOD.replace("\n\nclass", f"\n{line_of_code}\nclass", 1)
        with pytest.raises(StrategyError) as caught:
            load_strategy_class(source, "x.py")
        assert (caught.value.message, caught.value.line) == (reason, 5)

    def test_an_init_that_fails_says_where(self):
        source = GOOD.replace("self.params = params", "self.params = params['width']")
        with pytest.raises(StrategyError) as caught:
            make_strategy(load_strategy_class(source, "x.py"), {}, {}, EURUSD)
        assert (caught.value.message, caught.value.line) == ("Line 11: KeyError: 'width'", 11)

    def test_params_the_strategy_does_not_accept_are_named(self):
        with pytest.raises(ParamsInvalid, match="length: must be at least 1"):
            make_strategy(load_strategy_class(GOOD, "x.py"), {"length": 0}, {}, EURUSD)

    def test_a_traceback_shows_the_authors_frames_and_lines_only(self):
        source = GOOD.replace(
            "return []",
            "return sorted([df_current_window, 1], key=self.key)\n\n    def key(self, x):\n        return x.y",
        )
        strategy = make_strategy(load_strategy_class(source, "x.py"), {}, {}, EURUSD)
        with pytest.raises(AttributeError) as caught:
            strategy.run_tick(3, 0.0)
        text = strategy_traceback(caught.value, "x.py")
        assert 'File "x.py", line 20, in run_tick' in text
        assert "return x.y" in text
        assert text.count('File "') == text.count('File "x.py"') == 2
        assert text.endswith("AttributeError: 'int' object has no attribute 'y'")

    def test_the_base_strategy_asks_for_run_tick(self):
        with pytest.raises(NotImplementedError, match="must define run_tick"):
            make_strategy(BaseStrategy, {}, {}, EURUSD).run_tick(None, 0.0)
