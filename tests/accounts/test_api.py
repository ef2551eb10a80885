"""Signing in, signing out and trading accounts, as a client sees them."""

from datetime import timedelta

import pytest
from django.utils import timezone
from knox.models import AuthToken
from rest_framework.test import APIClient

from accounts.models import Account
from tests.factories import AccountFactory, BotFactory, LiveRunFactory, UserFactory

pytestmark = pytest.mark.django_db

PASSWORD = "a-long-password"


@pytest.fixture
def user():
    return UserFactory()


@pytest.fixture
def client(user):
    client = APIClient()
    client.force_login(user)
    return client


def login(user, **changes):
    return APIClient().post(
        "/api/auth/login/", {"username": user.username, "password": PASSWORD, **changes}, format="json"
    )


def with_token(token: str) -> APIClient:
    client = APIClient()
    client.credentials(HTTP_AUTHORIZATION=f"Token {token}")
    return client


def fields(answer) -> list[str]:
    assert answer.status_code == 400, answer.content
    return sorted(error["field"] for error in answer.json()["errors"])


def test_a_token_works_until_it_expires(user):
    answer = login(user).json()
    client = with_token(answer["token"])
    assert client.get("/api/auth/me/").json() == {
        "id": user.pk, "username": user.username, "email": "", "is_staff": False,
    }  # fmt: skip
    stored = AuthToken.objects.get()
    assert timedelta(days=29) < stored.expiry - timezone.now() < timedelta(days=31)
    AuthToken.objects.update(expiry=timezone.now() - timedelta(seconds=1))
    assert client.get("/api/auth/me/").status_code == 401


def test_signing_out_ends_this_token_and_no_other(user):
    here, there = (with_token(login(user).json()["token"]) for _ in range(2))
    assert here.post("/api/auth/logout/").status_code == 204
    assert [client.get("/api/auth/me/").status_code for client in (here, there)] == [401, 200]


def test_signing_out_ends_a_browser_s_session(client):
    assert client.post("/api/auth/logout/").status_code == 204
    assert client.get("/api/auth/me/").status_code == 401


def test_a_session_needs_its_csrf_token(user):
    client = APIClient(enforce_csrf_checks=True)
    client.force_login(user)
    answer = client.post("/api/accounts/", {"name": "x"}, format="json")
    assert (answer.status_code, answer.json()["code"]) == (403, "permission_denied")
    assert not Account.objects.exists()


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"password": 5}, "password"),
        ({"username": None}, "username"),
        ({"otp": "1"}, "otp"),
        ({"username": ""}, "username"),
    ],
)
def test_a_malformed_login_names_the_field(user, body, field):
    assert fields(login(user, **body)) == [field]


def test_a_user_who_was_deactivated_cannot_use_an_old_token(user):
    client = with_token(login(user).json()["token"])
    user.is_active = False
    user.save()
    assert client.get("/api/auth/me/").status_code == 401
    assert login(user).status_code == 401


def test_guessing_is_slowed_down(user, monkeypatch):
    monkeypatch.setattr("accounts.throttling.LoginThrottle.rate", "3/min", raising=False)
    monkeypatch.setattr("accounts.throttling.LoginThrottle.get_ident", lambda self, request: f"test-{user.pk}")
    answers = [login(user, password=f"guess {n}") for n in range(4)]
    assert [answer.status_code for answer in answers] == [401, 401, 401, 429]
    assert (answers[-1]["Content-Type"], answers[-1].json()["code"]) == ("application/problem+json", "throttled")
    assert 0 < int(answers[-1]["Retry-After"]) <= 60
    assert login(user).status_code == 429


def test_an_account_is_its_creator_s_with_the_defaults_of_a_paper_account(client, user):
    answer = client.post("/api/accounts/", {"name": "Mine"}, format="json")
    assert answer.status_code == 201
    stored = Account.objects.get()
    assert stored.user == user
    body = answer.json()
    assert {name: body[name] for name in body if not name.endswith("_at")} == {
        "id": str(stored.pk), "name": "Mine", "platform": "PAPER", "login": None, "server": "", "currency": "USD",
        "leverage": 100, "balance": "0.00", "equity": "0.00", "is_active": True,
    }  # fmt: skip


@pytest.mark.parametrize("balance", ["2500.50", 2500.5])
def test_a_paper_account_may_say_what_it_starts_with(client, balance):
    body = client.post("/api/accounts/", {"name": "Mine", "balance": balance}, format="json").json()
    assert (body["balance"], body["equity"]) == ("2500.50", "2500.50")


@pytest.mark.parametrize(
    ("body", "field"),
    [
        ({"platform": "MT5", "balance": "5"}, "balance"),
        ({"balance": "-1"}, "balance"),
        ({"balance": "1_000"}, "balance"),
        ({"balance": " 5 "}, "balance"),
        ({"balance": "1e3"}, "balance"),
        ({"balance": "٣"}, "balance"),
        ({"balance": True}, "balance"),
        ({"balance": "0.001"}, "balance"),
        ({"equity": "5"}, "equity"),
        ({"id": "5"}, "id"),
        ({"user": 1}, "user"),
        ({"password": "x"}, "password"),
        ({"name": 5}, "name"),
        ({"name": "  "}, "name"),
        ({"is_active": 1}, "is_active"),
        ({"is_active": "yes"}, "is_active"),
        ({"leverage": "5"}, "leverage"),
        ({"leverage": True}, "leverage"),
        ({"leverage": 0}, "leverage"),
        ({"login": 2**63}, "login"),
        ({"platform": "cTrader"}, "platform"),
        ({"platform": ["MT5"]}, "platform"),
    ],
)
def test_a_bad_account_is_refused_with_its_field(client, body, field):
    assert fields(client.post("/api/accounts/", {"name": "Mine", **body}, format="json")) == [field]
    assert not Account.objects.exists()


def test_money_of_an_account_cannot_be_changed_later(client, user):
    account = AccountFactory(user=user)
    path = f"/api/accounts/{account.pk}/"
    assert fields(client.patch(path, {"balance": "1", "equity": "1"}, format="json")) == ["balance", "equity"]
    assert client.patch(path, {"leverage": 30}, format="json").json()["leverage"] == 30


@pytest.mark.parametrize("taken", ["name", "login"])
def test_a_taken_name_or_login_is_a_conflict(client, user, taken):
    AccountFactory(user=user, name="Mine", server="Demo", login=1)
    body = {"name": "Mine"} if taken == "name" else {"name": "Other", "server": "Demo", "login": 1}
    answer = client.post("/api/accounts/", body, format="json")
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert taken in answer.json()["detail"]


def test_an_account_with_live_runs_is_kept(client, user):
    run = LiveRunFactory(bot_version__bot__created_by=user)
    path = f"/api/accounts/{run.account_id}/"
    answer = client.delete(path)
    assert (answer.status_code, answer.json()["code"]) == (409, "conflict")
    assert client.get(path).status_code == 200


def test_deleting_an_account_leaves_its_bots_without_one(client, user):
    bot = BotFactory(created_by=user)
    assert client.delete(f"/api/accounts/{bot.account_id}/").status_code == 204
    bot.refresh_from_db()
    assert bot.account is None


def test_a_bot_trades_on_its_owner_s_account_only_even_for_staff():
    staff, bot, foreign = UserFactory(is_staff=True), BotFactory(), AccountFactory()
    client = APIClient()
    client.force_login(staff)
    path = f"/api/bots/bots/{bot.pk}/"
    assert fields(client.patch(path, {"account": str(foreign.pk)}, format="json")) == ["account"]
    new = {"name": "x", "strategy_template": "ema_crossover_v1.py", "account": str(foreign.pk)}
    assert fields(client.post("/api/bots/bots/", new, format="json")) == ["account"]
    own = AccountFactory(user=bot.created_by)
    assert client.patch(path, {"account": str(own.pk)}, format="json").json()["account"] == str(own.pk)


@pytest.mark.parametrize(
    ("query", "field"),
    [
        ({"page": ""}, "page"), ({"page": "last"}, "page"), ({"page": "0"}, "page"), ({"page": "1.0"}, "page"),
        ({"page_size": "0"}, "page_size"), ({"page_size": "501"}, "page_size"), ({"ordering": ""}, "ordering"),
        ({"ordering": "user__password"}, "ordering"), ({"ordering": "name,"}, "ordering"),
        ({"is_active": "1"}, "is_active"), ({"platform": "x"}, "platform"),
    ],
)  # fmt: skip
def test_a_bad_query_is_refused_with_its_parameter(client, query, field):
    assert fields(client.get("/api/accounts/", query)) == [field]


def test_a_page_beyond_the_last_is_not_found(client):
    assert client.get("/api/accounts/", {"page": "2"}).status_code == 404
    assert client.get("/api/accounts/", {"page": "9" * 5_000}).status_code == 404


def test_pages_of_equal_rows_hold_every_row_once(client, user):
    accounts = [AccountFactory(user=user, name=f"n{number}") for number in range(25)]
    Account.objects.update(created_at=timezone.now())
    query = {"ordering": "-created_at", "page_size": 4}
    seen = [
        row["id"]
        for page in range(1, 8)
        for row in client.get("/api/accounts/", {**query, "page": page}).json()["results"]
    ]
    assert sorted(seen) == sorted(str(account.pk) for account in accounts)


def test_ordering_by_several_fields(client, user):
    for name, currency in (("a", "USD"), ("b", "EUR"), ("c", "EUR")):
        AccountFactory(user=user, name=name, currency=currency)
    rows = client.get("/api/accounts/", {"ordering": "-name"}).json()["results"]
    assert [row["name"] for row in rows] == ["c", "b", "a"]
    rows = client.get("/api/accounts/", {"ordering": "created_at,-name"}).json()["results"]
    assert [row["name"] for row in rows] == ["a", "b", "c"]


def test_there_are_no_second_addresses_with_a_format(client):
    assert client.get("/api/accounts.json").status_code == 404
