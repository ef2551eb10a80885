"""Everything that changes a bot, a version or a run. Callers import from here."""

from bots.selectors import get_strategy_template_content, load_strategy_template
from bots.services.backtest_execution import execute_backtest
from bots.services.backtests import cancel_backtest, launch_backtest
from bots.services.exports import PARTS, Export, export_csv, export_parquet, filename
from bots.services.live import start_bot_live_run, stop_bot_live_run
from bots.services.live_execution import run_live_loop
from bots.services.recovery import recover_runs
from bots.services.reporting import backtest_report
from bots.services.results import Window, candle_bars, chart_overlays, equity_points, trade_log
from bots.services.verification import Verification, verify_backtest
from bots.services.versions import (
    create_bot,
    create_bot_version,
    create_default_bot_version,
    delete_if_unused,
    generate_code_hash,
    update_config,
)

__all__ = [
    "PARTS",
    "Export",
    "Verification",
    "Window",
    "backtest_report",
    "cancel_backtest",
    "candle_bars",
    "chart_overlays",
    "create_bot",
    "create_bot_version",
    "create_default_bot_version",
    "delete_if_unused",
    "equity_points",
    "execute_backtest",
    "export_csv",
    "export_parquet",
    "filename",
    "generate_code_hash",
    "get_strategy_template_content",
    "launch_backtest",
    "load_strategy_template",
    "recover_runs",
    "run_live_loop",
    "start_bot_live_run",
    "stop_bot_live_run",
    "trade_log",
    "update_config",
    "verify_backtest",
]
