"""Rows for tests, with the least that makes them valid."""

from datetime import UTC, datetime
from decimal import Decimal

import factory
from factory.django import DjangoModelFactory

from accounts.models import Account, User
from bots.models import BacktestConfig, BacktestRun, Bot, BotVersion, LiveRun
from trading.models import InstrumentSpecification


class UserFactory(DjangoModelFactory):
    class Meta:
        model = User
        skip_postgeneration_save = True

    username = factory.Sequence(lambda n: f"trader{n}")
    password = factory.django.Password("a-long-password")


class AccountFactory(DjangoModelFactory):
    class Meta:
        model = Account

    user = factory.SubFactory(UserFactory)
    name = factory.Sequence(lambda n: f"Paper {n}")
    balance = Decimal("10000.00")
    equity = Decimal("10000.00")


class InstrumentSpecificationFactory(DjangoModelFactory):
    class Meta:
        model = InstrumentSpecification
        django_get_or_create = ("symbol",)

    symbol = "EURUSD"
    digits = 5
    contract_size = Decimal(100_000)
    base_currency = "EUR"
    quote_currency = "USD"
    margin_currency = "EUR"
    min_volume = Decimal("0.01")
    max_volume = Decimal(100)
    volume_step = Decimal("0.01")
    tick_size = Decimal("0.00001")
    tick_value = Decimal(1)


class BotFactory(DjangoModelFactory):
    class Meta:
        model = Bot

    name = factory.Sequence(lambda n: f"Bot {n}")
    strategy_template = "ema_crossover_v1.py"
    created_by = factory.SubFactory(UserFactory)
    account = factory.SubFactory(AccountFactory, user=factory.SelfAttribute("..created_by"))


class BotVersionFactory(DjangoModelFactory):
    class Meta:
        model = BotVersion

    bot = factory.SubFactory(BotFactory)
    code_hash = factory.Sequence(lambda n: f"{n:064x}")
    code = "class Strategy: ..."


class BacktestConfigFactory(DjangoModelFactory):
    class Meta:
        model = BacktestConfig

    bot_version = factory.SubFactory(BotVersionFactory)


class BacktestRunFactory(DjangoModelFactory):
    class Meta:
        model = BacktestRun

    config = factory.SubFactory(BacktestConfigFactory)
    created_by = factory.SelfAttribute("config.bot_version.bot.created_by")
    instrument_symbol = "EURUSD"
    instrument_symbols = factory.LazyAttribute(lambda run: [run.instrument_symbol])
    data_window_start = datetime(2025, 1, 6, tzinfo=UTC)
    data_window_end = datetime(2025, 1, 8, tzinfo=UTC)


class LiveRunFactory(DjangoModelFactory):
    class Meta:
        model = LiveRun

    bot_version = factory.SubFactory(BotVersionFactory)
    account = factory.SelfAttribute("bot_version.bot.account")
    created_by = factory.SelfAttribute("bot_version.bot.created_by")
    instrument_symbol = "EURUSD"
