"""Every pair of states, legal or not. The tables here are written out, not taken from the models."""

from itertools import product

import pytest

from bots.models import BacktestRun, LiveRun
from tests.factories import BacktestRunFactory, LiveRunFactory

pytestmark = pytest.mark.django_db

BACKTEST_LEGAL = {
    ("PENDING", "RUNNING"),
    ("PENDING", "CANCELLED"),
    ("PENDING", "FAILED"),
    ("RUNNING", "COMPLETED"),
    ("RUNNING", "FAILED"),
    ("RUNNING", "CANCELLING"),
    ("CANCELLING", "CANCELLED"),
    ("CANCELLING", "FAILED"),
}
BACKTEST_STAMP = {
    "RUNNING": "started_at",
    "CANCELLING": "cancelling_at",
    "COMPLETED": "finished_at",
    "FAILED": "finished_at",
    "CANCELLED": "finished_at",
}
LIVE_LEGAL = {
    ("PENDING", "RUNNING"),
    ("PENDING", "STOPPING"),
    ("PENDING", "ERROR"),
    ("RUNNING", "STOPPING"),
    ("RUNNING", "ERROR"),
    ("STOPPING", "STOPPED"),
    ("STOPPING", "ERROR"),
}
LIVE_STAMP = {"RUNNING": "started_at", "STOPPING": "stopping_at", "STOPPED": "stopped_at", "ERROR": "stopped_at"}

CASES = [
    *[
        (BacktestRunFactory, *pair, pair in BACKTEST_LEGAL, BACKTEST_STAMP)
        for pair in product(BacktestRun.Status.values, repeat=2)
    ],
    *[(LiveRunFactory, *pair, pair in LIVE_LEGAL, LIVE_STAMP) for pair in product(LiveRun.Status.values, repeat=2)],
]


def stamps(run, names):
    return {name: getattr(run, name) for name in set(names.values())}


@pytest.mark.parametrize(
    ("factory", "source", "target", "legal", "stamp_of"),
    CASES,
    ids=[f"{case[0]._meta.model.__name__}:{case[1]}-{case[2]}" for case in CASES],
)
def test_a_run_moves_along_legal_transitions_only(factory, source, target, legal, stamp_of):
    run = factory(status=source)
    bystander = factory(status=source)
    rows = type(run).objects.filter(pk=run.pk)
    before = rows.get()

    assert rows.transition(target) == int(legal)

    after = rows.get()
    assert after.status == (target if legal else source)
    stamped = {name for name, value in stamps(after, stamp_of).items() if value is not None}
    assert stamped == ({stamp_of[target]} if legal else set())
    if not legal:
        assert after.__dict__ | {"_state": None} == before.__dict__ | {"_state": None}
    bystander.refresh_from_db()
    assert (bystander.status, set(stamps(bystander, stamp_of).values())) == (source, {None})


@pytest.mark.parametrize(
    ("factory", "path", "stamp_of"),
    [
        (BacktestRunFactory, ["RUNNING", "COMPLETED"], BACKTEST_STAMP),
        (BacktestRunFactory, ["RUNNING", "FAILED"], BACKTEST_STAMP),
        (BacktestRunFactory, ["RUNNING", "CANCELLING", "CANCELLED"], BACKTEST_STAMP),
        (LiveRunFactory, ["RUNNING", "STOPPING", "STOPPED"], LIVE_STAMP),
        (LiveRunFactory, ["RUNNING", "ERROR"], LIVE_STAMP),
    ],
)
def test_each_state_stamps_its_time_once(factory, path, stamp_of):
    run = factory()
    rows = type(run).objects.filter(pk=run.pk)
    seen = {}
    for state in path:
        assert rows.transition(state) == 1
        seen[stamp_of[state]] = getattr(rows.get(), stamp_of[state])
        for again in path:  # what was reached before cannot be reached, or stamped, again
            if stamp_of[again] in seen:
                assert rows.transition(again) == 0
        assert {name: getattr(rows.get(), name) for name in seen} == seen
    times = [seen[stamp_of[state]] for state in path]
    assert times == sorted(times)
    assert len(set(times)) == len(times)


@pytest.mark.parametrize(("model", "legal"), [(BacktestRun, BACKTEST_LEGAL), (LiveRun, LIVE_LEGAL)])
def test_terminal_states_are_those_nothing_leads_out_of(model, legal):
    assert set(model.TERMINAL) == set(model.Status.values) - {source for source, _ in legal}
    assert all(model(status=status).is_terminal == (status in model.TERMINAL) for status in model.Status.values)


def test_a_transition_writes_its_fields_with_the_state_or_not_at_all():
    run = BacktestRunFactory(status="RUNNING")
    rows = BacktestRun.objects.filter(pk=run.pk)
    assert rows.transition("FAILED", error_code="strategy_error", error="boom") == 1
    assert rows.transition("COMPLETED", error="all is well", digest="d") == 0
    run.refresh_from_db()
    assert (run.status, run.error_code, run.error, run.digest) == ("FAILED", "strategy_error", "boom", "")


def test_a_transition_moves_every_row_of_the_query_that_may_move():
    running = [BacktestRunFactory(status="RUNNING") for _ in range(2)]
    BacktestRunFactory(status="COMPLETED")
    assert BacktestRun.objects.transition("FAILED", error_code="worker_lost") == 2
    assert set(BacktestRun.objects.filter(status="FAILED")) == set(running)
