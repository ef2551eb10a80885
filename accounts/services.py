"""Changes to people and their accounts."""

from decimal import Decimal

from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from accounts.errors import Conflict
from accounts.models import Account, User


def open_account(*, user: User, balance: Decimal = Decimal(0), **fields: object) -> Account:
    """A new account of `user`; without positions its equity is its balance. Raises Conflict like save_account."""
    return save_account(Account(user=user, balance=balance, equity=balance, **fields))


def save_account(account: Account) -> Account:
    """Store a new or changed account. Raises Conflict when its name or login is taken."""
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError as error:
        taken = "login on this server" if "account_login_unique" in str(error) else "name"
        raise Conflict(f"There is already an account with this {taken}") from error
    return account


def delete_account(account: Account) -> None:
    """Delete an account no live run was made on. Raises Conflict otherwise: history is never lost."""
    try:
        account.delete()
    except ProtectedError as error:
        raise Conflict("This account has live runs and cannot be deleted; set is_active to false instead") from error


def ensure_superuser(*, username: str, password: str) -> User:
    """The user, created or brought up to date, who may do everything and signs in with `password`."""
    user, _ = User.objects.get_or_create(username=username)
    user.is_staff = user.is_superuser = user.is_active = True
    if not user.check_password(password):
        user.set_password(password)
    user.save()
    return user
