"""Everything that changes a bot, a version or a run. Callers import from here."""

from bots.selectors import get_strategy_template_content, load_strategy_template
from bots.services.backtest_execution import execute_backtest
from bots.services.backtests import cancel_backtest, launch_backtest
from bots.services.live import start_bot_live_run, stop_bot_live_run
from bots.services.live_execution import run_live_loop
from bots.services.recovery import recover_runs
from bots.services.results import TradeLog, Window, candle_bars, equity_points
from bots.services.versions import (
    create_bot,
    create_bot_version,
    create_default_bot_version,
    delete_if_unused,
    generate_code_hash,
    update_config,
)

__all__ = [
    "TradeLog",
    "Window",
    "cancel_backtest",
    "candle_bars",
    "create_bot",
    "create_bot_version",
    "create_default_bot_version",
    "delete_if_unused",
    "equity_points",
    "execute_backtest",
    "generate_code_hash",
    "get_strategy_template_content",
    "launch_backtest",
    "load_strategy_template",
    "recover_runs",
    "run_live_loop",
    "start_bot_live_run",
    "stop_bot_live_run",
    "update_config",
]
