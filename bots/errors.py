"""Expected failures of the bots API."""

from accounts.errors import Conflict, Invalid, PlatformError

__all__ = [
    "AccountBusy",
    "ArtifactsCleared",
    "Conflict",
    "IdempotencyMismatch",
    "InUse",
    "Invalid",
    "LeaseLost",
    "NotCompleted",
    "NotStartable",
    "StrategyRejected",
    "TemplateUnknown",
]


class StrategyRejected(Invalid):
    """Strategy source or parameters that cannot run: answered 400 with line and reason."""

    code = "strategy_rejected"


class TemplateUnknown(Invalid):
    """No strategy template has this file name."""

    code = "template_unknown"


class InUse(Conflict):
    """Results depend on this object, so it can be neither changed nor deleted."""

    code = "in_use"


class NotStartable(Conflict):
    """The bot, its account or its version does not allow a live run now."""

    code = "not_startable"


class AccountBusy(Conflict):
    """The account already has an active live run."""

    code = "account_busy"


class NotCompleted(Conflict):
    """The run has no result: it has not ended yet, or not well."""

    code = "not_completed"


class ArtifactsCleared(PlatformError):
    """The run is there but its files are not any more: answered 410, running it again makes them again."""

    code = "artifacts_cleared"
    status = 410


class IdempotencyMismatch(PlatformError):
    """The Idempotency-Key was used before with another body: answered 422, nothing was started."""

    code = "idempotency_key_reused"
    status = 422


class LeaseLost(Exception):
    """Another worker owns the run by now: stop at once and write nothing more."""
