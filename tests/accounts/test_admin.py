"""The admin of people, accounts and tokens: nothing secret is shown, and staff cannot promote themselves."""

import re

import pytest
from django.contrib.auth.models import Permission
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from knox.models import AuthToken

from accounts.models import Account, User
from tests.factories import AccountFactory, BotFactory, UserFactory

pytestmark = pytest.mark.django_db


@pytest.fixture
def boss(client) -> User:
    user = UserFactory(username="boss", is_staff=True, is_superuser=True)
    client.force_login(user)
    return user


def staff_with(client, *permissions: str) -> User:
    user = UserFactory(is_staff=True)
    user.user_permissions.set(Permission.objects.filter(codename__in=permissions))
    client.force_login(user)
    return user


def page(model: str, name: str = "changelist", *args: object) -> str:
    return reverse(f"admin:{model}_{name}", args=args)


def query_count(client, url: str) -> int:
    with CaptureQueriesContext(connection) as queries:
        assert client.get(url).status_code == 200
    return len(queries)


def make_token(user: User) -> str:
    return AuthToken.objects.create(user)[1]


@pytest.mark.parametrize(
    ("url", "make"),
    [
        ("accounts_user", UserFactory),
        ("accounts_account", AccountFactory),
        ("knox_authtoken", lambda: make_token(UserFactory())),
    ],
)
def test_a_list_of_25_takes_as_many_queries_as_one_of_5(client, boss, url, make):
    for _ in range(5):
        make()
    client.get(page(url))  # warms caches of content types
    few = query_count(client, page(url))
    for _ in range(20):
        make()
    assert query_count(client, page(url)) == few


def test_accounts_are_found_by_name_login_and_owner(client, boss):
    account = AccountFactory(name="Gold scalper", login=987654, server="Broker-Live")
    AccountFactory(name="Other")
    for term in ("scalper", "987654", "Broker-Live", account.user.username, str(account.pk)):
        found = client.get(page("accounts_account"), {"q": term}).context["cl"].queryset
        assert list(found) == [account], term


def test_an_account_can_be_added_by_hand(client, boss):
    response = client.post(
        page("accounts_account", "add"),
        {
            "name": "Paper", "user": boss.pk, "platform": "PAPER", "is_active": "on", "server": "", "login": "",
            "currency": "USD", "leverage": 100, "balance": "10000", "equity": "10000",
        },
    )  # fmt: skip
    assert response.status_code == 302, response.context["errors"]
    assert Account.objects.get(user=boss).name == "Paper"


@pytest.mark.parametrize("make", [lambda: BotFactory(account=None).created_by, lambda: AccountFactory().user])
def test_a_user_whose_rows_would_be_lost_cannot_be_deleted(client, boss, make):
    owner = make()
    assert "deletelink" not in client.get(page("accounts_user", "change", owner.pk)).content.decode()
    assert client.post(page("accounts_user", "delete", owner.pk), {"post": "yes"}).status_code == 403
    assert User.objects.filter(pk=owner.pk).exists()


def test_an_account_nothing_ran_on_can_be_deleted(client, boss):
    account = BotFactory().account
    assert client.post(page("accounts_account", "delete", account.pk), {"post": "yes"}).status_code == 302
    assert not Account.objects.exists()


def test_a_user_with_nothing_but_tokens_can_be_deleted(client, boss):
    user = UserFactory()
    make_token(user)
    assert client.post(page("accounts_user", "delete", user.pk), {"post": "yes"}).status_code == 302
    assert not User.objects.filter(pk=user.pk).exists()


def test_no_page_shows_a_token_or_its_digest(client, boss):
    token = make_token(UserFactory())
    stored = AuthToken.objects.get()
    body = client.get(page("knox_authtoken")).content.decode()
    assert token not in body
    assert stored.token_key not in body
    text = re.sub(r"<[^>]*>", "", body)  # the digest, a hash, is the key of the row: its check box has it as value
    assert stored.digest not in text
    assert f"{token[:8]}…" in text


def test_tokens_cannot_be_made_or_edited_by_hand(client, boss):
    make_token(UserFactory())
    stored = AuthToken.objects.get()
    assert client.get(page("knox_authtoken", "add")).status_code == 403
    assert client.post(page("knox_authtoken", "add"), {"user": boss.pk}).status_code == 403
    assert client.post(page("knox_authtoken", "change", stored.pk), {"user": boss.pk}).status_code == 403
    assert AuthToken.objects.exclude(user=boss).count() == 1


def test_tokens_are_revoked_by_an_action(client, boss):
    keep, lose = UserFactory(), UserFactory()
    make_token(keep)
    make_token(lose)
    lost = AuthToken.objects.get(user=lose)
    data = {"action": "revoke", "_selected_action": [lost.pk]}
    response = client.post(page("knox_authtoken"), data, follow=True)
    assert [str(message) for message in response.context["messages"]] == ["1 token revoked"]
    assert AuthToken.objects.get().user == keep


def test_the_page_of_a_user_masks_the_password(client, boss):
    user = UserFactory()
    body = client.get(page("accounts_user", "change", user.pk)).content.decode()
    assert user.password not in body


def test_staff_who_may_edit_users_cannot_make_themselves_more(client):
    clerk = staff_with(client, "change_user", "view_user")
    data = {
        "username": clerk.username, "is_active": "on", "is_staff": "on", "is_superuser": "on",
        "email": "new@example.org", "user_permissions": [Permission.objects.first().pk],
    }  # fmt: skip
    assert client.post(page("accounts_user", "change", clerk.pk), data).status_code == 302
    clerk.refresh_from_db()
    assert (clerk.email, clerk.is_superuser, clerk.user_permissions.count()) == ("new@example.org", False, 2)


def test_staff_who_may_edit_users_cannot_touch_a_superuser(client):
    staff_with(client, "change_user", "view_user", "delete_user")
    boss = UserFactory(is_staff=True, is_superuser=True, password="the-old-password")
    new = {"password1": "a-new-pass-word-9", "password2": "a-new-pass-word-9"}
    assert client.post(reverse("admin:auth_user_password_change", args=[boss.pk]), new).status_code == 403
    assert client.post(page("accounts_user", "change", boss.pk), {"username": "x"}).status_code == 403
    assert client.post(page("accounts_user", "delete", boss.pk), {"post": "yes"}).status_code == 403
    boss.refresh_from_db()
    assert boss.check_password("the-old-password")


def test_a_superuser_can(client, boss):
    other = UserFactory(is_staff=True, is_superuser=True)
    new = {"password1": "a-new-pass-word-9", "password2": "a-new-pass-word-9"}
    assert client.post(reverse("admin:auth_user_password_change", args=[other.pk]), new).status_code == 302
    other.refresh_from_db()
    assert other.check_password("a-new-pass-word-9")
