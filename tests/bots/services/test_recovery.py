"""Runs that nobody works on are found and sent again; what is worked on is left alone."""

from datetime import timedelta

import pytest
from django.db.models.functions import Now

from bots.dispatch import BrokerAway
from bots.models import BacktestRun, LiveRun
from bots.services import recovery
from tests.factories import BacktestRunFactory, LiveRunFactory

pytestmark = pytest.mark.django_db

LONG_AGO = timedelta(hours=1)


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """What would have gone to Celery."""
    messages: list[tuple[str, dict[str, object]]] = []
    monkeypatch.setattr(recovery, "send", lambda task, **kwargs: messages.append((task, kwargs)))
    monkeypatch.setattr(recovery, "waiting", lambda queue: 0)
    return messages


def age(run: BacktestRun | LiveRun) -> None:
    type(run).objects.filter(pk=run.pk).update(queued_at=Now() - LONG_AGO)


def lose_worker(run: BacktestRun | LiveRun) -> None:
    type(run).objects.filter(pk=run.pk).update(lease_expires_at=Now() - LONG_AGO, queued_at=Now() - LONG_AGO)


def test_a_pending_run_whose_message_was_lost_is_sent_again_once(sent):
    run = BacktestRunFactory()
    age(run)
    recovery.recover_runs()
    recovery.recover_runs()  # it was queued a moment ago
    assert sent == [("bots.tasks.run_backtest", {"backtest_run_id": str(run.pk)})]


def test_a_fresh_pending_run_is_left_alone(sent):
    BacktestRunFactory()
    recovery.recover_runs()
    assert sent == []


def test_pending_runs_that_stand_in_the_queue_are_left_alone(sent, monkeypatch):
    for _ in range(3):
        age(BacktestRunFactory())
    monkeypatch.setattr(recovery, "waiting", lambda queue: 3)
    recovery.recover_runs()
    assert sent == []


def test_only_as_many_are_sent_as_the_queue_lacks_and_the_oldest_first(sent, monkeypatch):
    oldest, *others = [BacktestRunFactory() for _ in range(3)]
    for run in others:
        age(run)
    BacktestRun.objects.filter(pk=oldest.pk).update(queued_at=Now() - 2 * LONG_AGO)
    monkeypatch.setattr(recovery, "waiting", lambda queue: 2 if queue == "backtests" else 0)
    recovery.recover_runs()
    assert [kwargs["backtest_run_id"] for _, kwargs in sent] == [str(oldest.pk)]


def test_a_run_whose_lease_ran_out_is_sent_again_however_long_the_queue(sent, monkeypatch):
    run = BacktestRunFactory()
    assert BacktestRun.objects.claim(run.pk, worker="gone")
    lose_worker(run)
    monkeypatch.setattr(recovery, "waiting", lambda queue: 1000)
    recovery.recover_runs()
    assert [kwargs["backtest_run_id"] for _, kwargs in sent] == [str(run.pk)]


def test_a_run_with_a_living_worker_is_left_alone(sent):
    run = BacktestRunFactory()
    assert BacktestRun.objects.claim(run.pk, worker="alive")
    age(run)
    recovery.recover_runs()
    assert sent == []


def test_finished_runs_are_left_alone(sent):
    for status in BacktestRun.TERMINAL:
        run = BacktestRunFactory(status=status)
        lose_worker(run)
    recovery.recover_runs()
    assert sent == []


def test_a_backtest_that_lost_its_last_attempt_fails_with_the_reason(sent, settings):
    run = BacktestRunFactory()
    for _ in range(settings.BACKTEST_MAX_ATTEMPTS):
        assert BacktestRun.objects.claim(run.pk, worker="gone")
        lose_worker(run)
    recovery.recover_runs()
    run.refresh_from_db()
    assert (run.status, run.error_code) == ("FAILED", "worker_lost")
    assert run.finished_at is not None
    assert sent == []


def test_a_cancelling_run_whose_worker_is_gone_is_cancelled(sent):
    run = BacktestRunFactory()
    assert BacktestRun.objects.claim(run.pk, worker="gone")
    BacktestRun.objects.filter(pk=run.pk).transition(BacktestRun.Status.CANCELLING)
    lose_worker(run)
    recovery.recover_runs()
    run.refresh_from_db()
    assert run.status == "CANCELLED"
    assert sent == []


def test_a_live_run_is_sent_again_without_limit_and_each_time_is_noted(sent, settings):
    run = LiveRunFactory()
    for _ in range(settings.BACKTEST_MAX_ATTEMPTS + 2):
        assert LiveRun.objects.claim(run.pk, worker="gone")
        lose_worker(run)
        recovery.recover_runs()
    run.refresh_from_db()
    assert run.status == "RUNNING"
    assert [kwargs["live_run_id"] for _, kwargs in sent] == [str(run.pk)] * 5
    assert run.events.filter(kind="resent").count() == 5


def test_a_broker_that_is_away_stops_nothing_else(sent, monkeypatch):
    def away(queue: str) -> int:
        raise BrokerAway("gone")

    run = BacktestRunFactory()
    assert BacktestRun.objects.claim(run.pk, worker="gone")
    BacktestRun.objects.filter(pk=run.pk).transition(BacktestRun.Status.CANCELLING)
    lose_worker(run)
    monkeypatch.setattr(recovery, "waiting", away)
    recovery.recover_runs()
    run.refresh_from_db()
    assert run.status == "CANCELLED"
