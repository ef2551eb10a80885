from bots.models.backtest_run import BacktestRun
from bots.models.bot import BacktestConfig, Bot, BotVersion
from bots.models.live_run import LiveRun, LiveRunEvent
from bots.models.run import Lease, Run

__all__ = [
    "BacktestConfig",
    "BacktestRun",
    "Bot",
    "BotVersion",
    "Lease",
    "LiveRun",
    "LiveRunEvent",
    "Run",
]
