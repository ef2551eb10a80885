"""Import M1 candles from files into the store."""

import json
import sys
from argparse import ArgumentParser
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError
from rich.console import Console
from rich.progress import BarColumn, DownloadColumn, Progress, TextColumn

from analysis.candle_store.layout import is_symbol
from analysis.errors import AnalysisError, ImportRejected
from analysis.importing.formats import FORMATS
from analysis.importing.importer import ImportOptions, import_file
from analysis.importing.names import symbol_from_name
from analysis.importing.quality import QualityReport
from trading.management.quality_report import render


class Command(BaseCommand):
    help = (
        "Import M1 candles (bid prices) from exports of MetaTrader 5, HistData and Dukascopy, plain CSV and "
        "Parquet, and report their quality. HistData's times are Eastern Standard Time all year (UTC-5, no daylight "
        "saving); its files are read so unless --timezone says otherwise."
    )
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument(
            "targets", nargs="+", metavar="[SYMBOL] FILE",
            help="the symbol may be left out where the files' names tell it (XAUUSD_M1_export.csv)",
        )  # fmt: skip
        parser.add_argument(
            "--timezone",
            help="the clock of the file's times: an IANA name (EET, Europe/Athens), a fixed offset (UTC+2), "
            "or NYCLOSE, the usual broker's clock (GMT+2, and GMT+3 while New York has daylight saving)",
        )
        parser.add_argument("--format", choices=FORMATS, help="default: found out")
        parser.add_argument("--overwrite", action="store_true", help="replace stored candles that differ")
        parser.add_argument("--no-spread", action="store_true", help="store the spread as not recorded")
        parser.add_argument("--dry-run", action="store_true", help="report, but write nothing")
        parser.add_argument("--json", action="store_true", help="print the reports as JSON")

    def handle(self, *args: Any, targets: list[str], **options: Any) -> None:
        symbol, files = _split(targets)
        outcomes = [self._import(path, symbol, options) for path in files]
        if options["json"]:
            self.stdout.write(json.dumps([_plain(outcome) for outcome in outcomes], indent=1))
        refused = [outcome for outcome in outcomes if isinstance(outcome, str)]
        if refused:
            raise CommandError("\n".join(refused))

    def _import(self, path: Path, symbol: str | None, options: dict[str, Any]) -> QualityReport | str:
        """The report, or why there is none; the files after a refused one are still imported."""
        try:
            report = _import_with_progress(path, symbol, options)
        except AnalysisError as error:
            return error.message
        except OSError as error:
            return f"{path}: {error.strerror or error}"
        if not options["json"]:
            self._show(report, dry_run=options["dry_run"])
        return report

    def _show(self, report: QualityReport, *, dry_run: bool) -> None:
        console = Console()
        with console.capture() as captured:
            console.print(render(report))
        self.stdout.write(captured.get())
        if dry_run:
            self.stdout.write("Dry run: nothing was written")


def _import_with_progress(path: Path, symbol: str | None, options: dict[str, Any]) -> QualityReport:
    symbol = symbol or symbol_from_name(path)
    if symbol is None:
        raise ImportRejected(f"{path.name} does not tell its symbol: give it before the file")
    with Progress(
        TextColumn("{task.description}"), BarColumn(), DownloadColumn(),
        console=Console(stderr=True), transient=True, disable=not sys.stderr.isatty(),
    ) as progress:  # fmt: skip
        task = progress.add_task(f"{symbol} from {path.name}", total=None)
        return import_file(
            path,
            symbol,
            data_root=settings.MARKET_DATA_ROOT,
            imported_at=datetime.now(UTC),
            options=ImportOptions(options["format"], options["timezone"], options["no_spread"]),
            overwrite=options["overwrite"],
            dry_run=options["dry_run"],
            on_progress=lambda done, total: progress.update(task, completed=done, total=total),
        )


def _split(targets: list[str]) -> tuple[str | None, list[Path]]:
    """The symbol, if the first word is one rather than a file, and the files."""
    first, *others = targets
    if not others or Path(first).is_file():
        return None, [Path(target) for target in targets]
    if not is_symbol(first):
        raise CommandError(f"{first!r} is neither a file nor a symbol")
    return first, [Path(target) for target in others]


def _plain(outcome: QualityReport | str) -> dict[str, Any]:
    return {"error": outcome} if isinstance(outcome, str) else outcome.to_dict()
