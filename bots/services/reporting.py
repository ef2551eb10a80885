"""The report of a completed run: what the library needs for its page, from the row and the artifacts."""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import numpy as np
from numpy.typing import NDArray

from analysis.report import MOST_TRADES, ReportData, Reproducibility, render_report
from bots.errors import NotCompleted
from bots.models import BacktestConfig, BacktestRun
from bots.services.artifacts import read_equity
from bots.services.results import trade_log

_CONFIGURED = (
    "initial_equity", "timeframe", "slippage_ms", "slippage_r", "spread_points", "commission_per_lot", "intrabar",
    "leverage", "stop_out_level", "rollover_time", "rollover_timezone", "risk_json",
)  # fmt: skip


def backtest_report(run: BacktestRun, *, made_at: datetime, trades_url: str = "") -> str:
    """One HTML page that holds everything; `trades_url` is where all trades are. Raises NotCompleted.

    The page is the same for the same arguments. Without artifacts it shows the outline of the equity.
    """
    require_completed(run)
    rows = BacktestRun.objects.select_related("config__bot_version__bot")
    run = rows.defer("error_traceback", "config__bot_version__code").get(pk=run.pk)
    log = trade_log(run)
    time, equity, outline_only = _equity(run)
    return render_report(
        ReportData(
            title=run.config.bot_version.bot.name,
            symbols=run.instrument_symbols,
            timeframe=run.config.timeframe,
            start=run.data_window_start,
            end=run.data_window_end,
            made_at=made_at,
            reproducibility=_reproducibility(run),
            stats=run.stats,
            warnings=run.warnings,
            equity_time=time,
            equity=equity,
            outline_only=outline_only,
            trades=log[0:MOST_TRADES],
            trades_total=len(log),
            trades_url=trades_url,
            refusals=run.refusals,
        )
    )


def require_completed(run: BacktestRun) -> None:
    """Raises NotCompleted for a run that has no result (yet)."""
    if run.status != BacktestRun.Status.COMPLETED:
        raise NotCompleted(f"Only a COMPLETED run has a result; this one is {run.status}")


def _equity(run: BacktestRun) -> tuple[NDArray[np.int64], NDArray[np.float64], bool]:
    """Times (epoch ms) and values, and whether they are only the outline the row keeps."""
    try:
        time, equity = read_equity(run, run.data_window_start, run.data_window_end)
    except FileNotFoundError:
        at = [datetime.fromisoformat(point["timestamp"]).astimezone(UTC) for point in run.equity_curve]
        time = np.array([round(moment.timestamp() * 1000) for moment in at], np.int64)
        return time, np.array([point["equity"] for point in run.equity_curve], np.float64), True
    return time, equity, False


def _reproducibility(run: BacktestRun) -> Reproducibility:
    version = run.config.bot_version
    repeatable = bool(run.settings_snapshot and run.instrument_snapshot and run.data_snapshot)
    return Reproducibility(
        run_id=str(run.pk),
        engine_version=run.engine_version,
        code_hash=version.code_hash,
        data_fingerprint=run.data_fingerprint,
        digest=run.digest,
        verify_command=f"python manage.py verify_run {run.pk}" if repeatable else "",
        params=version.params,
        settings=run.settings_snapshot or _configured(run.config),
        instruments=run.instrument_snapshot,
        candles=run.data_snapshot,
    )


def _configured(config: BacktestConfig) -> Mapping[str, Any]:
    """For runs from before settings were kept with them: a config that has runs does not change."""
    return {name: getattr(config, name) for name in _CONFIGURED}
