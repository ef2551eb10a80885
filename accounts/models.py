"""People and the trading accounts they own."""

import uuid
from typing import ClassVar, Self, TypeVar

from django.contrib.auth.models import AbstractUser, AnonymousUser
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

M = TypeVar("M", bound=models.Model, covariant=True)


class OwnedQuerySet(models.QuerySet[M]):
    """Rows that belong to a user; `owner_path` leads from the row to that user."""

    owner_path: ClassVar[str] = "created_by"

    def owned_by(self, user: "User | AnonymousUser") -> Self:
        """Rows `user` may see: their own, or all for staff. Every read of the API starts here."""
        if not user.is_authenticated:
            return self.none()
        if user.is_staff:
            return self
        return self.filter(**{self.owner_path: user})


class User(AbstractUser):
    """A member of the team; our own class, so that roles can be added without moving the table."""


class AccountQuerySet(OwnedQuerySet["Account"]):
    owner_path = "user"


class Account(models.Model):
    """A trading account a bot may act on."""

    class Platform(models.TextChoices):
        MT5 = "MT5", "MetaTrader 5"
        PAPER = "PAPER", "Paper (simulated terminal)"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    user = models.ForeignKey(User, on_delete=models.PROTECT, related_name="accounts")
    name = models.CharField(max_length=255)
    platform = models.CharField(max_length=16, choices=Platform, default=Platform.PAPER)
    login = models.BigIntegerField(null=True, blank=True, help_text="MetaTrader login number")
    server = models.CharField(max_length=254, blank=True, help_text="Broker server, e.g. Broker-Demo")
    currency = models.CharField(max_length=8, default="USD")
    leverage = models.PositiveIntegerField(default=100, validators=[MinValueValidator(1), MaxValueValidator(10_000)])
    balance = models.DecimalField(max_digits=15, decimal_places=2, default=0)
    equity = models.DecimalField(max_digits=15, decimal_places=2, default=0)
    is_active = models.BooleanField(default=True)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = AccountQuerySet.as_manager()

    class Meta:
        ordering = ["name", "id"]
        constraints = [
            models.UniqueConstraint(fields=["user", "name"], name="account_name_unique_per_user"),
            models.UniqueConstraint(
                fields=["server", "login"], name="account_login_unique", condition=Q(login__isnull=False)
            ),
            models.CheckConstraint(condition=Q(platform__in=["MT5", "PAPER"]), name="account_platform_known"),
            models.CheckConstraint(condition=Q(leverage__gte=1), name="account_leverage_positive"),
        ]

    def __str__(self) -> str:
        return self.name
