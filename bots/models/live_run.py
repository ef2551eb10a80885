"""One live deployment of a version on an account, and what happened to it."""

from typing import ClassVar

from django.conf import settings
from django.db import models
from django.db.models import Q

from bots.models.bot import BacktestConfig, BotVersion
from bots.models.run import Run


class LiveRun(Run):
    """A session of `live_loop`; the status STOPPING asks it to end."""

    class Status(models.TextChoices):
        PENDING = "PENDING"
        RUNNING = "RUNNING"
        STOPPING = "STOPPING"
        STOPPED = "STOPPED"
        ERROR = "ERROR"

    OWNED: ClassVar = frozenset({Status.RUNNING, Status.STOPPING})
    TERMINAL: ClassVar = frozenset({Status.STOPPED, Status.ERROR})
    ACTIVE: ClassVar = frozenset({Status.PENDING, Status.RUNNING, Status.STOPPING})
    TRANSITIONS: ClassVar = {
        Status.PENDING: frozenset({Status.RUNNING, Status.STOPPING, Status.ERROR}),
        Status.RUNNING: frozenset({Status.STOPPING, Status.ERROR}),
        Status.STOPPING: frozenset({Status.STOPPED, Status.ERROR}),
    }
    STAMPS: ClassVar = {
        Status.RUNNING: ("started_at",),
        Status.STOPPING: ("stopping_at",),
        **dict.fromkeys(TERMINAL, ("stopped_at",)),
    }

    bot_version = models.ForeignKey(BotVersion, on_delete=models.PROTECT, related_name="live_runs")
    account = models.ForeignKey("accounts.Account", on_delete=models.PROTECT, related_name="live_runs")
    instrument_symbol = models.CharField(max_length=29)
    timeframe = models.CharField(max_length=3, choices=BacktestConfig.Timeframe, default=BacktestConfig.Timeframe.M1)
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    stopping_at = models.DateTimeField(null=True, blank=True)
    stopped_at = models.DateTimeField(null=True, blank=True)
    pnl_r = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    drawdown_r = models.DecimalField(max_digits=12, decimal_places=4, null=True, blank=True)
    last_error = models.TextField(blank=True)

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(status__in=["PENDING", "RUNNING", "STOPPING", "STOPPED", "ERROR"]),
                name="live_status_known",
            ),
            models.UniqueConstraint(
                fields=["account"],
                condition=Q(status__in=["PENDING", "RUNNING", "STOPPING"]),
                name="live_one_active_per_account",
            ),
            models.UniqueConstraint(fields=["created_by", "idempotency_key"], name="live_started_once_per_key"),
        ]
        indexes = [
            models.Index(fields=["created_by", "-created_at"], name="live_by_owner"),
            models.Index(fields=["status", "-created_at"], name="live_by_status"),
        ]

    def __str__(self) -> str:
        return f"{self.instrument_symbol} {self.status}"


class LiveRunEvent(models.Model):
    """Who did what to a live run, when and why; rows are only ever added."""

    run = models.ForeignKey(LiveRun, on_delete=models.CASCADE, related_name="events")
    at = models.DateTimeField(auto_now_add=True)
    kind = models.CharField(max_length=32, help_text="created, claimed, stopping, stopped, error, released")
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, on_delete=models.PROTECT, null=True, blank=True, related_name="+",
        help_text="Empty when the platform itself acted",
    )  # fmt: skip
    message = models.TextField(blank=True)

    class Meta:
        ordering = ["at", "id"]
        indexes = [models.Index(fields=["run", "at"], name="live_event_by_run")]

    def __str__(self) -> str:
        return f"{self.kind}: {self.message}"
