import time
from datetime import UTC, datetime

import numpy as np
import pytest

from analysis.candle_store.rules import broken_rules
from analysis.errors import ImportRejected
from analysis.importing.demo_data import make_demo_candles, store_demo_candles
from analysis.importing.demo_profiles import PROFILES
from analysis.utils.data_processor import list_datasets, load_m1_candles
from tests.analysis.series import candles

START, END = datetime(2025, 1, 1, tzinfo=UTC), datetime(2025, 4, 1, tzinfo=UTC)


def make(symbol: str = "XAUUSD.demo", seed: int = 1, start: datetime = START, end: datetime = END):
    return make_demo_candles(symbol, start=start, end=end, seed=seed)


def test_the_same_arguments_give_the_same_candles():
    assert make().fingerprint() == make().fingerprint()


@pytest.mark.parametrize(
    "other", [{"seed": 2}, {"symbol": "XAUUSD"}, {"end": datetime(2025, 3, 31, tzinfo=UTC)}], ids=str
)
def test_other_arguments_give_other_prices(other):
    assert not np.array_equal(make(**other).close[:1000], make().close[:1000])


@pytest.mark.parametrize("symbol", PROFILES)
def test_every_profile_gives_sound_candles_of_its_ticks(symbol):
    series = make(symbol, end=datetime(2025, 2, 1, tzinfo=UTC))
    columns = {name: getattr(series, name) for name in type(series).__dataclass_fields__ if name != "symbol"}
    assert [reason for reason, broken in broken_rules(columns) if broken.any()] == []
    profile = PROFILES[symbol]
    for price in (series.open, series.high, series.low, series.close):
        assert price.tolist() == [float(f"{value:.{profile.digits}f}") for value in price.tolist()]
        assert (np.rint(price * 10**profile.digits) % profile.tick_points == 0).all()
    assert series.spread.min() >= 1
    assert series.tick_volume.min() >= 1


def new_york(series) -> np.ndarray:
    frame = series.to_frame()
    return frame.index.tz_convert("America/New_York")


def test_gold_pauses_at_the_weekend_and_every_day_from_five_to_six_in_new_york():
    local = new_york(make(end=datetime(2025, 12, 1, tzinfo=UTC)))
    assert not (local.day_of_week == 5).any()
    assert not (local.hour == 17).any()
    assert local[local.day_of_week == 6].hour.min() == 18
    assert local[local.day_of_week == 4].hour.max() == 16


def test_currencies_trade_through_from_sunday_to_friday_evening():
    local = new_york(make("EURUSD"))
    assert (local.hour == 17).any()
    assert local[local.day_of_week == 6].hour.min() == 17
    assert local[local.day_of_week == 4].hour.max() == 16


def test_there_is_no_trade_on_new_year_s_day():
    local = new_york(make("EURUSD"))
    assert not ((local.month == 1) & (local.day == 1)).any()


def test_volatility_clusters_and_follows_the_hours():
    series = make("EURUSD")
    moves = np.abs(np.diff(np.log(series.close), prepend=np.log(series.close[0])))
    assert np.corrcoef(moves[:-60], moves[60:])[0, 1] > 0.1
    hour = new_york(series).hour
    assert moves[hour == 9].mean() > 2 * moves[hour == 18].mean()
    assert 0.03 < moves.std() * np.sqrt(372_000) < 0.2


def test_the_spread_widens_at_the_rollover_and_after_the_weekend():
    series = make("EURUSD")
    local = new_york(series)
    rollover = (local.hour == 17) & (local.minute < 15)
    sunday_opening = rollover & (local.day_of_week == 6) & (local.minute < 5)
    usual = np.median(series.spread)
    assert series.spread[rollover].mean() > 1.5 * usual
    assert series.spread[sunday_opening].mean() > 3 * usual


def test_prices_may_gap_over_the_weekend_but_hardly_within_a_session():
    series = make("EURUSD")
    gap = np.abs(np.log(series.open[1:] / series.close[:-1]))
    weekend = np.diff(series.time) > 24 * 3_600_000
    assert gap[weekend].mean() > 10 * gap[~weekend].mean()


def test_a_year_is_made_in_seconds():
    begun = time.process_time()
    series = make(end=datetime(2026, 1, 1, tzinfo=UTC))
    assert len(series) > 350_000
    assert time.process_time() - begun < 5  # about half a second on a quiet machine


@pytest.mark.parametrize("symbol", ["ABCDEF", "demo", "XAU"])
def test_a_symbol_without_a_profile_is_refused_and_the_known_ones_are_named(symbol):
    with pytest.raises(ImportRejected, match="EURUSD"):
        make(symbol)


def test_a_window_without_trading_is_refused():
    with pytest.raises(ImportRejected, match="does not trade"):
        make(start=datetime(2025, 1, 4, tzinfo=UTC), end=datetime(2025, 1, 5, tzinfo=UTC))
    with pytest.raises(ImportRejected, match="does not trade"):
        make(start=END, end=START)


def store(folder, symbol="XAUUSD.demo", seed=1):
    return store_demo_candles(symbol, start=START, end=END, seed=seed, data_root=folder, imported_at=START)


def test_stored_demo_candles_are_those_made_and_a_second_time_changes_nothing(tmp_path):
    assert store(tmp_path) is not None
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()}
    assert store(tmp_path) is None
    assert {path: path.stat().st_mtime_ns for path in tmp_path.rglob("*") if path.is_file()} == before
    assert load_m1_candles("XAUUSD.demo", data_root=tmp_path).fingerprint() == make().fingerprint()
    (info,) = list_datasets(tmp_path)
    assert info.spread_recorded
    assert info.quality.coverage_percent > 95


def test_demo_candles_never_mix_with_others(tmp_path):
    store(tmp_path)
    with pytest.raises(ImportRejected, match="other candles already"):
        store(tmp_path, seed=2)


def test_demo_candles_never_mix_with_real_ones(tmp_path):
    from analysis.utils.data_processor import merge_m1

    merge_m1(candles(100, symbol="XAUUSD"), data_root=tmp_path)
    with pytest.raises(ImportRejected, match="other candles already"):
        store(tmp_path, symbol="XAUUSD")
    assert len(load_m1_candles("XAUUSD", data_root=tmp_path)) == 100
