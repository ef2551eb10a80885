"""What the database refuses about bots and runs, however the row gets there."""

from datetime import timedelta

import pytest
from django.apps import apps
from django.db import IntegrityError, transaction
from django.db.models import ProtectedError

from bots.models import BacktestRun, Bot, BotVersion, LiveRun
from tests.factories import (
    BacktestConfigFactory,
    BacktestRunFactory,
    BotFactory,
    BotVersionFactory,
    LiveRunFactory,
    UserFactory,
)

pytestmark = pytest.mark.django_db


def one_version_twice() -> None:
    first = BotVersionFactory()
    BotVersionFactory(bot=first.bot, code_hash=first.code_hash)


def two_active_runs_on_one_account() -> None:
    first = LiveRunFactory()
    LiveRunFactory(bot_version=first.bot_version)


def backtest_key_twice() -> None:
    first = BacktestRunFactory(idempotency_key="once")
    BacktestRunFactory(config=first.config, idempotency_key="once")


def live_key_twice() -> None:
    first = LiveRunFactory(status="STOPPED", idempotency_key="once")
    LiveRunFactory(bot_version=first.bot_version, idempotency_key="once")


def empty_window() -> None:
    run = BacktestRunFactory()
    BacktestRun.objects.update(data_window_end=run.data_window_start)


def backward_window() -> None:
    run = BacktestRunFactory()
    BacktestRun.objects.update(data_window_end=run.data_window_start - timedelta(minutes=1))


VIOLATIONS = {
    "version_unique_per_bot": [one_version_twice],
    "config_timeframe_known": [lambda: BacktestConfigFactory(timeframe="M2")],
    "config_intrabar_known": [lambda: BacktestConfigFactory(intrabar="lucky")],
    "config_equity_positive": [
        lambda: BacktestConfigFactory(initial_equity=0),
        lambda: BacktestConfigFactory(initial_equity=-1),
    ],
    "config_costs_not_negative": [
        lambda: BacktestConfigFactory(slippage_r=-1),
        lambda: BacktestConfigFactory(commission_per_lot=-1),
    ],
    "config_leverage_positive": [
        lambda: BacktestConfigFactory(leverage=0),
        lambda: BacktestConfigFactory(leverage=-1),
    ],
    "config_stop_out_is_per_cent": [
        lambda: BacktestConfigFactory(stop_out_level=-1),
        lambda: BacktestConfigFactory(stop_out_level=101),
    ],
    "config_rollover_is_a_time_somewhere": [
        *[lambda at=at: BacktestConfigFactory(rollover_time=at) for at in ("", "24:00", "17:60", "7:00", "noon")],
        lambda: BacktestConfigFactory(rollover_timezone=""),
    ],
    "config_warmup_bounded": [lambda: BacktestConfigFactory(warmup_bars=100_001)],
    "backtest_symbols_begin_with_the_first": [
        lambda: BacktestRunFactory(instrument_symbols=[]),
        lambda: BacktestRunFactory(instrument_symbols=["GBPUSD", "EURUSD"]),
        lambda: BacktestRunFactory(instrument_symbols=["EURUSD", *map(str, range(20))]),
    ],
    "backtest_window_ordered": [empty_window, backward_window],
    "backtest_status_known": [lambda: BacktestRunFactory(status="DONE"), lambda: BacktestRunFactory(status="running")],
    "backtest_launched_once_per_key": [backtest_key_twice],
    "live_status_known": [lambda: LiveRunFactory(status="CANCELLED"), lambda: LiveRunFactory(status="")],
    "live_one_active_per_account": [two_active_runs_on_one_account],
    "live_started_once_per_key": [live_key_twice],
}


@pytest.mark.parametrize(
    ("constraint", "violate"),
    [(constraint, violate) for constraint, ways in VIOLATIONS.items() for violate in ways],
)
def test_the_database_refuses(constraint, violate):
    with pytest.raises(IntegrityError, match=constraint):
        violate()


def test_every_constraint_is_tried_above():
    ours = {c.name for model in apps.get_app_config("bots").get_models() for c in model._meta.constraints}
    assert ours == set(VIOLATIONS)


def test_a_run_may_have_as_many_symbols_as_the_limit_says():
    symbols = ["EURUSD", *map(str, range(19))]
    assert BacktestRunFactory(instrument_symbols=symbols).instrument_symbols == symbols


@pytest.mark.parametrize(
    ("symbols", "text"), [(["A"], "A"), (["A", "B"], "A, B"), (["A", "B", "C"], "A, B +1"), (list("ABCDE"), "A, B +3")]
)
def test_a_run_is_named_by_its_symbols(symbols, text):
    run = BacktestRunFactory.build(instrument_symbol="A", instrument_symbols=symbols, config=None, created_by=None)
    assert str(run) == f"{text} 2025-01-06..2025-01-08"


@pytest.mark.parametrize("status", BacktestRun.Status.values)
def test_every_status_of_a_backtest_can_be_stored(status):
    assert BacktestRunFactory(status=status).status == status


@pytest.mark.parametrize("status", LiveRun.Status.values)
def test_every_status_of_a_live_run_can_be_stored(status):
    assert LiveRunFactory(status=status).status == status


@pytest.mark.parametrize("first", sorted(LiveRun.ACTIVE))
@pytest.mark.parametrize("second", sorted(LiveRun.ACTIVE))
def test_an_account_never_has_two_runs_in_active_states(first, second):
    run = LiveRunFactory(status=first)
    with pytest.raises(IntegrityError, match="live_one_active_per_account"), transaction.atomic():
        LiveRunFactory(bot_version=run.bot_version, status=second)
    assert LiveRun.objects.filter(account=run.account).count() == 1


@pytest.mark.parametrize("ended", sorted(LiveRun.TERMINAL))
def test_an_account_is_free_again_when_its_run_has_ended(ended):
    first = LiveRunFactory(status=ended)
    LiveRunFactory(bot_version=first.bot_version)
    assert LiveRun.objects.filter(account=first.account).count() == 2


def test_the_same_source_may_be_a_version_of_two_bots():
    first = BotVersionFactory()
    BotVersionFactory(code_hash=first.code_hash)
    assert BotVersion.objects.filter(code_hash=first.code_hash).count() == 2


def test_runs_without_a_key_do_not_collide_and_two_users_may_use_one_key():
    config = BacktestConfigFactory()
    for _ in range(2):
        BacktestRunFactory(config=config, idempotency_key=None)
    BacktestRunFactory(config=config, idempotency_key="k")
    BacktestRunFactory(config=config, idempotency_key="k", created_by=UserFactory())
    assert BacktestRun.objects.count() == 4


@pytest.mark.parametrize("row", ["config", "bot_version", "bot", "created_by"])
def test_nothing_a_backtest_was_made_with_can_be_deleted(row):
    run = BacktestRunFactory()
    used = {
        "config": run.config,
        "bot_version": run.config.bot_version,
        "bot": run.config.bot_version.bot,
        "created_by": run.created_by,
    }[row]
    with pytest.raises(ProtectedError):
        used.delete()
    assert BacktestRun.objects.filter(pk=run.pk).exists()


@pytest.mark.parametrize("row", ["bot_version", "account", "created_by"])
def test_nothing_a_live_run_was_made_with_can_be_deleted(row):
    run = LiveRunFactory()
    with pytest.raises(ProtectedError):
        getattr(run, row).delete()
    assert LiveRun.objects.filter(pk=run.pk).exists()


def test_a_bot_without_runs_goes_with_its_versions_and_configs_and_outlives_its_account():
    config = BacktestConfigFactory()
    bot = config.bot_version.bot
    bot.account.delete()
    bot.refresh_from_db()
    assert bot.account is None
    bot.delete()
    assert not BotVersion.objects.exists()
    assert not Bot.objects.exists()


def test_lists_leave_the_heavy_columns_in_the_database():
    BacktestRunFactory()
    run = BacktestRun.objects.light().get()
    assert run.get_deferred_fields() == {
        "equity_curve", "simulated_trades_log", "stats", "warnings", "refusals", "error_traceback",
        "instrument_snapshot", "settings_snapshot", "data_snapshot",
    }  # fmt: skip
    BotFactory()
    BotVersionFactory()
    assert BotVersion.objects.without_code().first().get_deferred_fields() == {"code"}


@pytest.mark.parametrize(
    ("status", "done", "total", "progress"),
    [("PENDING", 0, 0, 0.0), ("RUNNING", 25, 100, 0.25), ("FAILED", 25, 100, 0.25), ("COMPLETED", 0, 0, 1.0)],
)
def test_progress_is_the_share_of_the_bars(status, done, total, progress):
    assert BacktestRun(status=status, bars_done=done, bars_total=total).progress == progress
