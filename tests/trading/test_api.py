"""Instruments and datasets over REST."""

from datetime import UTC, datetime

import pytest
from rest_framework.test import APIClient

from analysis.importing.importer import import_file
from analysis.utils.data_processor import merge_m1
from tests.analysis.series import candles, write_csv
from tests.factories import InstrumentSpecificationFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def client():
    client = APIClient()
    client.force_login(UserFactory())
    return client


@pytest.fixture
def store(tmp_path, settings):
    settings.MARKET_DATA_ROOT = tmp_path / "store"
    return settings.MARKET_DATA_ROOT


def test_an_instrument_is_read_by_its_symbol_and_changed_by_nobody_over_rest(client):
    InstrumentSpecificationFactory(symbol="US500.cash#1")
    path = "/api/trading/instruments/US500.cash%231/"
    body = client.get(path).json()
    assert (body["symbol"], body["tick_size"], body["digits"]) == ("US500.cash#1", "0.0000100000", 5)
    for method in (client.put, client.patch, client.delete, client.post):
        assert method(path, {}, format="json").status_code == 405
    assert client.get("/api/trading/instruments/NONE/").status_code == 404


def test_instruments_are_filtered_searched_and_ordered(client):
    for symbol, base in (("EURUSD", "EUR"), ("EURGBP", "EUR"), ("XAUUSD", "XAU")):
        InstrumentSpecificationFactory(symbol=symbol, base_currency=base)

    def found(**query):
        return [row["symbol"] for row in client.get("/api/trading/instruments/", query).json()["results"]]

    assert found(base_currency="EUR") == ["EURGBP", "EURUSD"]
    assert found(search="usd", ordering="-symbol") == ["XAUUSD", "EURUSD"]


def test_no_datasets_is_an_empty_list(client, store):
    assert client.get("/api/analysis/datasets/").json() == {"count": 0, "next": None, "previous": None, "results": []}


def test_a_dataset_has_its_coverage_in_the_list_and_its_whole_report_in_the_detail(client, store, tmp_path):
    import_file(
        write_csv(tmp_path / "x.csv", candles(700)),
        "EURUSD",
        data_root=store,
        imported_at=datetime(2026, 1, 2, tzinfo=UTC),
    )
    (row,) = client.get("/api/analysis/datasets/").json()["results"]
    assert (row["symbol"], row["rows"], row["years"], row["damaged"]) == ("EURUSD", 700, [2024], [])
    assert (row["first"], row["last"]) == ("2024-01-08T00:00:00Z", "2024-01-08T11:39:00Z")
    assert row["quality"]["refused_rows"] == 0
    assert "report" not in row
    detail = client.get("/api/analysis/datasets/EURUSD/").json()
    assert {name: detail[name] for name in row} == row
    assert set(detail["report"]) == {"version", "rows", "summary", "series", "imports"}
    assert detail["report"]["summary"] == row["quality"]
    (imported,) = detail["report"]["imports"]
    assert imported["imported_at"] == "2026-01-02T00:00:00+00:00"
    assert str(tmp_path) not in str(detail)


def test_a_dataset_nobody_imported_has_no_report(client, store):
    merge_m1(candles(10), data_root=store)
    body = client.get("/api/analysis/datasets/EURUSD/").json()
    assert (body["rows"], body["quality"], body["report"]) == (10, None, None)


@pytest.mark.parametrize("symbol", ["NONE", "..", "%2e%2e", "..%2F..", "symbol=EURUSD", "x" * 30, "%00"])
def test_what_is_no_dataset_is_not_found(client, store, symbol):
    merge_m1(candles(10), data_root=store)
    assert client.get(f"/api/analysis/datasets/{symbol}/").status_code == 404
