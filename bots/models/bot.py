"""A bot, its immutable versions, and the settings its backtests run with."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import Q

from accounts.models import OwnedQuerySet


class Bot(models.Model):
    """A trading robot: a name, the template it began from, and the account it may trade on."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    name = models.CharField(max_length=255)
    account = models.ForeignKey(
        "accounts.Account", on_delete=models.SET_NULL, null=True, blank=True, related_name="bots"
    )
    strategy_template = models.CharField(max_length=255, help_text="File name, e.g. ema_crossover_v1.py")
    is_active = models.BooleanField(default=True)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="bots")
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    objects = OwnedQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["created_by", "-created_at"], name="bot_by_owner")]

    def __str__(self) -> str:
        return self.name


class BotVersionQuerySet(OwnedQuerySet["BotVersion"]):
    owner_path = "bot__created_by"

    def without_code(self) -> "BotVersionQuerySet":
        """For lists: the source may be large."""
        return self.defer("code")


class BotVersion(models.Model):
    """Source and parameters, never changed once stored; what runs is `code`, not a file on disk."""

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    bot = models.ForeignKey(Bot, on_delete=models.CASCADE, related_name="versions")
    code_hash = models.CharField(max_length=64, help_text="SHA-256 of source and canonical params")
    code = models.TextField(help_text="The strategy's Python source")
    params = models.JSONField(default=dict, blank=True)
    notes = models.TextField(blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BotVersionQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [models.UniqueConstraint(fields=["bot", "code_hash"], name="version_unique_per_bot")]
        indexes = [
            models.Index(fields=["bot", "-created_at"], name="version_by_bot"),
            models.Index(fields=["code_hash"], name="version_by_hash"),
        ]

    def __str__(self) -> str:
        return f"Version {self.code_hash[:12]}"


class BacktestConfigQuerySet(OwnedQuerySet["BacktestConfig"]):
    owner_path = "bot_version__bot__created_by"


class BacktestConfig(models.Model):
    """How a version is tested: equity, timeframe, costs and risk settings."""

    class Timeframe(models.TextChoices):
        M1 = "M1"
        M5 = "M5"
        M15 = "M15"
        M30 = "M30"
        H1 = "H1"
        H4 = "H4"
        D1 = "D1"

    class Intrabar(models.TextChoices):
        PESSIMISTIC = "pessimistic", "Stop loss first"
        OPTIMISTIC = "optimistic", "Take profit first"
        OHLC = "ohlc", "Open, nearer extreme, farther extreme, close"

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    bot_version = models.ForeignKey(BotVersion, on_delete=models.CASCADE, related_name="backtest_configs")
    label = models.CharField(max_length=255, blank=True)
    timeframe = models.CharField(max_length=3, choices=Timeframe, default=Timeframe.M1)
    initial_equity = models.DecimalField(
        max_digits=15, decimal_places=2, default=Decimal(10_000), validators=[MinValueValidator(Decimal(1))]
    )
    risk_json = models.JSONField(default=dict, blank=True, help_text="Risk settings, see the API schema")
    slippage_ms = models.PositiveIntegerField(default=0, validators=[MaxValueValidator(60_000)])
    slippage_r = models.DecimalField(
        max_digits=6,
        decimal_places=4,
        default=Decimal(0),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(10))],
        help_text="Fraction of the trade's initial risk by which entries and exits by signal are worse",
    )
    spread_points = models.PositiveIntegerField(
        null=True, blank=True, validators=[MaxValueValidator(1_000_000)],
        help_text="Used where the candles have no spread of their own",
    )  # fmt: skip
    commission_per_lot = models.DecimalField(
        max_digits=10, decimal_places=4, default=Decimal(0), validators=[MinValueValidator(Decimal(0))],
        help_text="Account currency per lot and side",
    )  # fmt: skip
    intrabar = models.CharField(max_length=12, choices=Intrabar, default=Intrabar.PESSIMISTIC)
    created_at = models.DateTimeField(auto_now_add=True)

    objects = BacktestConfigQuerySet.as_manager()

    class Meta:
        ordering = ["-created_at", "id"]
        indexes = [models.Index(fields=["bot_version", "-created_at"], name="config_by_version")]
        constraints = [
            models.CheckConstraint(
                condition=Q(timeframe__in=["M1", "M5", "M15", "M30", "H1", "H4", "D1"]),
                name="config_timeframe_known",
            ),
            models.CheckConstraint(
                condition=Q(intrabar__in=["pessimistic", "optimistic", "ohlc"]), name="config_intrabar_known"
            ),
            models.CheckConstraint(condition=Q(initial_equity__gt=0), name="config_equity_positive"),
            models.CheckConstraint(
                condition=Q(slippage_r__gte=0, commission_per_lot__gte=0), name="config_costs_not_negative"
            ),
        ]

    def __str__(self) -> str:
        return self.label or str(self.id)
