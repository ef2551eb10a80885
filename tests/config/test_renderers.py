"""Answers are the JSON the framework would have written."""

import json
import uuid
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal

import pytest
from django.utils.translation import gettext_lazy
from rest_framework import renderers

from bots.models import BacktestRun
from config.renderers import JSONRenderer

VALUES = {
    "time": datetime(2026, 1, 2, 3, 4, 5, 678000, UTC),
    "naive": datetime(2026, 1, 2),  # noqa: DTZ001 - it is written as it is
    "date": date(2026, 1, 2),
    "clock": time(17),
    "span": timedelta(minutes=2),
    "money": Decimal("10.50"),
    "id": uuid.UUID(int=7),
    "status": BacktestRun.Status.COMPLETED,
    "lazy": gettext_lazy("Yes"),
    "numbers": [1, 1.5, -0.0, 1e300, None, True],
    "text": 'a "quoted" ∅ \n',
    7: ("a", "tuple"),
}


@pytest.mark.parametrize("value", [VALUES, [VALUES], {}, [], "text", 2**70, {"n": [2**70]}])
def test_it_says_what_the_frameworks_says(value):
    assert json.loads(JSONRenderer().render(value)) == json.loads(renderers.JSONRenderer().render(value))


def test_no_data_is_no_body():
    assert JSONRenderer().render(None) == b""


def test_it_is_indented_on_request():
    assert JSONRenderer().render({"a": 1}, "application/json; indent=2") == b'{\n  "a": 1\n}'


def test_what_cannot_be_written_is_an_error():
    with pytest.raises(TypeError):
        JSONRenderer().render({"a": object()})
