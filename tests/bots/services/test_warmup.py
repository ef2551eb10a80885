"""How far back a backtest reads so that its first bar finds warm indicators."""

from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from analysis.candle_store.layout import partition_path, symbol_dir
from analysis.candles import MINUTE_MS
from analysis.errors import CorruptCandles
from analysis.utils.data_processor import merge_m1
from bots.services.warmup import warm_start
from tests.analysis.series import START, at, candles, ms

DAY = timedelta(days=1)


@pytest.fixture
def store(tmp_path, settings):
    settings.MARKET_DATA_ROOT = tmp_path
    return tmp_path


def minutes(count: int) -> timedelta:
    return timedelta(minutes=count)


def test_the_last_bars_before_the_window_and_no_more(store):
    merge_m1(candles(1_000), data_root=store)
    assert warm_start("EURUSD", START + minutes(800), "M1", 300) == (START + minutes(500), 300)
    assert warm_start("EURUSD", START + minutes(800), "M5", 100) == (START + minutes(300), 100)
    assert warm_start("EURUSD", START + minutes(800), "M1", 1) == (START + minutes(799), 1)


def test_no_bars_need_no_candles(store):
    assert warm_start("EURUSD", START, "M1", 0) == (START, 0)


def test_a_store_with_fewer_gives_what_it_has(store):
    merge_m1(candles(1_000), data_root=store)
    assert warm_start("EURUSD", START + minutes(20), "M1", 500) == (START, 20)
    assert warm_start("EURUSD", START, "M1", 500) == (START, 0)
    assert warm_start("EURUSD", START - DAY, "M1", 500) == (START - DAY, 0)
    assert warm_start("NOPE", START, "M1", 500) == (START, 0)


def test_bars_without_candles_do_not_count(store):
    hours = np.concatenate([np.arange(0, 60), np.arange(600, 660), np.arange(1_200, 1_230)])
    merge_m1(at(ms(START) + hours * MINUTE_MS), data_root=store)
    assert warm_start("EURUSD", START + minutes(1_200), "H1", 2) == (START, 2)
    assert warm_start("EURUSD", START + minutes(1_200), "M1", 61) == (START + minutes(59), 61)


@pytest.mark.parametrize("holiday", [3, 10, 400])
def test_weekends_holidays_and_holes_of_any_length_are_stepped_over(store, holiday):
    resumed = START + holiday * DAY
    merge_m1(candles(300), data_root=store)
    merge_m1(candles(100, start=resumed), data_root=store)
    assert warm_start("EURUSD", resumed + minutes(50), "M1", 100) == (START + minutes(250), 100)


def test_a_window_that_begins_inside_a_bar_counts_that_bar(store):
    merge_m1(candles(1_000), data_root=store)
    assert warm_start("EURUSD", START + minutes(150), "H1", 2) == (START + minutes(60), 2)


def test_a_window_at_the_dawn_of_time_is_no_accident(store):
    merge_m1(candles(10, start=datetime(1970, 1, 1, 0, 5, tzinfo=UTC)), data_root=store)
    assert warm_start("EURUSD", datetime(1970, 1, 1, 0, 10, tzinfo=UTC), "D1", 500) == (
        datetime(1970, 1, 1, tzinfo=UTC), 1,
    )  # fmt: skip
    assert warm_start("EURUSD", datetime(1, 1, 2, tzinfo=UTC), "D1", 500) == (datetime(1, 1, 2, tzinfo=UTC), 0)


def test_damaged_candles_are_not_skipped(store):
    merge_m1(candles(100), data_root=store)
    partition_path(symbol_dir(store, "EURUSD"), 2024).write_bytes(b"PAR1 nonsense")
    with pytest.raises(CorruptCandles):
        warm_start("EURUSD", START + minutes(50), "M1", 10)
