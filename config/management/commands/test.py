"""Run the tests with pytest; everything after `test` goes to it."""

import sys

import pytest
from django.core.management.base import BaseCommand


class Command(BaseCommand):
    help = "Run the tests with pytest: manage.py test [pytest arguments]"
    requires_system_checks = ()

    def run_from_argv(self, argv: list[str]) -> None:
        sys.exit(pytest.main(argv[2:]))
