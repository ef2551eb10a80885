"""What the pages show. Every read starts with what the user may see."""

from django.db.models import QuerySet

from accounts.models import User
from bots.models import BacktestRun, LiveRun
from bots.models.run import RunQuerySet
from bots.presentation import with_first_refusals, with_headline

RECENT = 10
_UNREAD = ("bot_version__code", "bot_version__params")  # may be large


def recent_backtests(user: User) -> RunQuerySet[BacktestRun]:
    """The user's newest backtests with `net_pnl` and `total_trades`, without their results."""
    runs = with_headline(BacktestRun.objects.owned_by(user).light())
    return _with_bot(runs).select_related("created_by")[:RECENT]


def recent_live_runs(user: User) -> QuerySet[LiveRun]:
    """The user's newest live runs."""
    runs = LiveRun.objects.owned_by(user).select_related("bot_version__bot", "account", "created_by")
    return runs.defer(*_UNREAD)[:RECENT]


def readable_backtests(user: User) -> RunQuerySet[BacktestRun]:
    """The user's backtests with all that a page of one run shows."""
    return _with_bot(with_first_refusals(BacktestRun.objects.owned_by(user)))


def _with_bot(runs: RunQuerySet[BacktestRun]) -> RunQuerySet[BacktestRun]:
    runs = runs.select_related("config__bot_version__bot")
    return runs.defer(*(f"config__{name}" for name in _UNREAD))
