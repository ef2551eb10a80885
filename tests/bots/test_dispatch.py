"""Messages leave after commit, never after a rollback, and a broker that is away fails nobody's request."""

import pytest
from celery import current_app
from django.conf import settings
from django.db import transaction

from bots import dispatch


@pytest.fixture
def queue(embedded_services):
    """An empty queue on the real broker; returns its length."""
    name = "test-dispatch"

    def length() -> int:
        return dispatch.waiting(name)

    with current_app.connection_for_write() as connection:
        connection.default_channel.queue_declare(name)
        connection.default_channel.queue_purge(name)
    yield name, length
    with current_app.connection_for_write() as connection:
        connection.default_channel.queue_purge(name)


@pytest.fixture
def routed(queue, monkeypatch):
    monkeypatch.setitem(current_app.conf.task_routes, "bots.tasks.run_backtest", {"queue": queue[0]})
    current_app.amqp.flush_routes()
    yield queue[1]
    monkeypatch.undo()
    current_app.amqp.flush_routes()


@pytest.mark.django_db(transaction=True)
def test_a_message_leaves_after_commit_only(routed):
    with transaction.atomic():
        dispatch.send("bots.tasks.run_backtest", backtest_run_id="x")
        assert routed() == 0
    assert routed() == 1


@pytest.mark.django_db(transaction=True)
def test_a_rollback_sends_nothing(routed):
    with transaction.atomic():
        dispatch.send("bots.tasks.run_backtest", backtest_run_id="x")
        transaction.set_rollback(True)
    assert routed() == 0


def test_every_task_that_is_sent_or_routed_is_registered():
    import bots.tasks

    names = {"bots.tasks.run_backtest", "bots.tasks.live_loop", *settings.CELERY_TASK_ROUTES}
    names |= {entry["task"] for entry in settings.CELERY_BEAT_SCHEDULE.values()}
    assert bots.tasks.run_backtest.name in current_app.tasks
    assert names <= set(current_app.tasks)


def test_messages_are_json_acknowledged_early_and_their_results_ignored():
    conf = current_app.conf
    assert (conf.task_serializer, list(conf.accept_content)) == ("json", ["json"])
    assert conf.task_acks_late is False
    assert conf.task_ignore_result is True
    assert conf.worker_prefetch_multiplier == 1


def test_unknown_arguments_of_a_newer_release_are_tolerated(monkeypatch):
    import bots.tasks

    seen = []
    monkeypatch.setattr(bots.tasks.services, "execute_backtest", lambda run_id, **kwargs: seen.append(run_id))
    bots.tasks.run_backtest(backtest_run_id="x", priority=9)
    assert seen == ["x"]
