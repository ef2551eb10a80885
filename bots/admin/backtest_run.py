"""Backtests: results to read, and a way to cancel."""

from typing import Any

from django.contrib import admin, messages
from django.db.models import CharField, F, Func, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from bots.admin.pages import NOTHING, KeptAdmin, object_link, preformatted, pretty_json, rendered
from bots.errors import Conflict
from bots.models import BacktestRun
from bots.models.run import RunQuerySet
from bots.presentation import FIRST, figure_groups, sparkline, trade_rows, with_first_refusals, with_headline
from bots.services import cancel_backtest

LINE_BREAK = SafeString("<br>")


class SymbolFilter(admin.SimpleListFilter):
    """Runs of one or several symbols, the chosen one among them."""

    title = parameter_name = "symbol"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        each = Func(F("instrument_symbols"), function="unnest", output_field=CharField())
        symbols = BacktestRun.objects.order_by().values_list(each, flat=True).distinct()
        return [(symbol, symbol) for symbol in sorted(symbols)]

    def queryset(self, request: HttpRequest, runs: QuerySet[BacktestRun]) -> QuerySet[BacktestRun]:
        symbol = self.value()
        return runs if symbol is None else runs.filter(instrument_symbols__contains=[symbol])


@admin.register(BacktestRun)
class BacktestRunAdmin(KeptAdmin):
    list_display = (
        "symbols", "dates", "bot_link", "state", "net_pnl", "total_trades", "created_by", "created_at",
    )  # fmt: skip
    list_filter = (
        "status", SymbolFilter, "config__timeframe", ("created_by", admin.RelatedOnlyFieldListFilter),
    )  # fmt: skip
    search_fields = (
        "id", "instrument_symbols", "config__label", "config__bot_version__bot__name", "created_by__username", "digest",
    )  # fmt: skip
    date_hierarchy = "created_at"
    linked_by = ("config__id__exact", "config__bot_version__id__exact", "config__bot_version__bot__id__exact")
    actions = ("cancel_selected",)

    def get_queryset(self, request: HttpRequest) -> RunQuerySet[BacktestRun]:
        return with_headline(_with_relations(BacktestRun.objects.light()))

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> BacktestRun | None:
        """One row is shown with its results."""
        run = super().get_object(request, object_id, from_field)
        return run and with_first_refusals(_with_relations(BacktestRun.objects.all())).filter(pk=run.pk).first()

    def get_fieldsets(self, request: HttpRequest, run: BacktestRun | None = None) -> Any:
        request_fields = ("bot_link", "version_link", "config_link", "all_symbols", "window", "created_by")
        progress = (
            "status", "progress_text", "worker", "attempt", "created_at", "queued_at", "started_at", "heartbeat_at",
            "lease_expires_at", "cancelling_at", "finished_at",
        )  # fmt: skip
        fieldsets: list[Any] = [(None, {"fields": request_fields}), ("Progress", {"fields": progress})]
        if run is not None and run.error_code:
            fieldsets.append(("Error", {"fields": ("error_code", "error", "traceback")}))
        if run is not None and run.stats:
            results = ("report", "equity", "figures", "notes", "trades", "refused")
            fieldsets.append(("Result", {"fields": results}))
        identity = ("id", "engine_version", "data_fingerprint", "digest", "instruments", "settings", "candles")
        return [*fieldsets, ("Identity", {"fields": identity})]

    def has_stop_permission(self, request: HttpRequest) -> bool:
        return self.may_change(request)

    @admin.action(description="Cancel selected runs", permissions=["stop"])
    def cancel_selected(self, request: HttpRequest, runs: RunQuerySet[BacktestRun]) -> None:
        for run in runs:
            level, outcome = _cancel(run)
            if level == messages.SUCCESS:
                self.log_change(request, run, f"Cancel: {outcome}")
            self.message_user(request, f"{run} ({str(run.pk)[:8]}): {outcome}", level)

    @admin.display(ordering="instrument_symbol")
    def symbols(self, run: BacktestRun) -> str:
        return run.symbols_text

    @admin.display(description="symbols")
    def all_symbols(self, run: BacktestRun) -> str:
        return ", ".join(run.instrument_symbols)

    @admin.display(description="candles", ordering="data_window_start")
    def dates(self, run: BacktestRun) -> str:
        return f"{run.data_window_start:%Y-%m-%d} – {run.data_window_end:%Y-%m-%d}"

    @admin.display(description="status", ordering="status")
    def state(self, run: BacktestRun) -> str:
        return run.status if run.is_terminal else f"{run.status} {run.progress:.0%}"

    @admin.display(description="bot", ordering="config__bot_version__bot__name")
    def bot_link(self, run: BacktestRun) -> str:
        return object_link(run.config.bot_version.bot)

    @admin.display(description="version")
    def version_link(self, run: BacktestRun) -> str:
        return object_link(run.config.bot_version, run.config.bot_version.code_hash[:12])

    @admin.display(description="config")
    def config_link(self, run: BacktestRun) -> str:
        return object_link(run.config)

    @admin.display(description="window (UTC)")
    def window(self, run: BacktestRun) -> str:
        return f"{run.data_window_start:%Y-%m-%d %H:%M} to {run.data_window_end:%Y-%m-%d %H:%M}, end excluded"

    @admin.display(description="progress")
    def progress_text(self, run: BacktestRun) -> str:
        return f"{run.progress:.0%}"

    @admin.display(description="net P&L", ordering="net_pnl")
    def net_pnl(self, run: BacktestRun) -> str:
        pnl = run.net_pnl  # type: ignore[attr-defined] # annotated
        return NOTHING if pnl is None else f"{pnl:,.2f}"

    @admin.display(description="trades", ordering="total_trades")
    def total_trades(self, run: BacktestRun) -> str:
        trades = run.total_trades  # type: ignore[attr-defined] # annotated
        return NOTHING if trades is None else f"{trades:,}"

    @admin.display(description="instruments as they were")
    def instruments(self, run: BacktestRun) -> str:
        return pretty_json(run.instrument_snapshot)

    @admin.display(description="settings as they were")
    def settings(self, run: BacktestRun) -> str:
        return pretty_json(run.settings_snapshot)

    @admin.display(description="candles as they were")
    def candles(self, run: BacktestRun) -> str:
        return pretty_json(run.data_snapshot)

    @admin.display
    def traceback(self, run: BacktestRun) -> str:
        return preformatted(run.error_traceback)

    @admin.display
    def report(self, run: BacktestRun) -> str:
        if run.status != BacktestRun.Status.COMPLETED:
            return NOTHING
        address = reverse("backtest-run-report", args=[run.pk])
        return format_html('<a href="{}">All charts and statistics on one page</a>', address)

    @admin.display
    def equity(self, run: BacktestRun) -> str:
        return rendered("equity", sparkline=sparkline(run.equity_curve)) if run.equity_curve else NOTHING

    @admin.display
    def figures(self, run: BacktestRun) -> str:
        return rendered("figures", groups=figure_groups(run.stats))

    @admin.display(description="warnings")
    def notes(self, run: BacktestRun) -> str:
        return format_html_join(LINE_BREAK, "{}", ((text,) for text in run.warnings)) or NOTHING

    @admin.display(description=f"first {FIRST} trades")
    def trades(self, run: BacktestRun) -> str:
        trades = run.simulated_trades_log[:FIRST]
        return rendered("trades", trades=trade_rows(trades)) if trades else NOTHING

    @admin.display(description=f"first {FIRST} refusals")
    def refused(self, run: BacktestRun) -> str:
        refusals = run.first_refusals  # type: ignore[attr-defined] # annotated
        return rendered("refusals", refusals=refusals) if refusals else NOTHING


def _with_relations(runs: RunQuerySet[BacktestRun]) -> RunQuerySet[BacktestRun]:
    return runs.select_related("config__bot_version__bot", "created_by").defer(
        "config__risk_json", "config__bot_version__code", "config__bot_version__params"
    )


def _cancel(run: BacktestRun) -> tuple[int, str]:
    """Cancel one run; returns the level and the text of the message."""
    before = run.status
    try:
        cancel_backtest(run)
    except Conflict as error:
        return messages.WARNING, error.message
    if before == BacktestRun.Status.CANCELLED:
        return messages.INFO, "It was cancelled before"
    if run.status == BacktestRun.Status.CANCELLED:
        return messages.SUCCESS, "Cancelled"
    if before == BacktestRun.Status.CANCELLING:
        return messages.INFO, "Its worker had been asked before"
    return messages.SUCCESS, "Its worker has been asked to stop"
