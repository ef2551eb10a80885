"""One backtest: request, progress, and results."""

from typing import ClassVar

from django.contrib.postgres.fields import ArrayField
from django.contrib.postgres.indexes import GinIndex
from django.db import models
from django.db.models import F, Q

from bots.models.bot import BacktestConfig
from bots.models.fields import CompressedJSONField
from bots.models.run import Run

MAX_SYMBOLS = 20


class BacktestRun(Run):
    """A version run over a window of candles of one or several symbols, on one equity.

    `config` leads to the version and the bot. The snapshots are what entered `digest` besides the version's source
    and params: with them the run can be repeated whatever happens to instrument, config and platform (verify_run).
    """

    class Status(models.TextChoices):
        PENDING = "PENDING"
        RUNNING = "RUNNING"
        CANCELLING = "CANCELLING"
        COMPLETED = "COMPLETED"
        FAILED = "FAILED"
        CANCELLED = "CANCELLED"

    OWNED: ClassVar = frozenset({Status.RUNNING, Status.CANCELLING})
    TERMINAL: ClassVar = frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLED})
    TRANSITIONS: ClassVar = {
        Status.PENDING: frozenset({Status.RUNNING, Status.CANCELLED, Status.FAILED}),
        Status.RUNNING: frozenset({Status.COMPLETED, Status.FAILED, Status.CANCELLING}),
        Status.CANCELLING: frozenset({Status.CANCELLED, Status.FAILED}),
    }
    HEAVY: ClassVar = (
        "equity_curve", "simulated_trades_log", "stats", "warnings", "refusals", "error_traceback",
        "instrument_snapshot", "settings_snapshot", "data_snapshot",
    )  # fmt: skip
    STAMPS: ClassVar = {
        Status.RUNNING: ("started_at",),
        Status.CANCELLING: ("cancelling_at",),
        **dict.fromkeys(TERMINAL, ("finished_at",)),
    }

    config = models.ForeignKey(BacktestConfig, on_delete=models.PROTECT, related_name="runs")
    instrument_symbol = models.CharField(max_length=29, help_text="The first of instrument_symbols")
    instrument_symbols = ArrayField(models.CharField(max_length=29), help_text="Traded on one equity")
    data_window_start = models.DateTimeField()
    data_window_end = models.DateTimeField(help_text="Exclusive")
    status = models.CharField(max_length=16, choices=Status, default=Status.PENDING)
    cancelling_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)
    bars_done = models.PositiveIntegerField(default=0)
    bars_total = models.PositiveIntegerField(default=0)

    equity_curve = models.JSONField(default=list, blank=True, help_text="At most 2,000 points")
    stats = models.JSONField(default=dict, blank=True)
    simulated_trades_log = CompressedJSONField(default=list, blank=True)
    warnings = models.JSONField(default=list, blank=True)
    refusals = models.JSONField(default=list, blank=True, help_text="Actions that were refused, with reasons")
    error_code = models.CharField(max_length=64, blank=True)
    error = models.TextField(blank=True)
    error_traceback = models.TextField(blank=True)

    engine_version = models.CharField(max_length=32, blank=True)
    data_fingerprint = models.CharField(max_length=64, blank=True)
    digest = models.CharField(max_length=64, blank=True, help_text="Same inputs, same digest")
    instrument_snapshot = models.JSONField(default=list, blank=True, help_text="The instruments as they were")
    settings_snapshot = models.JSONField(default=dict, blank=True, help_text="The engine's settings as they were")
    data_snapshot = models.JSONField(default=list, blank=True, help_text="Which candles of each symbol were used")

    class Meta:
        ordering = ["-created_at", "id"]
        constraints = [
            models.CheckConstraint(
                condition=Q(data_window_start__lt=F("data_window_end")), name="backtest_window_ordered"
            ),
            models.CheckConstraint(
                condition=Q(status__in=["PENDING", "RUNNING", "CANCELLING", "COMPLETED", "FAILED", "CANCELLED"]),
                name="backtest_status_known",
            ),
            models.CheckConstraint(
                condition=Q(instrument_symbols__len__range=(1, MAX_SYMBOLS))
                & Q(instrument_symbols__0=F("instrument_symbol")),
                name="backtest_symbols_begin_with_the_first",
            ),
            models.UniqueConstraint(fields=["created_by", "idempotency_key"], name="backtest_launched_once_per_key"),
        ]
        indexes = [
            models.Index(fields=["created_by", "-created_at"], name="backtest_by_owner"),
            models.Index(fields=["status", "-created_at"], name="backtest_by_status"),
            models.Index(fields=["instrument_symbol", "-created_at"], name="backtest_by_symbol"),
            GinIndex(fields=["instrument_symbols"], name="backtest_by_symbols"),
            models.Index(
                fields=["queued_at"],
                name="backtest_unfinished",
                condition=Q(status__in=["PENDING", "RUNNING", "CANCELLING"]),
            ),
        ]

    def __str__(self) -> str:
        return f"{self.symbols_text} {self.data_window_start:%Y-%m-%d}..{self.data_window_end:%Y-%m-%d}"

    @property
    def symbols_text(self) -> str:
        """The symbols for a line of text: the first two, and how many more."""
        shown, more = self.instrument_symbols[:2], len(self.instrument_symbols) - 2
        return ", ".join(shown) + (f" +{more}" if more > 0 else "")

    @property
    def progress(self) -> float:
        """Share of the bars that are done, 0 to 1."""
        if self.status == self.Status.COMPLETED:
            return 1.0
        return self.bars_done / self.bars_total if self.bars_total else 0.0
