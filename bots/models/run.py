"""What a backtest and a live run have in common: a state, an owner, and a lease.

A worker owns a run by a lease. `attempt` is the fencing token: it grows with every claim, and whoever writes must
name the attempt they hold. A worker that was paused past its lease finds no row to write to, and stops.
"""

import uuid
from dataclasses import dataclass
from datetime import timedelta
from typing import ClassVar, Self, TypeVar

from django.conf import settings
from django.db import models
from django.db.models import F, Q
from django.db.models.functions import Coalesce, Now

from accounts.models import OwnedQuerySet


@dataclass(frozen=True)
class Lease:
    """The right to write to one run, valid as long as nobody claimed it again."""

    run_id: uuid.UUID
    owner: uuid.UUID
    attempt: int


R = TypeVar("R", bound="Run", covariant=True)


class RunQuerySet(OwnedQuerySet[R]):
    """Conditional updates only: the database decides who comes first."""

    def transition(self, target: str, **fields: object) -> int:
        """Move rows to `target` from the states that allow it; returns how many moved."""
        sources = [source for source, targets in self.model.TRANSITIONS.items() if target in targets]
        stamps = {name: Now() for name in self.model.STAMPS.get(target, ())}
        return self.filter(status__in=sources).update(status=target, **{**stamps, **fields})

    def claimable(self) -> Self:
        """Rows a worker may take: never claimed, or owned by one whose lease ran out."""
        return self.filter(Q(status=self.model.PENDING) | Q(status__in=self.model.OWNED, lease_expires_at__lt=Now()))

    def claim(self, run_id: uuid.UUID | str, *, worker: str) -> Lease | None:
        """Take the run, or None when it is owned, finished or gone."""
        owner = uuid.uuid4()
        taken = (
            self.filter(pk=run_id)
            .claimable()
            .update(
                status=models.Case(
                    models.When(status=self.model.PENDING, then=models.Value(self.model.RUNNING)),
                    default=F("status"),
                ),
                lease_owner=owner,
                lease_expires_at=Now() + timedelta(seconds=settings.RUN_LEASE_S),
                attempt=F("attempt") + 1,
                worker=worker,
                started_at=Coalesce(F("started_at"), Now()),
            )
        )
        if not taken:
            return None
        attempt = self.values_list("attempt", flat=True).get(pk=run_id, lease_owner=owner)
        return Lease(run_id=uuid.UUID(str(run_id)), owner=owner, attempt=attempt)

    def held_by(self, lease: Lease) -> Self:
        """The run, if `lease` is still the current one."""
        return self.filter(pk=lease.run_id, lease_owner=lease.owner, attempt=lease.attempt, status__in=self.model.OWNED)

    def renew(self, lease: Lease, **fields: object) -> str | None:
        """Extend the lease and write `fields`; returns the run's state, or None when the lease is lost."""
        expires = Now() + timedelta(seconds=settings.RUN_LEASE_S)
        if not self.held_by(lease).update(lease_expires_at=expires, heartbeat_at=Now(), **fields):
            return None
        return self.held_by(lease).values_list("status", flat=True).first()

    def release(self, lease: Lease) -> None:
        """Give the run back at once, for the next worker to claim."""
        self.held_by(lease).update(lease_expires_at=Now())

    def light(self) -> Self:
        """For lists: without the columns that may hold megabytes."""
        return self.defer(*self.model.HEAVY)

    def unclaimed(self) -> Self:
        """Rows to send again: pending for too long, or owned by nobody alive."""
        patience = Now() - timedelta(seconds=settings.RUN_UNCLAIMED_S)
        return self.claimable().filter(queued_at__lt=patience)


class Run(models.Model):
    """Abstract: identity, request and lease of a job. Subclasses give states and results."""

    PENDING: ClassVar[str] = "PENDING"
    RUNNING: ClassVar[str] = "RUNNING"
    OWNED: ClassVar[frozenset[str]]  # states in which a worker holds the run
    TERMINAL: ClassVar[frozenset[str]]
    TRANSITIONS: ClassVar[dict[str, frozenset[str]]]
    HEAVY: ClassVar[tuple[str, ...]] = ()
    STAMPS: ClassVar[dict[str, tuple[str, ...]]]  # columns set to now() on entering a state

    id = models.UUIDField(primary_key=True, default=uuid.uuid4, editable=False)
    created_by = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.PROTECT, related_name="+")
    created_at = models.DateTimeField(auto_now_add=True)
    idempotency_key = models.CharField(max_length=255, null=True, blank=True, editable=False)  # noqa: DJ001 (absent keys must not collide)
    request_hash = models.CharField(max_length=64, editable=False, blank=True)

    status = models.CharField(max_length=16)  # subclasses name their states
    started_at = models.DateTimeField(null=True, blank=True)
    queued_at = models.DateTimeField(db_default=Now(), help_text="When its task was last sent")
    lease_owner = models.UUIDField(null=True, blank=True)
    lease_expires_at = models.DateTimeField(null=True, blank=True)
    heartbeat_at = models.DateTimeField(null=True, blank=True)
    attempt = models.PositiveIntegerField(default=0, help_text="How often it was claimed; the fencing token")
    worker = models.CharField(max_length=255, blank=True)

    objects = RunQuerySet.as_manager()

    class Meta:
        abstract = True

    @property
    def is_terminal(self) -> bool:
        return self.status in self.TERMINAL
