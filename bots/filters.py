"""Filters of the lists. Rows of other rooms are named by plain ids: a choice would tell which ones exist."""

import django_filters as filters
from django.db.models import QuerySet

from accounts.filters import IdFilter, MomentFilter, StrictFilterSet
from bots.models import BacktestConfig, BacktestRun, Bot, BotVersion, LiveRun


class CreatedFilter(StrictFilterSet):
    created_after = MomentFilter(field_name="created_at", lookup_expr="gte")
    created_before = MomentFilter(field_name="created_at", lookup_expr="lt")


class BotFilter(CreatedFilter):
    account = IdFilter()

    class Meta:
        model = Bot
        fields = ["is_active", "strategy_template"]


class BotVersionFilter(CreatedFilter):
    bot = IdFilter()

    class Meta:
        model = BotVersion
        fields = ["code_hash"]


class BacktestConfigFilter(CreatedFilter):
    bot = IdFilter(field_name="bot_version__bot")
    bot_version = IdFilter()

    class Meta:
        model = BacktestConfig
        fields = ["timeframe"]


class BacktestRunFilter(CreatedFilter):
    bot = IdFilter(field_name="config__bot_version__bot")
    bot_version = IdFilter(field_name="config__bot_version")
    config = IdFilter()
    instrument_symbol = filters.CharFilter(method="trading", max_length=29, label="One of the run's symbols")

    class Meta:
        model = BacktestRun
        fields = ["status"]

    def trading(self, runs: QuerySet[BacktestRun], name: str, symbol: str) -> QuerySet[BacktestRun]:
        """Runs of one or several symbols, this one among them."""
        return runs.filter(instrument_symbols__contains=[symbol])


class LiveRunFilter(CreatedFilter):
    bot = IdFilter(field_name="bot_version__bot")
    bot_version = IdFilter()
    account = IdFilter()

    class Meta:
        model = LiveRun
        fields = ["status", "instrument_symbol"]
