"""The API's document: complete, without a warning, and honest about errors."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.test import Client
from drf_spectacular.generators import SchemaGenerator
from drf_spectacular.validation import validate_schema


@pytest.fixture(scope="module")
def document():
    return SchemaGenerator().get_schema(request=None, public=True)


def operations(document):
    for path, item in document["paths"].items():
        for method, operation in item.items():
            if path != "/api/schema/":
                yield path, method, operation


def test_it_is_made_without_a_warning_and_is_valid(capsys):
    call_command("spectacular", "--fail-on-warn", "--validate", stdout=StringIO())
    assert capsys.readouterr().err == ""


def test_it_is_openapi_3_1(document):
    validate_schema(document)
    assert document["openapi"].startswith("3.1.")


def test_every_operation_documents_its_errors_as_problems(document):
    problem = {"application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}}}
    count = 0
    for path, method, operation in operations(document):
        errors = {code: answer for code, answer in operation["responses"].items() if code >= "400"}
        assert {"400", "401", "403", "406", "429"} <= set(errors), (path, method)
        assert all(answer["content"] == problem for answer in errors.values()), (path, method)
        if "{" in path:
            assert "404" in errors, (path, method)
        if "requestBody" in operation:
            assert {"413", "415"} <= set(errors), (path, method)
        count += 1
    assert count >= 40


def test_the_idempotency_key_and_its_mismatch_are_documented_where_they_work(document):
    with_key = {
        path
        for path, _, operation in operations(document)
        if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ()))
    }
    assert with_key == {"/api/bots/backtests/launch/", "/api/bots/live-runs/start/"}
    assert with_key == {path for path, _, operation in operations(document) if "422" in operation["responses"]}
    assert all("202" in document["paths"][path]["post"]["responses"] for path in with_key)


def test_bodies_are_closed_as_the_serializers_are(document):
    bodies = {name: schema for name, schema in document["components"]["schemas"].items() if name.endswith("Request")}
    assert len(bodies) >= 8
    assert {schema["additionalProperties"] for schema in bodies.values()} == {False}


def test_every_list_says_what_it_can_be_ordered_by(document):
    parameters = document["paths"]["/api/bots/backtest-runs/"]["get"]["parameters"]
    (ordering,) = (parameter for parameter in parameters if parameter["name"] == "ordering")
    assert (ordering["style"], ordering["explode"]) == ("form", False)
    assert {"status", "-created_at"} < set(ordering["schema"]["items"]["enum"])


def test_decimals_are_answered_as_text_and_taken_as_text_or_number(document):
    schemas = document["components"]["schemas"]
    answered = schemas["BacktestConfig"]["properties"]["initial_equity"]
    taken = schemas["BacktestConfigRequest"]["properties"]["initial_equity"]
    assert (answered["type"], taken["type"], taken["minimum"]) == ("string", ["string", "number"], 1)
    assert taken["pattern"] == answered["pattern"] == r"^\d{1,13}(\.\d{1,2})?$"


def test_the_paths_are_those_clients_know(document):
    bots = {
        "backtest-configs/", "backtest-configs/{id}/", "backtest-runs/", "backtest-runs/{id}/",
        "backtest-runs/{id}/cancel/", "backtest-runs/{id}/candles/", "backtest-runs/{id}/equity/",
        "backtest-runs/{id}/overlays/", "backtest-runs/{id}/report/", "backtest-runs/{id}/trades/",
        "backtest-runs/{run_id}/export/equity.csv", "backtest-runs/{run_id}/export/equity.parquet",
        "backtest-runs/{run_id}/export/trades.csv", "backtest-runs/{run_id}/export/trades.parquet",
        "backtests/launch/", "bots/", "bots/{id}/", "live-runs/", "live-runs/start/",
        "live-runs/{id}/", "live-runs/{id}/events/", "live-runs/{live_run_id}/stop/", "strategy-templates/",
        "strategy-templates/{filename}/", "versions/", "versions/{id}/",
    }  # fmt: skip
    others = {
        "accounts/", "accounts/{id}/", "analysis/datasets/", "analysis/datasets/{symbol}/", "auth/login/",
        "auth/logout/", "auth/me/", "trading/instruments/", "trading/instruments/{symbol}/",
    }  # fmt: skip
    expected = {f"/api/bots/{path}" for path in bots} | {f"/api/{path}" for path in others}
    assert {path for path, _, _ in operations(document)} == expected


def test_versions_cannot_be_changed(document):
    assert set(document["paths"]["/api/bots/versions/{id}/"]) == {"get", "delete"}


@pytest.mark.django_db
def test_the_document_and_its_reader_are_served():
    answer = Client().get("/api/schema/", {"format": "json"})
    assert (answer.status_code, json.loads(answer.content)["info"]["title"]) == (200, "Botyard API")
    page = Client().get("/api/docs/")
    assert page.status_code == 200
    assert b"/static/drf_spectacular_sidecar/" in page.content
    assert b"cdn." not in page.content
