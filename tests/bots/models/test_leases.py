"""Who owns a run: claiming, keeping, losing and giving back a lease."""

import threading
import uuid
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

import pytest
from django.db import connection
from django.db.models.functions import Now
from django.utils import timezone

from bots.models import BacktestRun, Lease, LiveRun
from tests.factories import BacktestRunFactory, LiveRunFactory

pytestmark = pytest.mark.django_db

FACTORIES = [BacktestRunFactory, LiveRunFactory]
both = pytest.mark.parametrize("factory", FACTORIES, ids=["backtest", "live"])


def claimed(factory) -> tuple[BacktestRun | LiveRun, Lease]:
    run = factory()
    lease = type(run).objects.claim(run.pk, worker="first")
    assert lease is not None
    return run, lease


def expire(run) -> None:
    """As if the worker had been silent for longer than its lease."""
    type(run).objects.filter(pk=run.pk).update(lease_expires_at=Now() - timedelta(seconds=1))


def row(run) -> dict[str, object]:
    return type(run).objects.filter(pk=run.pk).values().get()


@both
def test_a_pending_run_is_claimed_and_runs(factory, settings):
    settings.RUN_LEASE_S = 20
    run = factory()
    lease = type(run).objects.claim(str(run.pk), worker="host:1")
    run.refresh_from_db()
    assert lease == Lease(run_id=run.pk, owner=run.lease_owner, attempt=1)
    assert (run.status, run.attempt, run.worker) == ("RUNNING", 1, "host:1")
    assert timedelta(seconds=15) < run.lease_expires_at - timezone.now() <= timedelta(seconds=20)
    assert timezone.now() - run.started_at < timedelta(seconds=5)


@both
def test_a_run_whose_worker_lives_cannot_be_claimed(factory):
    run, _ = claimed(factory)
    before = row(run)
    assert type(run).objects.claim(run.pk, worker="second") is None
    assert row(run) == before


@both
def test_a_run_whose_lease_ran_out_is_taken_over_and_keeps_its_start(factory):
    run, first = claimed(factory)
    started_at = row(run)["started_at"]
    expire(run)
    second = type(run).objects.claim(run.pk, worker="second")
    assert second is not None
    assert (second.attempt, second.owner == first.owner) == (2, False)
    run.refresh_from_db()
    assert (run.status, run.started_at, run.worker, run.lease_owner) == (
        "RUNNING", started_at, "second", second.owner,
    )  # fmt: skip


@pytest.mark.parametrize(("factory", "asked"), [(BacktestRunFactory, "CANCELLING"), (LiveRunFactory, "STOPPING")])
def test_whoever_takes_over_a_run_that_was_asked_to_end_still_sees_that(factory, asked):
    run, _ = claimed(factory)
    rows = type(run).objects.filter(pk=run.pk)
    rows.transition(asked)
    assert rows.claim(run.pk, worker="second") is None
    expire(run)
    assert rows.claim(run.pk, worker="second").attempt == 2
    assert rows.get().status == asked


@pytest.mark.parametrize(
    ("factory", "status"),
    [(BacktestRunFactory, s) for s in ("COMPLETED", "FAILED", "CANCELLED")]
    + [(LiveRunFactory, s) for s in ("STOPPED", "ERROR")],
)
def test_an_ended_run_is_never_claimed(factory, status):
    run, _ = claimed(factory)
    type(run).objects.filter(pk=run.pk).update(status=status)
    expire(run)
    before = row(run)
    assert type(run).objects.claim(run.pk, worker="second") is None
    assert row(run) == before


def test_a_run_that_is_gone_is_not_claimed():
    assert BacktestRun.objects.claim(uuid.uuid4(), worker="first") is None


@both
def test_renewing_extends_the_lease_beats_and_writes(factory, settings):
    settings.RUN_LEASE_S = 300
    run, lease = claimed(factory)
    expire(run)  # late, but nobody took over
    assert type(run).objects.renew(lease, worker="renamed") == "RUNNING"
    run.refresh_from_db()
    assert run.lease_expires_at - timezone.now() > timedelta(seconds=290)
    assert timezone.now() - run.heartbeat_at < timedelta(seconds=5)
    assert (run.worker, run.attempt) == ("renamed", 1)


@pytest.mark.parametrize(("factory", "asked"), [(BacktestRunFactory, "CANCELLING"), (LiveRunFactory, "STOPPING")])
def test_renewing_tells_what_was_asked_for(factory, asked):
    run, lease = claimed(factory)
    type(run).objects.filter(pk=run.pk).transition(asked)
    assert type(run).objects.renew(lease) == asked


@both
def test_a_worker_that_was_replaced_can_write_nothing(factory):
    run, stale = claimed(factory)
    expire(run)
    fresh = type(run).objects.claim(run.pk, worker="second")
    before = row(run)
    runs = type(run).objects

    assert runs.renew(stale, worker="ghost") is None
    assert not runs.held_by(stale).exists()
    for status in run.Status.values:
        assert runs.held_by(stale).transition(status) == 0
    runs.release(stale)

    assert row(run) == before
    assert runs.held_by(fresh).get() == run


@both
@pytest.mark.parametrize("change", ["owner", "attempt", "run"])
def test_a_lease_holds_by_run_owner_and_attempt_together(factory, change):
    run, lease = claimed(factory)
    other, _ = claimed(factory)
    forged = {
        "owner": Lease(lease.run_id, uuid.uuid4(), lease.attempt),
        "attempt": Lease(lease.run_id, lease.owner, lease.attempt + 1),
        "run": Lease(other.pk, lease.owner, lease.attempt),
    }[change]
    assert type(run).objects.held_by(lease).get() == run
    assert not type(run).objects.held_by(forged).exists()
    assert type(run).objects.renew(forged) is None


def test_nobody_holds_a_run_that_has_ended():
    run, lease = claimed(BacktestRunFactory)
    assert BacktestRun.objects.held_by(lease).transition("COMPLETED", digest="mine") == 1
    assert BacktestRun.objects.held_by(lease).transition("FAILED") == 0
    assert BacktestRun.objects.renew(lease, digest="again") is None
    assert row(run)["digest"] == "mine"


@both
def test_a_run_that_is_given_back_can_be_claimed_at_once(factory):
    run, lease = claimed(factory)
    type(run).objects.release(lease)
    assert row(run)["status"] == "RUNNING"
    assert type(run).objects.claim(run.pk, worker="second").attempt == 2
    assert type(run).objects.renew(lease) is None


@both
def test_unclaimed_are_those_that_waited_long_and_have_no_living_worker(factory, settings):
    fresh, waiting, working, lost, ended = factory(), factory(), factory(), factory(), factory(status=factory.ended)
    runs = type(fresh).objects
    for run in (working, lost):
        assert runs.claim(run.pk, worker="first")
    expire(lost)
    long_ago = Now() - timedelta(seconds=settings.RUN_UNCLAIMED_S + 1)
    runs.filter(pk__in=[run.pk for run in (waiting, working, lost, ended)]).update(queued_at=long_ago)
    assert set(runs.unclaimed()) == {waiting, lost}
    assert set(runs.claimable()) == {fresh, waiting, lost}


BacktestRunFactory.ended, LiveRunFactory.ended = "COMPLETED", "STOPPED"


def all_at_once(workers: int, claim) -> list[Lease | None]:
    """The answers of `workers` threads with a connection each that claim in the same moment."""
    barrier = threading.Barrier(workers)

    def attempt(number: int) -> Lease | None:
        try:
            connection.ensure_connection()
            barrier.wait(timeout=30)
            return claim(f"worker {number}")
        finally:
            connection.close()

    with ThreadPoolExecutor(workers) as pool:
        return list(pool.map(attempt, range(workers)))


@pytest.mark.django_db(transaction=True)
@both
@pytest.mark.parametrize("lost", [False, True], ids=["pending", "lost by its worker"])
def test_of_many_claimers_exactly_one_gets_the_run(factory, lost):
    for _ in range(5):
        run = factory()
        if lost:
            assert type(run).objects.claim(run.pk, worker="gone")
            expire(run)
        leases = all_at_once(4, lambda worker, run=run: type(run).objects.claim(run.pk, worker=worker))
        (winner,) = [lease for lease in leases if lease is not None]
        after = row(run)
        assert (after["attempt"], after["lease_owner"]) == (2 if lost else 1, winner.owner)
        assert after["worker"] == f"worker {leases.index(winner)}"


@pytest.mark.django_db(transaction=True)
def test_of_completing_and_taking_over_in_one_moment_exactly_one_happens():
    for _ in range(10):
        run, lease = claimed(BacktestRunFactory)
        expire(run)

        def finish_or_take(worker: str, run: BacktestRun = run, lease: Lease = lease) -> object:
            if worker == "worker 0":
                return BacktestRun.objects.held_by(lease).transition("COMPLETED", digest="first") or None
            return BacktestRun.objects.claim(run.pk, worker="second")

        completed, taken = all_at_once(2, finish_or_take)
        assert (completed is None) != (taken is None)
        run.refresh_from_db()
        assert (run.status, run.digest) == (("COMPLETED", "first") if completed else ("RUNNING", ""))
