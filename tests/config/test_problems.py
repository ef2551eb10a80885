"""Every error is a problem document, whoever raised it, and none tells more than the client may know."""

import logging

import pytest
import redis
from django.core.exceptions import PermissionDenied, SuspiciousOperation
from django.http import Http404
from django.test import RequestFactory
from rest_framework import exceptions
from rest_framework.test import APIClient

from accounts.errors import Conflict, Invalid
from analysis.errors import CorruptCandles, FieldProblem, NoCandles, ParamsInvalid, StrategyError
from bots.errors import AccountBusy, StrategyRejected
from config.problems import exception_handler, page_not_found, server_error
from tests.factories import UserFactory

TYPE = "application/problem+json"


def told(error: Exception) -> dict[str, object]:
    answer = exception_handler(error, {})
    assert answer is not None
    assert answer.content_type == TYPE
    assert answer.data["status"] == answer.status_code
    assert answer.data["type"] == "about:blank"
    return {name: value for name, value in answer.data.items() if name not in {"type", "title"}}


@pytest.mark.parametrize(
    ("error", "expected"),
    [
        (Conflict("Taken"), {"status": 409, "code": "conflict", "detail": "Taken"}),
        (
            Invalid("Too late", field="end"),
            {
                "status": 400, "code": "invalid", "detail": "Too late",
                "errors": [{"field": "end", "code": "invalid", "message": "Too late"}],
            },
        ),
        (
            AccountBusy("Busy", active_session_id="an-id"),
            {"status": 409, "code": "account_busy", "detail": "Busy", "active_session_id": "an-id"},
        ),
        (
            StrategyRejected("Line 2: no", field="strategy_file_content", line=2),
            {
                "status": 400, "code": "strategy_rejected", "detail": "Line 2: no", "line": 2,
                "errors": [
                    {"field": "strategy_file_content", "code": "strategy_rejected", "message": "Line 2: no"}
                ],
            },
        ),
        (NoCandles("None"), {"status": 400, "code": "no_candles", "detail": "None"}),
        (StrategyError("No", line=3), {"status": 400, "code": "strategy_invalid", "detail": "No", "line": 3}),
        (StrategyError("No"), {"status": 400, "code": "strategy_invalid", "detail": "No"}),
        (
            ParamsInvalid((FieldProblem("fast", "too big"), FieldProblem("slow", "unknown"))),
            {
                "status": 400, "code": "params_invalid", "detail": "fast: too big; slow: unknown",
                "errors": [
                    {"field": "params.fast", "code": "params_invalid", "message": "too big"},
                    {"field": "params.slow", "code": "params_invalid", "message": "unknown"},
                ],
            },
        ),
        (Http404("which table"), {"status": 404, "code": "not_found", "detail": "Not found."}),
        (
            PermissionDenied("secret"),
            {
                "status": 403, "code": "permission_denied",
                "detail": "You do not have permission to perform this action.",
            },
        ),
        (
            exceptions.NotAuthenticated(),
            {
                "status": 401, "code": "not_authenticated",
                "detail": "Authentication credentials were not provided.",
            },
        ),
        (
            redis.ConnectionError("unix:///private/redis.sock"),
            {
                "status": 503, "code": "unavailable",
                "detail": "A server this needs is restarting; try again in a moment",
            },
        ),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, Exception) else "",
)  # fmt: skip
def test_an_error_is_told_as(error, expected):
    assert told(error) == expected


def test_nested_fields_have_paths_and_general_errors_none():
    error = exceptions.ValidationError(
        {
            "risk_json": {"initial_equity": [exceptions.ErrorDetail("Too small.", "min_value")]},
            "non_field_errors": ["Contradiction."],
            "__all__": ["Also."],
        }
    )
    problem = told(error)
    assert problem["code"] == "invalid"
    assert problem["errors"] == [
        {"field": "risk_json.initial_equity", "code": "min_value", "message": "Too small."},
        {"field": "", "code": "invalid", "message": "Contradiction."},
        {"field": "", "code": "invalid", "message": "Also."},
    ]
    assert problem["detail"] == "risk_json.initial_equity: Too small.; Contradiction.; Also."


def test_a_code_that_is_missing_is_invalid():
    detail = exceptions.ErrorDetail("Odd.", None)
    error = exceptions.ValidationError({"field": [detail]})
    assert [entry["code"] for entry in told(error)["errors"]] == ["invalid"]


def test_half_characters_of_a_request_can_be_quoted():
    error = exceptions.ValidationError({"a\ud800": ["'\udfff' is wrong"]})
    problem = told(error)
    assert problem["errors"] == [{"field": "a?", "code": "invalid", "message": "'?' is wrong"}]
    assert problem["detail"] == "a?: '?' is wrong"


def test_a_damaged_dataset_is_a_conflict_that_does_not_name_our_files(caplog):
    with caplog.at_level(logging.ERROR):
        problem = told(CorruptCandles("/private/m1/symbol=X/year=2025.parquet: truncated"))
    assert (problem["status"], problem["code"]) == (409, "corrupt_candles")
    assert "private" not in str(problem)
    assert "/private/m1" in caplog.text


def test_a_fault_of_ours_is_left_to_django():
    assert exception_handler(KeyError("x"), {}) is None


@pytest.mark.parametrize(
    ("path", "kind"), [("/api/nothing/", TYPE), ("/api/bots/nothing/", TYPE), ("/nothing/", "text/html; charset=utf-8")]
)
@pytest.mark.django_db
def test_an_unknown_address_is_a_problem_below_api_and_a_page_elsewhere(path, kind):
    answer = APIClient().get(path)
    assert (answer.status_code, answer["Content-Type"]) == (404, kind)


def test_a_500_says_nothing_of_what_went_wrong():
    answer = server_error(RequestFactory().get("/api/x/"))
    assert (answer.status_code, answer["Content-Type"]) == (500, TYPE)
    assert page_not_found(RequestFactory().get("/api/x/"), Http404("secret")).content.count(b"secret") == 0


@pytest.mark.django_db
@pytest.mark.parametrize("fault", [ZeroDivisionError("the secret"), SuspiciousOperation("the secret")])
def test_a_fault_in_a_view_reaches_the_log_and_not_the_client(monkeypatch, fault):
    def broken(*_: object) -> None:
        raise fault

    monkeypatch.setattr("accounts.views.AccountViewSet.get_queryset", broken)
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(UserFactory())
    answer = client.get("/api/accounts/")
    assert answer.status_code in {400, 500}
    assert answer["Content-Type"] == TYPE
    assert b"secret" not in answer.content


@pytest.mark.django_db
@pytest.mark.parametrize(
    "token",
    ["\xe9".encode(), b"\xff\xfe", b"-", b"a.b", b"\x01", b"x" * 5_000, b"0" * 64],
)
def test_a_header_that_cannot_be_a_token_is_a_wrong_token(token):
    client = APIClient(raise_request_exception=False)
    answer = client.get("/api/auth/me/", HTTP_AUTHORIZATION=(b"Token " + token).decode("latin-1"))
    assert (answer.status_code, answer.json()["code"]) == (401, "authentication_failed")
    assert answer["WWW-Authenticate"] == "Token"


@pytest.mark.django_db
@pytest.mark.parametrize("place", ["trading/instruments", "analysis/datasets", "bots/bots", "bots/strategy-templates"])
@pytest.mark.parametrize("control", ["%00", "a%00", "%0a", "%1b"])
def test_control_characters_in_an_address_are_not_found(place, control):
    client = APIClient(raise_request_exception=False)
    client.force_authenticate(UserFactory())
    assert client.get(f"/api/{place}/{control}/").status_code == 404
