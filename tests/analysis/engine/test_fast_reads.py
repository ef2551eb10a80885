"""What becomes of a strategy's source when it is loaded: single reads are looked up, all else is left as it was."""

import traceback

import numpy as np
import pandas as pd
import pytest

from analysis.engine.window import MovingWindow
from analysis.strategy.fast_reads import NAMES, bind, compile_strategy, unbind

LENGTH = 5


def run(source, **names):
    namespace = {**NAMES, **names}
    exec(compile_strategy(source, "strategy.py"), namespace)
    return namespace


def names_in(source):
    return set(compile_strategy(source, "strategy.py").co_names) & set(NAMES)


@pytest.fixture
def moving():
    frame = pd.DataFrame({"close": np.arange(9.0), "volume": np.arange(9)}, index=pd.RangeIndex(100, 109))
    moving = MovingWindow(frame, LENGTH)
    yield moving
    moving.close()


FAST = [
    ('df["close"].iloc[-1]', 4.0), ('df["close"].iloc[-5]', 0.0), ("df.close.iloc[-2]", 3.0), ("df[name].iloc[-1]", 4),
    ('df["close"].values[-1]', 4.0), ("df.close.values[-1]", 4.0), ('df["close"].to_numpy()[-1]', 4.0),
    ("df.close.to_numpy()[-1]", 4.0), ('df.iloc[-1]["close"]', 4.0), ("df.iloc[-1].volume", 4.0), ("df.index[-1]", 104),
    ('self["df"]["close"].iloc[-1]', 4.0), ('max(df["close"].iloc[-1], df["volume"].iloc[-2])', 4.0),
    ('f"{df.close.iloc[-1]}"', "4.0"), ('[df["close"].iloc[-1] for _ in "ab"]', [4.0, 4.0]),
    ('(lambda: df["close"].iloc[-1])()', 4.0), ('[df][0]["close"].iloc[-1]', 4.0),
]  # fmt: skip


@pytest.mark.parametrize(("expression", "value"), FAST)
def test_a_single_read_never_reaches_pandas(expression, value, moving):
    made = run(f"def read(df, name, self):\n    return {expression}\n")
    for _ in ("called", "in place"):
        read = made["read"](moving.window, "close", {"df": moving.window})
        assert read == value
        assert not moving.window.__dict__
        bind(made, moving.window)


@pytest.mark.parametrize(
    "expression",
    [
        "df['close'].iloc[1]", "df['close'].iloc[n]", "df['close'].iloc[-n]", "df['close'].iloc[-1:]",
        "df['a', 'b'].iloc[-1]", "df['a':].iloc[-1]", "df['close'].iloc[-1.0]", "df['close'].iloc[-True]",
        "df['close'].iloc[-0]",
        "df['close'].iloc(axis=0)[-1]", "df['close'].to_numpy(copy=True)[-1]", "df.__close.iloc[-1]", "df[-1]", "x[-1]",
        "df['close'].loc[-1]", "df.iloc[-1][f()]", "df.iloc[-1]['a':]",
    ],
)  # fmt: skip
def test_anything_else_is_left_alone(expression):
    assert not names_in(expression)


@pytest.mark.parametrize(
    "statement",
    ["df['close'].iloc[-1] = 1", "df['close'].iloc[-1] += 1", "del df['close'].values[-1]", "df.iloc[-1]['close'] = 1",
     "df.iloc[-1].close = 1", "for df['close'].iloc[-1] in []: pass"],
)  # fmt: skip
def test_a_write_is_left_alone(statement):
    assert not names_in(statement)


class Recorder:
    """Takes any read and writes down what it was."""

    def __init__(self):
        self.did = []

    def __getattr__(self, name):
        self.did.append(name)
        return self

    def __getitem__(self, key):
        self.did.append(key)
        return self

    def __call__(self):
        self.did.append("()")
        return self


@pytest.mark.parametrize(
    ("expression", "did"),
    [
        ('x["close"].iloc[-1]', ["close", "iloc", -1]), ("x.close.iloc[-1]", ["close", "iloc", -1]),
        ('x["close"].values[-2]', ["close", "values", -2]), ("x.close.to_numpy()[-1]", ["close", "to_numpy", "()", -1]),
        ('x.iloc[-1]["close"]', ["iloc", -1, "close"]), ("x.iloc[-3].close", ["iloc", -3, "close"]),
        ("x.index[-1]", ["index", -1]), ("x.iloc[-1].iloc[-1]", ["iloc", -1, "iloc", -1]),
    ],
)  # fmt: skip
def test_of_another_object_it_does_what_the_source_says(expression, did):
    x = Recorder()
    run(f"result = {expression}", x=x)
    assert x.did == did


def test_what_a_read_is_made_of_is_evaluated_once_and_in_its_order(moving):
    done = []

    def told(what, value):
        done.append(what)
        return value

    made = run("r = told('frame', df)[told('key', 'close')].iloc[-1]", df=moving.window, told=told)
    assert (made["r"], done) == (4.0, ["frame", "key"])


@pytest.mark.parametrize(
    ("expression", "error"),
    [
        ("df['nothing'].iloc[-1]", KeyError), ("df.nothing.iloc[-1]", AttributeError),
        ("df['close'].iloc[-6]", IndexError), ("df['close'].values[-6]", IndexError), ("df.index[-6]", IndexError),
        ("df.iloc[-6]['close']", IndexError), ("df.iloc[-1]['nothing']", KeyError),
        ("df.iloc[-1].nothing", AttributeError), ("df[[]].iloc[-6]", IndexError),
    ],
)  # fmt: skip
def test_errors_are_those_of_pandas_with_the_line_of_the_source(expression, error, moving):
    plain = moving.window.copy()
    with pytest.raises(error) as expected:
        eval(expression, {"df": plain})
    with pytest.raises(error) as raised:
        run(f"\n\nresult = (\n    {expression}\n)", df=moving.window)
    assert str(raised.value) == str(expected.value)
    lines = [
        frame.lineno for frame in traceback.extract_tb(raised.value.__traceback__) if frame.filename == "strategy.py"
    ]
    assert lines == [4]


def test_columns_named_like_something_of_pandas_stay_what_pandas_says():
    frame = pd.DataFrame({"close": np.arange(9.0), "size": np.arange(9.0), "mean": np.arange(9.0)})
    moving = MovingWindow(frame, LENGTH)
    with pytest.raises(AttributeError):
        run("df.size.iloc[-1]", df=moving.window)
    with pytest.raises(AttributeError):
        run("df.mean.iloc[-1]", df=moving.window)
    made = run("r = df['size'].iloc[-1], df['mean'].iloc[-1], df.iloc[-1].size", df=moving.window)
    assert made["r"] == (4.0, 4.0, 3)
    moving.close()


def test_a_source_may_be_nested_deeply():
    nested = "df['close'].iloc[-1]" + " + 1" * 800  # more than Python's stack has room for calls that go along
    assert names_in(nested)


def test_a_window_that_pandas_has_changed_is_read_from_pandas(moving):
    source = """
before = df["close"].iloc[-1]
df["close"] = df["close"] * 10
after = df["close"].iloc[-1], df.close.values[-1], df.iloc[-1]["close"], df.iloc[-1].close
df.index = range(5)
label = df.index[-1]
"""
    made = run(source, df=moving.window)
    assert (made["before"], made["after"], made["label"]) == (4.0, (40.0,) * 4, 4)


class TestInPlace:
    """A module that is bound to a window reads it without a call, and everything else as before."""

    SOURCE = "def read(df):\n    return df['close'].iloc[-1], df.volume.values[-5]\n"

    def test_only_windows_of_the_class_it_is_bound_to(self, moving):
        made = run(self.SOURCE)
        bind(made, moving.window)
        other = pd.DataFrame({"close": np.arange(20.0) * 2, "volume": np.arange(20)})
        another = MovingWindow(other, LENGTH)
        another.reader.stop = 12
        assert made["read"](moving.window) == (4.0, 0)
        assert made["read"](another.window) == (22.0, 7)
        assert made["read"](other) == (38.0, 15)
        another.close()

    def test_it_follows_the_window(self, moving):
        made = run(self.SOURCE)
        bind(made, moving.window)
        moving.reader.stop = 8
        assert made["read"](moving.window) == (7.0, 3)

    def test_a_window_that_pandas_has_changed_is_left_to_pandas(self, moving):
        made = run(self.SOURCE)
        bind(made, moving.window)
        window = moving.window
        window["close"] = 5.5
        assert made["read"](window) == (5.5, 0)

    @pytest.mark.parametrize("expression", ["df['nothing'].iloc[-1]", "df['close'].iloc[-6]", "df.size.iloc[-1]"])
    def test_what_is_not_in_the_window_fails_as_in_pandas(self, expression, moving):
        made = run(f"def read(df):\n    return {expression}\n")
        bind(made, moving.window)
        with pytest.raises((KeyError, IndexError, AttributeError)) as ours:
            made["read"](moving.window)
        with pytest.raises(type(ours.value)) as theirs:
            eval(expression, {"df": moving.window.copy()})
        assert str(ours.value) == str(theirs.value)

    def test_it_can_be_let_go_of(self, moving):
        made = run(self.SOURCE)
        bind(made, moving.window)
        unbind(made)
        assert made["read"](moving.window) == (4.0, 0)
        assert moving.reader not in made.values()

    def test_a_module_that_was_not_compiled_for_it_is_left_alone(self, moving):
        namespace = {}
        bind(namespace, moving.window)
        unbind(namespace)
        assert namespace == {}
