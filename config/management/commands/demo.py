"""Start the platform, run one backtest through its REST API, show the result, stop everything."""

import os
from argparse import ArgumentParser
from datetime import timedelta
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management import call_command
from django.core.management.base import BaseCommand, CommandError
from rich import box
from rich.console import Console
from rich.progress import BarColumn, Progress, TaskProgressColumn, TextColumn
from rich.table import Table

from analysis.utils.data_processor import list_datasets
from config import supervisor
from config.demo import Client, DemoFailed, Window, run_backtest
from config.env import env
from config.setup import Login, prepare
from config.supervisor import ProgramFailed, Supervisor, free_port

GENERATED_SYMBOL = "XAUUSD.demo"
SHOWN_STATS = (
    "initial_equity", "final_equity", "net_pnl", "total_return_pct", "max_drawdown_pct", "total_trades", "win_rate",
    "profit_factor", "expectancy", "sharpe_ratio", "average_win", "average_loss", "max_consecutive_losses",
)  # fmt: skip
SHOWN_TRADES = 8
WINDOW = timedelta(days=60)


class Command(BaseCommand):
    help = "Run one backtest end to end through the REST API and print the result."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--candles", type=Path, help="M1 candles to import and use, e.g. XAUUSD.parquet")
        parser.add_argument("--symbol", help="their symbol, when the file's name does not tell")

    def handle(self, candles: Path | None, symbol: str | None, **options: Any) -> None:
        console = Console()
        login = prepare()
        if login is None:
            raise CommandError("The demo creates a login of its own and does not run in production")
        window = self._candles(console, candles, symbol)
        port = free_port(8000)
        platform = Supervisor(settings.BASE_DIR, settings.VAR_DIR / "log", environment=os.environ, echo=None)
        try:
            with platform:
                run = self._run(console, platform, port, login, window)
        except (ProgramFailed, DemoFailed) as error:
            raise CommandError(str(error)) from error
        _show(console, run)
        console.print(f"Look at it: [bold]make up[/], then http://127.0.0.1:8000/runs/{run['id']}/")
        console.print(f"Login: {login.username} / {login.password}")

    def _candles(self, console: Console, candles: Path | None, symbol: str | None) -> Window:
        if candles is None and env.str("BOTYARD_SAMPLE_DATA", ""):
            candles = Path(env.str("BOTYARD_SAMPLE_DATA")) / "m1" / "XAUUSD.parquet"
        if candles is None:
            symbol = GENERATED_SYMBOL
            call_command("make_demo_data", symbol)
        else:
            symbol = symbol or candles.stem
            call_command("import_m1", symbol, str(candles))
        dataset = next(known for known in list_datasets(settings.MARKET_DATA_ROOT) if known.symbol == symbol)
        console.print(f"Candles: {dataset.rows:,} of {symbol}, {dataset.first:%Y-%m-%d} to {dataset.last:%Y-%m-%d}")
        start = max(dataset.first, dataset.last - WINDOW)
        return Window(symbol, start.isoformat(), dataset.last.isoformat())

    def _run(self, console: Console, platform: Supervisor, port: int, login: Login, window: Window) -> dict[str, Any]:
        platform.start([
            supervisor.web(port),
            supervisor.worker("backtests", queues="backtests,default", concurrency=1),
        ])  # fmt: skip
        url = f"http://127.0.0.1:{port}"
        platform.wait_for_web(f"{url}/")
        console.print(f"Platform: {url} (web server, worker, PostgreSQL and Redis as processes of their own)")
        columns = (TextColumn("Backtest {task.fields[status]}"), BarColumn(), TaskProgressColumn())
        with Client(url) as client, Progress(*columns, console=console) as progress:
            client.login(login.username, login.password)
            bar = progress.add_task("backtest", total=1.0, status="PENDING")
            return run_backtest(
                client,
                window,
                lambda run: progress.update(bar, completed=run["progress"], status=run["status"]),
            )


def _show(console: Console, run: dict[str, Any]) -> None:
    stats = Table("", run["instrument_symbol"], title="Backtest of ema_crossover_v1.py")
    for name in SHOWN_STATS:
        stats.add_row(name.replace("_", " "), _text(run["stats"].get(name)))
    console.print(stats)
    columns = ("side", "lots", "entry", "at", "exit", "at", "reason", "P&L")
    trades = Table(*columns, title=f"First {SHOWN_TRADES} trades", box=box.SIMPLE_HEAD, pad_edge=False)
    for trade in run["simulated_trades_log"][:SHOWN_TRADES]:
        trades.add_row(
            trade["side"], f"{trade['lots']:g}", _minute(trade["entry_time"]), f"{trade['entry_price']:g}",
            _minute(trade["exit_time"]), f"{trade['exit_price']:g}", trade["exit_reason"], f"{trade['pnl']:,.2f}",
        )  # fmt: skip
    console.print(trades)
    for warning in run["warnings"]:
        console.print(f"[yellow]Note:[/] {warning}")


def _minute(iso_time: str) -> str:
    return iso_time[5:16].replace("T", " ")


def _text(value: object) -> str:
    return f"{value:,.2f}" if isinstance(value, float) else "-" if value is None else str(value)
