"""A request that is sent twice with one Idempotency-Key starts one run."""

import hashlib
from collections.abc import Callable
from typing import TypeVar, cast

from django.db import IntegrityError, transaction
from django.db.models import QuerySet

from accounts.models import User
from analysis.strategy import canonical_json
from bots.errors import IdempotencyMismatch
from bots.models import Run

R = TypeVar("R", bound=Run)


def request_hash(**request: object) -> str:
    """Fingerprint of what was asked for, independent of spelling."""
    return hashlib.sha256(canonical_json({name: str(value) for name, value in request.items()}).encode()).hexdigest()


def create_once(
    model: type[R], *, user: User, key: str | None, fingerprint: str, create: Callable[[], R]
) -> tuple[R, bool]:
    """`create()` once per user and key; returns the run and whether it is new.

    Raises IdempotencyMismatch when the key was used with another request.
    """
    if key is None:
        return create(), True
    known = cast("QuerySet[R]", model.objects.filter(created_by=user, idempotency_key=key))
    run = known.first()
    if run is None:
        try:
            with transaction.atomic():
                return create(), True
        except IntegrityError:  # the twin request was a moment faster
            run = known.first()
            if run is None:
                raise
    if run.request_hash != fingerprint:
        raise IdempotencyMismatch("This Idempotency-Key was used before with a different request")
    return run, False
