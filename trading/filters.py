"""Filters of the lists."""

from accounts.filters import StrictFilterSet
from trading.models import InstrumentSpecification


class InstrumentFilter(StrictFilterSet):
    class Meta:
        model = InstrumentSpecification
        fields = ["base_currency", "quote_currency"]
