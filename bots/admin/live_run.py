"""Live runs: what happened, and a way to stop them."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import QuerySet
from django.http import HttpRequest

from bots.admin.pages import KeptAdmin, object_link
from bots.errors import Conflict
from bots.models import LiveRun, LiveRunEvent
from bots.services import stop_bot_live_run

REQUEST = ("bot_link", "version_link", "account_link", "instrument_symbol", "timeframe")
PROGRESS = (
    "worker", "attempt", "created_at", "queued_at", "started_at", "heartbeat_at", "lease_expires_at", "stopping_at",
    "stopped_at",
)  # fmt: skip


class LiveRunEventInline(admin.TabularInline):  # type: ignore[type-arg] # not generic at run time
    model = LiveRunEvent
    fields = readonly_fields = ("at", "kind", "actor", "message")
    extra = 0
    can_delete = False

    def get_queryset(self, request: HttpRequest) -> QuerySet[LiveRunEvent]:
        return super().get_queryset(request).select_related("actor")

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return True  # who may see the run may see what happened to it

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        return False


@admin.register(LiveRun)
class LiveRunAdmin(KeptAdmin):
    list_display = (
        "run", "bot_link", "account", "instrument_symbol", "timeframe", "status", "pnl_r", "created_by", "created_at",
    )  # fmt: skip
    list_filter = (
        "status", "instrument_symbol", "account__platform", ("created_by", admin.RelatedOnlyFieldListFilter),
    )  # fmt: skip
    search_fields = ("id", "instrument_symbol", "account__name", "bot_version__bot__name", "created_by__username")
    date_hierarchy = "created_at"
    linked_by = ("bot_version__id__exact", "bot_version__bot__id__exact", "account__id__exact")
    actions = ("stop_selected",)
    inlines = (LiveRunEventInline,)
    fieldsets = (
        (None, {"fields": (*REQUEST, "created_by")}),
        ("State", {"fields": ("status", "pnl_r", "drawdown_r", "last_error")}),
        ("Progress", {"fields": PROGRESS}),
        ("Identity", {"fields": ("id",)}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[LiveRun]:
        runs = super().get_queryset(request).select_related("bot_version__bot", "account", "created_by")
        return runs.defer("bot_version__code", "bot_version__params", "last_error")

    def has_stop_permission(self, request: HttpRequest) -> bool:
        return self.may_change(request)

    @admin.action(description="Stop selected live runs", permissions=["stop"])
    def stop_selected(self, request: HttpRequest, runs: QuerySet[LiveRun]) -> None:
        for run in runs:
            level, outcome = _stop(run, request)
            if level == messages.SUCCESS:
                self.log_change(request, run, f"Stop: {outcome}")
            self.message_user(request, f"{run.instrument_symbol} ({str(run.pk)[:8]}): {outcome}", level)

    @admin.display(description="run", ordering="id")
    def run(self, run: LiveRun) -> str:
        return str(run.pk)[:8]

    @admin.display(description="bot", ordering="bot_version__bot__name")
    def bot_link(self, run: LiveRun) -> str:
        return object_link(run.bot_version.bot)

    @admin.display(description="version")
    def version_link(self, run: LiveRun) -> str:
        return object_link(run.bot_version, run.bot_version.code_hash[:12])

    @admin.display(description="account")
    def account_link(self, run: LiveRun) -> str:
        return object_link(run.account)


def _stop(run: LiveRun, request: HttpRequest) -> tuple[int, str]:
    """Stop one run; returns the level and the text of the message."""
    before = run.status
    if before == LiveRun.Status.STOPPED:
        return messages.INFO, "It had stopped before"
    try:
        stop_bot_live_run(run, user=request.user, reason="Stopped in the admin")  # type: ignore[arg-type]
    except Conflict as error:
        return messages.WARNING, error.message
    if before == LiveRun.Status.STOPPING:
        return messages.INFO, "Its worker had been asked before"
    if run.status == LiveRun.Status.STOPPED:
        return messages.SUCCESS, "Stopped"
    return messages.SUCCESS, "Its worker has been asked to stop"
