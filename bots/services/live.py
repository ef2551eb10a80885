"""Starting and stopping live runs; `live_execution` runs them."""

from django.db import IntegrityError, transaction

from accounts.models import Account, User
from bots.dispatch import send
from bots.errors import AccountBusy, Conflict, Invalid, NotStartable
from bots.models import BotVersion, LiveRun, LiveRunEvent
from bots.services.idempotency import create_once, request_hash
from trading.models import InstrumentSpecification


def start_bot_live_run(
    *,
    user: User,
    bot_version: BotVersion,
    instrument_symbol: str,
    timeframe: str = "M1",
    idempotency_key: str | None = None,
) -> LiveRun:
    """Store a PENDING live run on the bot's account and queue it after commit.

    Raises NotStartable for an inactive bot or one without an active account, AccountBusy when the account has an
    active run already, Invalid for an unknown symbol.
    """
    if not InstrumentSpecification.objects.filter(pk=instrument_symbol).exists():
        raise Invalid(f"There is no instrument specification for {instrument_symbol!r}", field="instrument_symbol")
    fingerprint = request_hash(version=bot_version.pk, symbol=instrument_symbol, timeframe=timeframe)

    def create() -> LiveRun:
        account = _account_to_trade(bot_version)
        try:
            with transaction.atomic():
                run = LiveRun.objects.create(
                    bot_version=bot_version, account=account, instrument_symbol=instrument_symbol,
                    timeframe=timeframe, created_by=user, idempotency_key=idempotency_key,
                    request_hash=fingerprint,
                )  # fmt: skip
        except IntegrityError as error:
            active = LiveRun.objects.filter(account=account, status__in=LiveRun.ACTIVE).first()
            if active is None or active.idempotency_key == idempotency_key is not None:
                raise
            raise AccountBusy(
                f"Account {account.name} already runs a bot; stop that run first",
                active_session_id=str(active.pk),
            ) from error
        record(run, "created", user=user)
        return run

    with transaction.atomic():
        run, created = create_once(LiveRun, user=user, key=idempotency_key, fingerprint=fingerprint, create=create)
        if created:
            send("bots.tasks.live_loop", live_run_id=str(run.pk))
    return run


def _account_to_trade(bot_version: BotVersion) -> Account:
    bot = bot_version.bot
    if not bot.is_active:
        raise NotStartable("The bot is not active")
    if bot.account is None:
        raise NotStartable("The bot has no account; assign one first")
    if not bot.account.is_active:
        raise NotStartable(f"Account {bot.account.name} is not active")
    return bot.account


def stop_bot_live_run(run: LiveRun, *, user: User, reason: str = "") -> LiveRun:
    """Ask the run to end: the worker that holds it sees STOPPING within two seconds.

    A run nobody claimed yet is STOPPED at once. Asking twice is harmless. Raises Conflict for an ended run.
    """
    this = LiveRun.objects.filter(pk=run.pk)
    with transaction.atomic():
        if this.transition(LiveRun.Status.STOPPING):
            record(run, "stopping", user=user, message=reason)
        if this.filter(lease_owner=None).transition(LiveRun.Status.STOPPED):
            record(run, "stopped", message="It had not been started by a worker")
    run.refresh_from_db()
    if run.status == LiveRun.Status.ERROR:
        raise Conflict("The run has already ended in ERROR")
    return run


def record(run: LiveRun, kind: str, *, user: User | None = None, message: str = "") -> None:
    """Add a line to the run's event log."""
    LiveRunEvent.objects.create(run=run, kind=kind, actor=user, message=message)
