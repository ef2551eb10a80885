"""What the database refuses about accounts, and whose rows a user sees."""

import pytest
from django.db import IntegrityError
from django.db.models import ProtectedError

from accounts.models import Account
from tests.factories import (
    AccountFactory,
    BacktestConfigFactory,
    BacktestRunFactory,
    BotFactory,
    BotVersionFactory,
    LiveRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def two_with_one_name() -> None:
    first = AccountFactory()
    AccountFactory(user=first.user, name=first.name)


def two_with_one_login() -> None:
    AccountFactory(server="Broker-Demo", login=4711)
    AccountFactory(server="Broker-Demo", login=4711)


VIOLATIONS = {
    "account_name_unique_per_user": two_with_one_name,
    "account_login_unique": two_with_one_login,
    "account_platform_known": lambda: AccountFactory(platform="cTrader"),
    "account_leverage_positive": lambda: AccountFactory(leverage=0),
}


@pytest.mark.parametrize("constraint", VIOLATIONS)
def test_the_database_refuses(constraint):
    with pytest.raises(IntegrityError, match=constraint):
        VIOLATIONS[constraint]()


def test_every_constraint_is_tried_above():
    assert {constraint.name for constraint in Account._meta.constraints} == set(VIOLATIONS)


def test_two_users_may_give_their_accounts_one_name():
    AccountFactory(name="Paper")
    AccountFactory(name="Paper")
    assert Account.objects.count() == 2


def test_one_login_on_two_servers_and_accounts_without_login_are_fine():
    AccountFactory(server="Broker-Demo", login=4711)
    AccountFactory(server="Broker-Live", login=4711)
    AccountFactory(server="Broker-Demo", login=None)
    AccountFactory(server="Broker-Demo", login=None)
    assert Account.objects.count() == 4


def test_a_user_with_an_account_cannot_be_deleted():
    account = AccountFactory()
    with pytest.raises(ProtectedError):
        account.user.delete()
    assert Account.objects.filter(pk=account.pk).exists()


FACTORIES = [
    AccountFactory,
    BotFactory,
    BotVersionFactory,
    BacktestConfigFactory,
    BacktestRunFactory,
    LiveRunFactory,
]


def owner_of(row):
    model = type(row)
    for step in model.objects.none().owner_path.split("__"):
        row = getattr(row, step)
    return row


@pytest.mark.parametrize("factory", FACTORIES, ids=lambda factory: factory._meta.model.__name__)
def test_a_user_sees_own_rows_only_and_staff_see_all(factory):
    mine, theirs = factory(), factory()
    rows = type(mine).objects.all()
    assert list(rows.owned_by(owner_of(mine))) == [mine]
    assert list(rows.owned_by(UserFactory())) == []
    assert set(rows.owned_by(UserFactory(is_staff=True))) == {mine, theirs}
