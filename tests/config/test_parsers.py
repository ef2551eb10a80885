"""What a body may weigh and how deep it may go, before any serializer sees it."""

import json

import pytest
from rest_framework.test import APIClient

from config.parsers import MAX_DEPTH
from tests.factories import UserFactory

pytestmark = pytest.mark.django_db

PATH = "/api/bots/bots/"


@pytest.fixture
def client():
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(UserFactory())
    return client


def post(client, text):
    return client.post(PATH, text, content_type="application/json")


def nested(depth: int) -> str:
    return "[" * depth + "]" * depth


@pytest.mark.parametrize(
    "text",
    [nested(MAX_DEPTH + 2), nested(5_000), nested(200_000), "[" * 100_000, '{"a":' * 50_000 + "1" + "}" * 50_000],
)
def test_deep_nesting_is_refused_and_does_not_exhaust_the_interpreter(client, text):
    answer = post(client, text)
    assert answer.status_code == 400
    assert answer.json()["detail"] == f"JSON parse error - nested more than {MAX_DEPTH} levels deep."
    assert answer.json()["code"] == "parse_error"


def test_depth_up_to_the_limit_reaches_the_serializer(client):
    answer = post(client, nested(MAX_DEPTH))
    assert answer.json()["detail"] == "Invalid data. Expected a dictionary, but got list."


def test_a_body_over_the_limit_is_413_and_one_at_the_limit_is_read(client, settings):
    text = json.dumps({"name": "x" * 600})
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = len(text)
    assert post(client, text).status_code == 400
    settings.DATA_UPLOAD_MAX_MEMORY_SIZE = len(text) - 1
    answer = post(client, text)
    assert (answer.status_code, answer.json()["code"]) == (413, "too_large")
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize(
    "text",
    ["{", "", "nope", '{"a": NaN}', '{"a": Infinity}', "\xff", '{"a": ' + "9" * 5_000 + "}", '{"\\ud800": 1}'],
)
def test_what_is_no_json_is_a_problem(client, text):
    answer = post(client, text.encode("latin-1"))
    assert answer.status_code == 400
    assert answer["Content-Type"] == "application/problem+json"


@pytest.mark.parametrize("field", ["name", "strategy_template", "account", "is_active"])
@pytest.mark.parametrize("value", ['"\\ud800"', '"a\\u0000"', "[[[[]]]]", '{"a": {}}', "1e999", "5", "[1]"])
def test_half_characters_and_wrong_types_are_a_400_of_their_field(client, field, value):
    body = json.dumps({"name": "x", "strategy_template": "ema_crossover_v1.py"})
    answer = post(client, f'{body[:-1]}, "{field}": {value}}}')
    assert answer.status_code in ({400, 201} if field == "name" and value == "5" else {400}), answer.content
    assert [error["field"] for error in answer.json().get("errors", [{"field": field}])] == [field]
