"""Starting and stopping live runs: one per account, and every step with its reason."""

import threading

import pytest

from bots import services
from bots.errors import AccountBusy, Conflict, IdempotencyMismatch, Invalid, NotStartable
from bots.models import LiveRun
from bots.services import live
from tests.factories import BotVersionFactory, InstrumentSpecificationFactory, LiveRunFactory, UserFactory


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    ids: list[str] = []
    monkeypatch.setattr(live, "send", lambda task, live_run_id: ids.append(live_run_id))
    return ids


@pytest.fixture
def version(db):
    InstrumentSpecificationFactory()
    return BotVersionFactory()


def start(version, **kwargs):
    arguments = {"user": version.bot.created_by, "bot_version": version, "instrument_symbol": "EURUSD"}
    return services.start_bot_live_run(**(arguments | kwargs))


def test_a_started_run_is_pending_on_the_bot_s_account_and_sent(version, sent):
    run = start(version)
    assert (run.status, run.account) == ("PENDING", version.bot.account)
    assert sent == [str(run.pk)]
    assert [(e.kind, e.actor) for e in run.events.all()] == [("created", version.bot.created_by)]


def test_an_account_runs_one_bot_at_a_time(version, sent):
    run = start(version)
    other = BotVersionFactory(bot__account=version.bot.account, bot__created_by=version.bot.created_by)
    with pytest.raises(AccountBusy) as busy:
        start(other)
    assert busy.value.extra == {"active_session_id": str(run.pk)}
    assert sent == [str(run.pk)]


def test_a_stopped_run_frees_its_account(version, sent):
    services.stop_bot_live_run(start(version), user=version.bot.created_by)
    assert start(version).status == "PENDING"


def test_what_cannot_trade_is_not_started(version, sent):
    bot = version.bot
    for change, complaint in (
        ({"is_active": False}, "not active"),
        ({"account": None}, "no account"),
    ):
        for name, value in change.items():
            before = getattr(bot, name)
            setattr(bot, name, value)
            with pytest.raises(NotStartable, match=complaint):
                start(version)
            setattr(bot, name, before)
    bot.account.is_active = False
    with pytest.raises(NotStartable, match="not active"):
        start(version)
    with pytest.raises(Invalid, match="NOPE"):
        start(version, instrument_symbol="NOPE")
    assert not LiveRun.objects.exists()
    assert sent == []


def test_one_key_starts_one_run(version, sent):
    first, second = (start(version, idempotency_key="k") for _ in range(2))
    assert first == second
    assert sent == [str(first.pk)]
    with pytest.raises(IdempotencyMismatch):
        start(version, idempotency_key="k", timeframe="H1")


@pytest.mark.django_db(transaction=True)
@pytest.mark.parametrize("key", [None, "same"])
def test_two_starts_at_the_same_moment_make_one_run(monkeypatch, key):
    from django.db import connection

    InstrumentSpecificationFactory()
    version = BotVersionFactory()
    monkeypatch.setattr(live, "send", lambda task, **kwargs: None)
    outcomes = []

    def attempt() -> None:
        try:
            outcomes.append(start(version, idempotency_key=key).pk)
        except AccountBusy:
            outcomes.append("busy")
        finally:
            connection.close()

    threads = [threading.Thread(target=attempt) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run = LiveRun.objects.get()
    expected = {run.pk} if key else {run.pk, "busy"}
    assert set(outcomes) == expected
    assert len(outcomes) == 6


@pytest.mark.django_db
def test_stopping_a_claimed_run_asks_its_worker():
    run, user = LiveRunFactory(), UserFactory()
    assert LiveRun.objects.claim(run.pk, worker="w")
    assert services.stop_bot_live_run(run, user=user, reason="news").status == "STOPPING"
    assert services.stop_bot_live_run(run, user=user).status == "STOPPING"  # again: harmless
    assert [(e.kind, e.actor, e.message) for e in run.events.all()] == [("stopping", user, "news")]


@pytest.mark.django_db
def test_an_ended_run_cannot_be_stopped_into_something_else():
    stopped, failed = LiveRunFactory(status="STOPPED"), LiveRunFactory(status="ERROR")
    assert services.stop_bot_live_run(stopped, user=UserFactory()).status == "STOPPED"
    with pytest.raises(Conflict):
        services.stop_bot_live_run(failed, user=UserFactory())


@pytest.mark.django_db
def test_the_loop_hands_over_when_its_worker_shuts_down(settings):
    run = LiveRunFactory()
    shutdown = threading.Event()
    shutdown.set()
    services.run_live_loop(str(run.pk), worker="w", shutdown=shutdown)
    run.refresh_from_db()
    assert run.status == "RUNNING"
    assert LiveRun.objects.claimable().filter(pk=run.pk).exists()
    assert [e.kind for e in run.events.all()] == ["claimed", "released"]


@pytest.mark.django_db
def test_the_loop_leaves_a_run_that_is_taken_from_it_alone(monkeypatch):
    from bots.services import live_execution

    run = LiveRunFactory()
    monkeypatch.setattr(live_execution, "POLL_S", 0)
    real = LiveRun.objects.renew

    def stolen(lease, **fields):
        LiveRun.objects.filter(pk=lease.run_id).update(attempt=99)
        return real(lease, **fields)

    monkeypatch.setattr(LiveRun.objects, "renew", stolen)
    services.run_live_loop(str(run.pk), worker="w", shutdown=threading.Event())
    run.refresh_from_db()
    assert (run.status, run.attempt) == ("RUNNING", 99)
    assert "stopped" not in [e.kind for e in run.events.all()]
