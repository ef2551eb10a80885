from datetime import UTC, datetime

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from analysis.importing.time_text import find_layout, is_ambiguous_date, parse_times


def naive(year: int) -> datetime:
    return datetime(year, 1, 1, tzinfo=UTC).replace(tzinfo=None)


def parse(*texts: str, like: str | None = None) -> list[str | None]:
    """Each text as ISO 8601, None where it does not follow the layout."""
    layout = find_layout(like or texts[0])
    assert layout is not None
    values, valid = parse_times(pa.array(texts), layout)
    return [
        datetime.fromtimestamp(value / 1000, UTC).isoformat(timespec="milliseconds")[:-6] if sound else None
        for value, sound in zip(values.tolist(), valid.tolist(), strict=True)
    ]


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-29 13:45:00", "2024-02-29T13:45:00", "2024.02.29 13:45", "2024.02.29,13:45", "2024/02/29 13:45:00",
        "20240229 134500", "20240229 13:45", "29.02.2024 13:45:00.000", "29.02.2024 13:45:00", "2024-02-29 13:45:00Z",
        "2024-02-29 13:45:00+00:00", "2024-02-29T15:45:00+0200", "29.02.2024 08:45:00.000 GMT-0500",
        "2024-02-29 13:45:00 UTC", "1709214300", "1709214300000", "2024-02-29 13:45:00.000000000",
    ],
)  # fmt: skip
def test_a_layout_is_learned_and_read(text):
    assert parse(text) == ["2024-02-29T13:45:00.000"]


@pytest.mark.parametrize(
    "text",
    ["2024-02-29", "29/02/2024 13:45", "02/29/2024 13:45", "13:45", "yesterday", "", "2024-2-9 13:45", "17092143"],
)
def test_other_texts_have_no_layout(text):
    assert find_layout(text) is None


@pytest.mark.parametrize(
    "text",
    [
        "2024-02-30 13:45:00", "2023-02-29 13:45:00", "2024-13-01 13:45:00", "2024-00-01 13:45:00",
        "2024-01-00 13:45:00", "2024-01-01 24:00:00", "2024-01-01 13:60:00", "2024-01-01 13:45:60",
        "2024-01-01 13:45:0x", "2024.01.01 13:45:00", "2024-01-01 13:45", "", "2024-01-01 13:45:00Z",
        "0000-01-01 00:00:00", "２024-01-01 13:45", "1900-02-29 00:00:00",
    ],
)  # fmt: skip
def test_a_row_that_does_not_follow_the_layout_is_not_read(text):
    assert parse("2024-01-01 13:44:00", text, "2024-01-01 13:46:00") == [
        "2024-01-01T13:44:00.000",
        None,
        "2024-01-01T13:46:00.000",
    ]


def test_an_offset_may_change_from_row_to_row():
    assert parse("2024-01-01 02:00:00+02:00", "2024-07-01 03:00:00+03:00", "2024-01-01 00:00:00*02:00") == [
        "2024-01-01T00:00:00.000",
        "2024-07-01T00:00:00.000",
        None,
    ]
    assert find_layout("2024-01-01 02:00:00+02:00").has_offset
    assert not find_layout("2024-01-01 02:00:00").has_offset


def test_a_fraction_finer_than_a_millisecond_is_rounded_up_so_that_it_shows():
    assert parse("2024-01-01 00:00:00.000000001") == ["2024-01-01T00:00:00.001"]
    assert parse("2024-01-01 00:00:00.5") == ["2024-01-01T00:00:00.500"]


def test_a_slice_of_a_column_is_read_from_its_own_rows():
    texts = pa.array(["2024-01-01 00:00", "bad", "2024-01-02 00:00", "2024-01-03 00:00"])
    values, valid = parse_times(texts.slice(1, 2), find_layout("2024-01-01 00:00"))
    assert valid.tolist() == [False, True]
    assert values[1] == 1704153600000


def test_epoch_seconds_may_have_nine_digits():
    assert parse("999999960", "1000000020") == ["2001-09-09T01:46:00.000", "2001-09-09T01:47:00.000"]


@pytest.mark.parametrize(("text", "ambiguous"), [("03/04/2020 00:00", True), ("2020/04/03 00:00", False)])
def test_day_and_month_with_slashes_are_ambiguous(text, ambiguous):
    assert is_ambiguous_date(text) is ambiguous


@given(st.lists(st.datetimes(naive(1971), naive(2199)), min_size=1, max_size=30))
def test_every_moment_reads_as_it_was_written(moments):
    texts = [moment.strftime("%Y-%m-%d %H:%M:%S").zfill(19) for moment in moments]
    wanted = [moment.replace(microsecond=0, tzinfo=UTC).timestamp() * 1000 for moment in moments]
    values, valid = parse_times(pa.array(texts), find_layout(texts[0]))
    assert valid.all()
    assert values.tolist() == wanted
