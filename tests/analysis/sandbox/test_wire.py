"""Candles on their way in and overlays on their way out: what goes in comes out, and nothing else is believed."""

import os
from dataclasses import replace
from typing import Any

import numpy as np
import pytest

from analysis.sandbox import wire
from tests.analysis.sandbox.test_parent import job, run
from tests.analysis.series import candles


@pytest.fixture(scope="module")
def result():
    return run(job())


@pytest.mark.parametrize("lengths", [(5,), (5, 7, 2), (1, 1, 1), (4, 4)])
def test_every_series_comes_back_as_it_was_and_aligned(lengths):
    series = [replace(candles(bars), symbol=f"S{bars}") for bars in lengths]
    memory = os.memfd_create("candles")
    wire.lay_out(series, memory)
    back = wire.mapped(memory, [(each.symbol, len(each)) for each in series])
    assert [each.fingerprint() for each in back] == [each.fingerprint() for each in series]
    for each in back:
        for name, _ in wire.COLUMNS:
            assert getattr(each, name).flags.aligned
            assert not getattr(each, name).flags.writeable
    with pytest.raises(OSError):
        os.close(memory)  # it is closed already


def test_overlays_arrive_as_they_were(result):
    overlays = {"EURUSD": {"lines": [{"name": "ema ∅", "times": [1, 2], "values": [1.5, None]}]}, "GBPUSD": {}}
    back = wire.result_from_wire(wire.result_to_wire(replace(result, overlays=overlays)))
    assert back.overlays == overlays
    assert back.warnings == result.warnings
    np.testing.assert_array_equal(back.equity, result.equity)


def nested(levels: int) -> Any:
    value: Any = 1
    for _ in range(levels):
        value = [value]
    return value


@pytest.mark.parametrize(
    ("bad", "complaint"),
    [
        (object(), "plain values"), ({1, 2}, "plain values"), (np.float32(1), "plain values"),
        ("\ud800", "surrogates"), (nested(50_000), "Recursion"), ({1: 2}, "plain values"),
    ],
)  # fmt: skip
def test_overlays_that_are_not_plain_are_left_out_and_the_run_says_so(result, bad, complaint):
    back = wire.result_from_wire(wire.result_to_wire(replace(result, overlays={"EURUSD": {"line": bad}})))
    assert back.overlays == {}
    assert back.warnings[:-1] == result.warnings
    assert back.warnings[-1].startswith("The chart's overlays were left out")
    assert complaint in back.warnings[-1]
    assert back.digest == result.digest


def test_overlays_that_are_too_large_are_left_out(result, monkeypatch):
    monkeypatch.setattr(wire, "MAX_OVERLAYS_BYTES", 1024)
    back = wire.result_from_wire(wire.result_to_wire(replace(result, overlays={"EURUSD": {"text": "x" * 1024}})))
    assert back.overlays == {}
    assert "larger" in back.warnings[-1]


@pytest.mark.parametrize(
    "lie",
    [
        b"[]", b"1", b"", b"{", b'{"a": NaN}', b'{"a": Infinity}', b'{"a": "\\ud800"}', b"\xff", "text", None, {},
        b'{"a":' + b"[" * 100_000 + b"]" * 100_000 + b"}", b'{"a": ' + b"[" * 20 + b"]" * 20 + b"}",
        b'{"a": ' + b"9" * 5_000 + b"}",
    ],
)  # fmt: skip
def test_what_a_hostile_child_sends_as_overlays_is_not_believed(result, lie):
    message = wire.result_to_wire(result) | {"overlays": lie}
    with pytest.raises((ValueError, TypeError)):
        wire.result_from_wire(message)


def test_more_overlays_than_any_are_not_read(result, monkeypatch):
    message = wire.result_to_wire(result) | {"overlays": b'{"a": "' + b"x" * 2_000 + b'"}'}
    monkeypatch.setattr(wire, "MAX_OVERLAYS_BYTES", 1024)
    with pytest.raises(ValueError, match="larger"):
        wire.result_from_wire(message)
