from dataclasses import replace
from datetime import UTC, datetime

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from analysis.candles import Candles
from analysis.errors import ImportRejected
from analysis.utils.data_processor import MergeResult, load_m1_candles, merge_m1
from tests.analysis.series import START, at, candles, without_extras

NEW_YEAR = datetime(2023, 12, 31, 23, 0, tzinfo=UTC)


def stored(root) -> Candles:
    return load_m1_candles("EURUSD", data_root=root)


def changed(series: Candles, row: int, column: str, value: float) -> Candles:
    values = getattr(series, column).copy()
    values[row] = value
    return replace(series, **{column: values})


def test_candles_go_into_an_empty_store(tmp_path):
    assert merge_m1(candles(100), data_root=tmp_path) == MergeResult(added=100)
    assert stored(tmp_path).fingerprint() == candles(100).fingerprint()


def test_the_same_candles_again_change_nothing_not_even_the_file(tmp_path):
    merge_m1(candles(100), data_root=tmp_path)
    (file,) = tmp_path.rglob("year=*.parquet")
    before = (file.stat().st_ino, file.stat().st_mtime_ns)
    assert merge_m1(candles(100), data_root=tmp_path) == MergeResult(unchanged=100)
    assert (file.stat().st_ino, file.stat().st_mtime_ns) == before


def test_candles_before_between_and_after_the_stored_ones_are_added(tmp_path):
    series = candles(100)
    middle = at(np.delete(series.time, [0, 1, 50, 98, 99]))
    merge_m1(middle, data_root=tmp_path)
    assert merge_m1(series, data_root=tmp_path) == MergeResult(added=5, unchanged=95)
    assert stored(tmp_path).fingerprint() == series.fingerprint()


@pytest.mark.parametrize(("column", "value"), [("close", 1.10001), ("high", 1.2), ("tick_volume", 999), ("spread", 88)])
def test_another_value_for_a_stored_minute_is_a_conflict_and_the_stored_one_stays(tmp_path, column, value):
    series = candles(100)
    merge_m1(series, data_root=tmp_path)
    result = merge_m1(changed(series, 40, column, value), data_root=tmp_path)
    assert result == MergeResult(unchanged=99, conflicting=1, conflict_times=(int(series.time[40]),))
    assert stored(tmp_path).fingerprint() == series.fingerprint()


def test_overwriting_replaces_what_differs(tmp_path):
    series = candles(100)
    other = changed(series, 40, "high", 1.2)
    merge_m1(series, data_root=tmp_path)
    result = merge_m1(other, data_root=tmp_path, overwrite=True)
    assert result == MergeResult(unchanged=99, overwritten=1, conflict_times=(int(series.time[40]),))
    assert stored(tmp_path).fingerprint() == other.fingerprint()


def test_a_spread_and_volume_that_were_not_recorded_are_completed(tmp_path):
    series = candles(100)
    merge_m1(without_extras(series), data_root=tmp_path)
    assert merge_m1(series, data_root=tmp_path) == MergeResult(completed=100)
    assert stored(tmp_path).fingerprint() == series.fingerprint()


def test_candles_that_lack_spread_and_volume_take_nothing_away(tmp_path):
    series = candles(100)
    merge_m1(series, data_root=tmp_path)
    assert merge_m1(without_extras(series), data_root=tmp_path) == MergeResult(unchanged=100)
    assert stored(tmp_path).fingerprint() == series.fingerprint()


def test_overwriting_with_candles_that_lack_the_spread_takes_it_away(tmp_path):
    series = candles(100)
    merge_m1(series, data_root=tmp_path)
    assert merge_m1(without_extras(series), data_root=tmp_path, overwrite=True).overwritten == 100
    assert stored(tmp_path).fingerprint() == without_extras(series).fingerprint()


def test_prices_that_differ_are_not_completed(tmp_path):
    series = without_extras(candles(10))
    merge_m1(series, data_root=tmp_path)
    result = merge_m1(changed(candles(10), 3, "high", 1.3), data_root=tmp_path)
    assert (result.completed, result.conflicting) == (9, 1)
    assert (stored(tmp_path).spread[3], stored(tmp_path).tick_volume[3]) == (-1, 0)


def test_years_lie_in_files_of_their_own_and_only_changed_ones_are_written(tmp_path):
    series = candles(120, start=NEW_YEAR)
    merge_m1(series, data_root=tmp_path)
    files = {path.name: path for path in tmp_path.rglob("year=*.parquet")}
    assert sorted(files) == ["year=2023.parquet", "year=2024.parquet"]
    before = files["year=2023.parquet"].stat().st_ino
    merge_m1(candles(10), data_root=tmp_path)
    assert files["year=2023.parquet"].stat().st_ino == before
    assert len(stored(tmp_path)) == 130


def test_the_first_ten_conflicts_are_named(tmp_path):
    series = candles(100)
    merge_m1(series, data_root=tmp_path)
    result = merge_m1(replace(series, high=series.high + 1), data_root=tmp_path)
    assert result.conflicting == 100
    assert result.conflict_times == tuple(series.time[:10].tolist())


@pytest.mark.parametrize(
    ("broken", "reason"),
    [
        (lambda s: replace(s, time=s.time[::-1].copy()), "unsorted"),
        (lambda s: changed(s, 3, "time", s.time[2]), "duplicated"),
        (lambda s: replace(s, time=s.time + 1), "whole minute"),
        (lambda s: changed(s, 3, "close", np.nan), "close is not a positive number"),
        (lambda s: changed(s, 3, "open", np.inf), "open is not a positive number"),
        (lambda s: changed(s, 3, "low", 0.0), "low is not a positive number"),
        (lambda s: changed(s, 3, "high", 1.0), "high below"),
        (lambda s: changed(s, 3, "low", 1.2), "low above"),
        (lambda s: changed(s, 3, "spread", -2), "negative spread"),
        (lambda s: changed(s, 3, "tick_volume", -1), "negative tick volume"),
        (lambda s: replace(s, symbol="../EURUSD"), "not a symbol"),
    ],
)
def test_candles_that_break_a_rule_never_reach_the_store(tmp_path, broken, reason):
    with pytest.raises(ImportRejected, match=reason):
        merge_m1(broken(candles(10)), data_root=tmp_path)
    assert list(tmp_path.rglob("*.parquet")) == []


def test_nothing_merged_is_nothing_written(tmp_path):
    assert merge_m1(candles(0), data_root=tmp_path) == MergeResult()
    assert list(tmp_path.rglob("*.parquet")) == []


PARTS = st.lists(st.sets(st.integers(0, 400), min_size=1, max_size=60), min_size=1, max_size=5)


@settings(max_examples=40, deadline=None)
@given(parts=PARTS, order=st.randoms(use_true_random=False), bare=st.sets(st.integers(0, 4)))
def test_the_order_and_cut_of_imports_do_not_matter(tmp_path_factory, parts, order, bare):
    """Parts of one market, some without spread and volume, in any order: always the same store."""
    first = int(NEW_YEAR.timestamp() * 1000)
    pieces = [at(first + np.array(sorted(part)) * 60_000) for part in parts]
    pieces = [without_extras(piece) if i in bare else piece for i, piece in enumerate(pieces)]
    fingerprints = []
    for _ in range(2):
        root = tmp_path_factory.mktemp("store")
        for piece in pieces:
            result = merge_m1(piece, data_root=root)
            assert result.conflicting == 0
            assert result.added + result.unchanged + result.completed == len(piece)
        fingerprints.append(stored(root).fingerprint())
        order.shuffle(pieces)
    assert fingerprints[0] == fingerprints[1]
    assert stored(root).time.tolist() == [first + minute * 60_000 for minute in sorted(set().union(*parts))]


@settings(max_examples=40, deadline=None)
@given(
    old=st.sets(st.integers(0, 60), min_size=1), new=st.sets(st.integers(0, 60), min_size=1), overwrite=st.booleans()
)
def test_every_row_of_an_import_is_counted_once(tmp_path_factory, old, new, overwrite):
    root = tmp_path_factory.mktemp("store")
    base = int(START.timestamp() * 1000)
    before = at(base + np.array(sorted(old)) * 60_000, seed=1)
    after = at(base + np.array(sorted(new)) * 60_000, seed=2)
    merge_m1(before, data_root=root)
    result = merge_m1(after, data_root=root, overwrite=overwrite)
    assert result.added == len(new - old)
    assert result.added + result.unchanged + result.completed + result.conflicting + result.overwritten == len(new)
    kept = stored(root)
    for minute, close in zip(kept.time.tolist(), kept.close.tolist(), strict=True):
        newer = minute in after.time and (overwrite or minute not in before.time)
        source = after if newer else before
        assert close == source.close[source.time == minute]
