"""Bots, versions and configs."""

from typing import Any

from django import forms
from django.contrib import admin, messages
from django.db.models import Count, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect

from bots.admin.pages import KEPT, LinkedAdmin, ReadOnlyAdmin, list_link, object_link, preformatted, pretty_json
from bots.errors import InUse
from bots.models import BacktestConfig, BacktestRun, Bot, BotVersion, LiveRun
from bots.selectors import strategy_template_names
from bots.services import create_default_bot_version, update_config


class BotForm(forms.ModelForm):  # type: ignore[type-arg] # not generic at run time
    """A template is chosen among those that are there."""

    class Meta:
        model = Bot
        fields = ("name", "strategy_template", "account", "is_active")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "strategy_template" in self.fields:  # not when it is only shown
            choices = [(name, name) for name in strategy_template_names()]
            self.fields["strategy_template"] = forms.ChoiceField(choices=choices)
        if "account" in self.fields:  # an account is not deleted in passing
            self.fields["account"].widget.can_delete_related = False


@admin.register(Bot)
class BotAdmin(LinkedAdmin):
    form = BotForm
    list_display = ("name", "strategy_template", "account", "created_by", "is_active", "versions", "runs", "created_at")
    list_filter = ("is_active", "strategy_template", ("created_by", admin.RelatedOnlyFieldListFilter))
    search_fields = ("id", "name", "strategy_template", "account__name", "created_by__username")
    date_hierarchy = "created_at"
    list_select_related = ("account", "created_by")
    autocomplete_fields = ("account",)
    readonly_fields = ("id", "created_by", "versions", "configs", "runs", "live_runs", "created_at", "updated_at")
    fieldsets = (
        (None, {"fields": ("name", "strategy_template", "account", "is_active", "created_by")}),
        ("Related", {"fields": ("versions", "configs", "runs", "live_runs"), "description": KEPT}),
        ("Identity", {"fields": ("id", "created_at", "updated_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[Bot]:
        return Bot.objects.annotate(versions_count=Count("versions"))

    def is_in_use(self, row: Any) -> bool:
        runs = BacktestRun.objects.filter(config__bot_version__bot=row)
        return runs.exists() or LiveRun.objects.filter(bot_version__bot=row).exists()

    def get_fieldsets(self, request: HttpRequest, obj: Bot | None = None) -> Any:
        if obj is None:
            return [(None, {"fields": ("name", "strategy_template", "account", "is_active")})]
        return super().get_fieldsets(request, obj)

    def get_readonly_fields(self, request: HttpRequest, obj: Bot | None = None) -> Any:
        """The template names the file of every stored version, so it is chosen once."""
        return self.readonly_fields if obj is None else (*self.readonly_fields, "strategy_template")

    def save_model(self, request: HttpRequest, obj: Bot, form: Any, change: bool) -> None:
        if change:
            super().save_model(request, obj, form, change)
            return
        obj.created_by = request.user  # type: ignore[assignment] # the admin lets nobody in anonymously
        super().save_model(request, obj, form, change)
        create_default_bot_version(obj)

    @admin.display(ordering="versions_count")
    def versions(self, bot: Bot) -> str:
        return list_link(BotVersion, str(bot.versions_count), bot__id__exact=bot.pk)  # type: ignore[attr-defined]

    @admin.display(description="backtest configs")
    def configs(self, bot: Bot) -> str:
        return list_link(BacktestConfig, "Configs of this bot", bot_version__bot__id__exact=bot.pk)

    @admin.display(description="backtests")
    def runs(self, bot: Bot) -> str:
        return list_link(BacktestRun, "Backtests", config__bot_version__bot__id__exact=bot.pk)

    @admin.display(description="live runs")
    def live_runs(self, bot: Bot) -> str:
        return list_link(LiveRun, "Live runs", bot_version__bot__id__exact=bot.pk)


@admin.register(BotVersion)
class BotVersionAdmin(ReadOnlyAdmin):
    """Versions are made by uploading source: only then it is checked and hashed."""

    list_display = ("hash", "bot_link", "owner", "notes", "configs", "live_runs", "created_at")
    list_filter = ("bot__strategy_template", ("bot__created_by", admin.RelatedOnlyFieldListFilter))
    search_fields = ("id", "code_hash", "bot__name", "notes")
    date_hierarchy = "created_at"
    list_select_related = ("bot__created_by",)
    linked_by = ("bot__id__exact",)
    fieldsets = (
        (None, {"fields": ("bot_link", "notes", "created_at", "configs", "live_runs"), "description": KEPT}),
        ("What runs", {"fields": ("parameters", "source")}),
        ("Identity", {"fields": ("id", "code_hash")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[BotVersion]:
        return super().get_queryset(request).defer("code", "params")

    def is_in_use(self, row: Any) -> bool:
        runs = BacktestRun.objects.filter(config__bot_version=row)
        return runs.exists() or super().is_in_use(row)

    @admin.display(description="version", ordering="code_hash")
    def hash(self, version: BotVersion) -> str:
        return version.code_hash[:12]

    @admin.display(description="bot", ordering="bot__name")
    def bot_link(self, version: BotVersion) -> str:
        return object_link(version.bot)

    @admin.display(ordering="bot__created_by__username")
    def owner(self, version: BotVersion) -> str:
        return version.bot.created_by.get_username()

    @admin.display(description="backtest configs")
    def configs(self, version: BotVersion) -> str:
        return list_link(BacktestConfig, "Configs", bot_version__id__exact=version.pk)

    @admin.display(description="live runs")
    def live_runs(self, version: BotVersion) -> str:
        return list_link(LiveRun, "Live runs", bot_version__id__exact=version.pk)

    @admin.display
    def parameters(self, version: BotVersion) -> str:
        return pretty_json(version.params)

    @admin.display
    def source(self, version: BotVersion) -> str:
        return preformatted(version.code)


@admin.register(BacktestConfig)
class BacktestConfigAdmin(LinkedAdmin):
    """Editable until the first run was made with it: results must stay explained."""

    list_display = (
        "name", "bot_link", "version_link", "timeframe", "initial_equity", "intrabar", "runs", "created_at",
    )  # fmt: skip
    list_filter = ("timeframe", "intrabar", ("bot_version__bot__created_by", admin.RelatedOnlyFieldListFilter))
    search_fields = ("id", "label", "bot_version__bot__name", "bot_version__code_hash")
    date_hierarchy = "created_at"
    linked_by = ("bot_version__id__exact", "bot_version__bot__id__exact")
    readonly_fields = ("id", "bot_link", "version_link", "risk", "runs", "created_at")
    fieldsets = (
        (None, {"fields": ("label", "bot_link", "version_link", "runs"), "description": KEPT}),
        ("Account", {"fields": ("timeframe", "warmup_bars", "initial_equity", "leverage", "stop_out_level", "risk")}),
        ("Costs", {"fields": ("spread_points", "commission_per_lot", "slippage_ms", "slippage_r", "intrabar")}),
        ("Rollover", {"fields": ("rollover_time", "rollover_timezone")}),
        ("Identity", {"fields": ("id", "created_at")}),
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet[BacktestConfig]:
        configs = super().get_queryset(request).select_related("bot_version__bot")
        return configs.defer("risk_json", "bot_version__code", "bot_version__params")

    def has_add_permission(self, request: HttpRequest) -> bool:
        return False  # made over the API, where the risk settings are checked

    def has_change_permission(self, request: HttpRequest, obj: BacktestConfig | None = None) -> bool:
        return super().has_change_permission(request, obj) and (obj is None or not obj.runs.exists())

    def save_model(self, request: HttpRequest, obj: BacktestConfig, form: Any, change: bool) -> None:
        update_config(obj, {name: form.cleaned_data[name] for name in form.changed_data})

    def change_view(self, request: HttpRequest, object_id: str, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            return super().change_view(request, object_id, *args, **kwargs)
        except InUse as error:  # a run was launched while the form was open
            self.message_user(request, error.message, messages.ERROR)
            return HttpResponseRedirect(request.get_full_path())

    @admin.display(description="config", ordering="label")
    def name(self, config: BacktestConfig) -> str:
        return str(config)

    @admin.display(description="bot", ordering="bot_version__bot__name")
    def bot_link(self, config: BacktestConfig) -> str:
        return object_link(config.bot_version.bot)

    @admin.display(description="version")
    def version_link(self, config: BacktestConfig) -> str:
        return object_link(config.bot_version, config.bot_version.code_hash[:12])

    @admin.display(description="backtests")
    def runs(self, config: BacktestConfig) -> str:
        return list_link(BacktestRun, "Backtests", config__id__exact=config.pk)

    @admin.display(description="risk settings")
    def risk(self, config: BacktestConfig) -> str:
        return pretty_json(config.risk_json)
