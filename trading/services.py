"""Changes to what is known about instruments."""

from pathlib import Path
from typing import cast

from django.core import serializers
from django.db import transaction

from trading.models import InstrumentSpecification

DEFAULTS = Path(__file__).parent / "fixtures" / "instruments.json"


@transaction.atomic
def load_default_instruments() -> int:
    """Add the built-in specifications that are missing; returns how many were added.

    One that is there stays as it is: its numbers may be the broker's, or a user's correction.
    """
    entries = serializers.deserialize("json", DEFAULTS.read_text(encoding="utf-8"))
    defaults = [cast("InstrumentSpecification", entry.object) for entry in entries]
    known = set(InstrumentSpecification.objects.values_list("symbol", flat=True))
    missing = [specification for specification in defaults if specification.pk not in known]
    InstrumentSpecification.objects.bulk_create(missing, ignore_conflicts=True)  # a twin may add them meanwhile
    return len(missing)
