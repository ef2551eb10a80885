"""Filters of the lists."""

import django_filters as filters

from bots.models import BacktestConfig, BacktestRun, Bot, BotVersion, LiveRun


class CreatedFilter(filters.FilterSet):
    created_after = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="gte")
    created_before = filters.IsoDateTimeFilter(field_name="created_at", lookup_expr="lt")


class BotFilter(CreatedFilter):
    class Meta:
        model = Bot
        fields = ["is_active", "strategy_template", "account"]


class BotVersionFilter(CreatedFilter):
    class Meta:
        model = BotVersion
        fields = ["bot", "code_hash"]


class BacktestConfigFilter(CreatedFilter):
    bot = filters.UUIDFilter(field_name="bot_version__bot")

    class Meta:
        model = BacktestConfig
        fields = ["bot_version", "timeframe"]


class BacktestRunFilter(CreatedFilter):
    bot = filters.UUIDFilter(field_name="config__bot_version__bot")
    bot_version = filters.UUIDFilter(field_name="config__bot_version")

    class Meta:
        model = BacktestRun
        fields = ["config", "status", "instrument_symbol"]


class LiveRunFilter(CreatedFilter):
    bot = filters.UUIDFilter(field_name="bot_version__bot")

    class Meta:
        model = LiveRun
        fields = ["bot_version", "account", "status", "instrument_symbol"]
