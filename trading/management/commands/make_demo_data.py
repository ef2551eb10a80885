"""Made-up candles for a clone without data."""

from argparse import ArgumentParser
from datetime import UTC, datetime
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from analysis.errors import AnalysisError
from analysis.importing.demo_data import store_demo_candles

SYMBOLS = ("XAUUSD.demo",)
START, END, SEED = "2025-01-01", "2026-01-01", 1


class Command(BaseCommand):
    help = "Make M1 candles that look like a market's, the same for the same arguments, and store them."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("symbols", nargs="*", help=f"default: {' '.join(SYMBOLS)}")
        parser.add_argument("--start", default=START, help=f"first day, UTC (default {START})")
        parser.add_argument("--end", default=END, help=f"day after the last, UTC (default {END})")
        parser.add_argument("--seed", type=int, default=SEED, help=f"default {SEED}")

    def handle(self, *args: Any, symbols: list[str], seed: int, **options: Any) -> None:
        start, end = _moment(options["start"]), _moment(options["end"])
        for symbol in symbols or SYMBOLS:
            self.stdout.write(self._make(symbol, start, end, seed))

    def _make(self, symbol: str, start: datetime, end: datetime, seed: int) -> str:
        try:
            report = store_demo_candles(
                symbol,
                start=start,
                end=end,
                seed=seed,
                data_root=settings.MARKET_DATA_ROOT,
                imported_at=datetime.now(UTC),
            )
        except AnalysisError as error:
            raise CommandError(error.message) from error
        if report is None:
            return f"{symbol}: these candles are there already"
        series = report.series
        return f"{symbol}: {series.rows:,} candles, {series.first:%Y-%m-%d} to {series.last:%Y-%m-%d}"


def _moment(text: str) -> datetime:
    try:
        moment = datetime.fromisoformat(text)
    except ValueError as error:
        raise CommandError(f"{text!r} is not a date such as 2025-01-31") from error
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment
