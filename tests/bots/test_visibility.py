"""Nobody sees, or can tell that there are, objects of somebody else: every route, every method."""

import re
import uuid
from collections.abc import Iterator

import pytest
from django.urls import URLPattern, URLResolver, get_resolver
from rest_framework.test import APIClient

from tests.factories import (
    AccountFactory,
    BacktestConfigFactory,
    BacktestRunFactory,
    BotFactory,
    BotVersionFactory,
    InstrumentSpecificationFactory,
    LiveRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db

METHODS = ("get", "head", "post", "put", "patch", "delete")
# How a foreign object is made for every kind of address that names one.
FOREIGN = {
    "account": AccountFactory,
    "bot": BotFactory,
    "version": BotVersionFactory,
    "backtest-config": BacktestConfigFactory,
    "backtest-run": BacktestRunFactory,
    "live-run": LiveRunFactory,
    "stop-live-run": LiveRunFactory,
    "run": BacktestRunFactory,
}
# Addresses that name something everybody may see.
SHARED = {"instrument", "dataset", "strategy-template", "strategy-templates"}
OPEN_TO_ALL = {"login", "schema", "docs", "home"}


def routes() -> Iterator[tuple[str, URLPattern]]:
    """Every address of ours: its pattern as text, and the entry."""

    def walk(resolver: URLResolver, prefix: str) -> Iterator[tuple[str, URLPattern]]:
        for entry in resolver.url_patterns:
            route = prefix + str(entry.pattern)
            if isinstance(entry, URLResolver):
                yield from walk(entry, route)
            else:
                yield route, entry

    for route, entry in walk(get_resolver(), ""):
        if not route.startswith(("admin/", "static/")) and "format" not in route:
            yield route, entry


def with_id() -> list[tuple[str, str]]:
    return [(route, entry.name or "") for route, entry in routes() if "<" in route]


def kind(name: str) -> str:
    """`backtest-run` of `backtest-run-detail`, `backtest-run-cancel`."""
    if name in FOREIGN or name in SHARED:
        return name
    return next(
        (known for known in sorted(FOREIGN | dict.fromkeys(SHARED), key=len, reverse=True) if name.startswith(known)),
        name,
    )


def address(route: str, identity: object) -> str:
    plain = re.sub(r"\(\?P<\w+>[^)]*\)|<[^>]*>", str(identity), route)
    return "/" + plain.replace("^", "").replace("$", "").replace("\\Z", "").replace("\\", "")


def test_the_routes_with_an_id_are_found():
    assert len(with_id()) >= 12
    assert {kind(name) for _, name in with_id()} >= {"bot", "version", "backtest-run", "live-run", "account"}


@pytest.mark.parametrize(("route", "name"), with_id(), ids=lambda value: str(value))
@pytest.mark.parametrize("method", METHODS)
def test_a_foreign_object_is_not_there(route, name, method):
    if kind(name) in SHARED:
        return
    foreign = FOREIGN[kind(name)]()  # a KeyError: a new address that this test must learn
    client = APIClient()
    client.force_login(UserFactory())
    known = getattr(client, method)(address(route, foreign.pk), {}, format="json")
    unknown = getattr(client, method)(address(route, uuid.uuid4()), {}, format="json")
    assert known.status_code == unknown.status_code
    assert known.status_code in {404, 405}
    if known.status_code == 405:  # no such method for anybody
        owner = APIClient()
        owner.force_login(UserFactory(is_staff=True))
        assert getattr(owner, method)(address(route, foreign.pk), {}, format="json").status_code == 405


@pytest.mark.parametrize(("route", "name"), [(r, e.name or "") for r, e in routes()], ids=lambda value: str(value))
@pytest.mark.parametrize("method", METHODS)
def test_nobody_gets_in_without_signing_in(route, name, method):
    if name in OPEN_TO_ALL:
        return
    identity = "EURUSD" if kind(name) in SHARED else uuid.uuid4()
    answer = getattr(APIClient(), method)(address(route, identity), {}, format="json")
    if address(route, "").startswith("/api/"):
        assert answer.status_code == 401, answer.content
    else:
        assert answer.status_code in {302, 405}


def test_staff_see_all():
    client = APIClient()
    client.force_login(UserFactory(is_staff=True))
    for name, path in (("bot", "bots/bots"), ("backtest-run", "bots/backtest-runs"), ("account", "accounts")):
        row = FOREIGN[name]()
        assert client.get(f"/api/{path}/{row.pk}/").status_code == 200


def lists() -> dict[str, object]:
    return {
        "/api/accounts/": AccountFactory,
        "/api/bots/bots/": BotFactory,
        "/api/bots/versions/": BotVersionFactory,
        "/api/bots/backtest-configs/": BacktestConfigFactory,
        "/api/bots/backtest-runs/": BacktestRunFactory,
        "/api/bots/live-runs/": LiveRunFactory,
    }


@pytest.mark.parametrize("path", lists())
def test_lists_hold_one_s_own_rows_only(path):
    lists()[path]()
    client = APIClient()
    client.force_login(UserFactory())
    assert client.get(path).json()["results"] == []


def test_a_foreign_id_in_a_body_answers_like_one_that_does_not_exist():
    InstrumentSpecificationFactory()
    user, foreign = UserFactory(), BacktestConfigFactory()
    client = APIClient()
    client.force_login(user)
    window = {"data_window_start": "2025-01-06T00:00:00Z", "data_window_end": "2025-01-07T00:00:00Z"}
    bodies = {
        "/api/bots/backtests/launch/": {
            "bot_version_id": foreign.bot_version_id, "backtest_config_id": foreign.pk,
            "instrument_symbol": "EURUSD", **window,
        },
        "/api/bots/live-runs/start/": {"bot_version_id": foreign.bot_version_id, "instrument_symbol": "EURUSD"},
        "/api/bots/versions/": {
            "bot_id": foreign.bot_version.bot_id, "strategy_file_content": "x", "params": {}, "notes": ""
        },
        "/api/bots/backtest-configs/": {"bot_version": foreign.bot_version_id},
        "/api/bots/bots/": {
            "name": "x", "strategy_template": "ema_crossover_v1.py", "account": foreign.bot_version.bot.account_id
        },
    }  # fmt: skip
    for path, body in bodies.items():
        answers = []
        for wanted in (body, {k: uuid.uuid4() if isinstance(v, uuid.UUID) else v for k, v in body.items()}):
            answer = client.post(path, wanted, format="json")
            assert answer.status_code == 400, (path, answer.json())
            ids = re.compile(r"[0-9a-f]{8}-[0-9a-f-]{27}")
            answers.append(ids.sub("ID", answer.content.decode()))
        assert answers[0] == answers[1]
