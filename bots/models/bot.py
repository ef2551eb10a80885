"""A bot, its immutable versions, and the settings its backtests run with."""

import uuid
from decimal import Decimal

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import MaxValueValidator, MinValueValidator, RegexValidator
from django.db import models
from django.db.models import Q

from accounts.models import OwnedQuerySet
from analysis.clock import time_zones

_TIME_OF_DAY = r"^([01][0-9]|2[0-3]):[0-5][0-9]$"


def validate_timezone(name: str) -> None:
    """Refuse what is no IANA time zone of this machine."""
    if name not in time_zones():
        raise ValidationError("There is no time zone %(name)r.", "unknown_timezone", {"name": name})


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
    warmup_bars = models.PositiveIntegerField(
        default=500, validators=[MaxValueValidator(100_000)],
        help_text="Bars of the timeframe before the window that only warm indicators up; 0 for none",
    )  # fmt: skip
    leverage = models.DecimalField(
        max_digits=7, decimal_places=2, null=True, blank=True,
        validators=[MinValueValidator(Decimal("0.01")), MaxValueValidator(Decimal(10_000))],
        help_text="30 means 30:1; empty simulates neither margin nor stop-out",
    )  # fmt: skip
    stop_out_level = models.DecimalField(
        max_digits=5, decimal_places=2, default=Decimal(50),
        validators=[MinValueValidator(Decimal(0)), MaxValueValidator(Decimal(100))],
        help_text="Positions are closed when equity falls to this per cent of the used margin",
    )  # fmt: skip
    rollover_time = models.CharField(
        max_length=5, default="17:00", validators=[RegexValidator(_TIME_OF_DAY, "Must be HH:MM.")],
        help_text="When swap is booked, on the clock of rollover_timezone",
    )  # fmt: skip
    rollover_timezone = models.CharField(
        max_length=64, default="America/New_York", validators=[validate_timezone], help_text="An IANA time zone"
    )
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
            models.CheckConstraint(condition=Q(leverage__gt=0), name="config_leverage_positive"),
            models.CheckConstraint(condition=Q(stop_out_level__range=(0, 100)), name="config_stop_out_is_per_cent"),
            models.CheckConstraint(
                condition=Q(rollover_time__regex=_TIME_OF_DAY) & ~Q(rollover_timezone=""),
                name="config_rollover_is_a_time_somewhere",
            ),
            models.CheckConstraint(condition=Q(warmup_bars__lte=100_000), name="config_warmup_bounded"),
        ]

    def __str__(self) -> str:
        return self.label or str(self.id)
