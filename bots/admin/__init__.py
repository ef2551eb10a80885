"""The admin of bots, versions, configs and runs. Results are read-only; runs are stopped, never edited."""

from bots.admin.backtest_run import BacktestRunAdmin
from bots.admin.bot import BacktestConfigAdmin, BotAdmin, BotVersionAdmin
from bots.admin.live_run import LiveRunAdmin

__all__ = ["BacktestConfigAdmin", "BacktestRunAdmin", "BotAdmin", "BotVersionAdmin", "LiveRunAdmin"]
