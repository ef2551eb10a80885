"""Prove that a completed backtest is what its inputs give."""

from argparse import ArgumentParser
from uuid import UUID

from django.core.management.base import BaseCommand, CommandError

from accounts.errors import PlatformError
from analysis.errors import AnalysisError
from bots.models import BacktestRun
from bots.services import Verification, verify_backtest


class Command(BaseCommand):
    help = "Run a completed backtest again; exit 0 when it comes out the same, 1 with what differs."

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("run", type=UUID, help="id of the backtest run")
        parser.add_argument("--audit", action="store_true", help="check every bar for a look into the future (slow)")

    def handle(self, *, run: UUID, audit: bool, **options: object) -> None:
        row = BacktestRun.objects.filter(pk=run).first()
        if row is None:
            raise CommandError(f"There is no backtest run {run}")
        try:
            verified = verify_backtest(row, audit=audit)
        except (AnalysisError, PlatformError) as error:
            raise CommandError(f"The run cannot be repeated: {error.message}") from error
        self._show(verified)
        if not verified.same:
            raise CommandError("\n".join(["The run did not come out the same.", *verified.differences]))
        self.stdout.write("The run came out the same." + (" No bar looked ahead." if audit else ""))

    def _show(self, verified: Verification) -> None:
        rows = {
            "digest": (verified.run.digest, verified.digest),
            "engine version": (verified.run.engine_version, verified.engine_version),
            "data fingerprint": (verified.run.data_fingerprint, verified.data_fingerprint),
        }
        self.stdout.write(f"{verified.run} ({verified.run.pk})")
        for name, (stored, now) in rows.items():
            self.stdout.write(f"  {name:<18}{stored}\n  {'now':>16}  {now}")
