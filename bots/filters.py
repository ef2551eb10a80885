"""Filters of the lists. Rows of other rooms are named by plain ids: a choice would tell which ones exist."""

import django_filters as filters

from accounts.filters import MomentFilter, StrictFilterSet
from bots.models import BacktestConfig, BacktestRun, Bot, BotVersion, LiveRun


class CreatedFilter(StrictFilterSet):
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")


class BotFilter(CreatedFilter):
    account = filters.UUIDFilter()

    class Meta:
        model = Bot
        fields = ["is_active", "strategy_template"]


class BotVersionFilter(CreatedFilter):
    bot = filters.UUIDFilter()

    class Meta:
        model = BotVersion
        fields = ["code_hash"]


class BacktestConfigFilter(CreatedFilter):
    bot = filters.UUIDFilter(field_name="bot_version__bot")
    bot_version = filters.UUIDFilter()

    class Meta:
        model = BacktestConfig
        fields = ["timeframe"]


class BacktestRunFilter(CreatedFilter):
    bot = filters.UUIDFilter(field_name="config__bot_version__bot")
    bot_version = filters.UUIDFilter(field_name="config__bot_version")
    config = filters.UUIDFilter()

    class Meta:
        model = BacktestRun
        fields = ["status", "instrument_symbol"]


class LiveRunFilter(CreatedFilter):
    bot = filters.UUIDFilter(field_name="bot_version__bot")
    bot_version = filters.UUIDFilter()
    account = filters.UUIDFilter()

    class Meta:
        model = LiveRun
        fields = ["status", "instrument_symbol"]
