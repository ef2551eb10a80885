"""Run the tests with pytest; everything after `test` goes to it."""

import os
import sys

from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run the tests with pytest: manage.py test [pytest arguments]"
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        # A fresh process: this one has read the settings already, and the tests have their own.
        os.environ.pop("DJANGO_SETTINGS_MODULE", None)
        os.execv(sys.executable, [sys.executable, "-m", "pytest", *argv[2:]])  # noqa: S606 (arguments of the caller)
