"""Filters of the lists."""

import django_filters as filters

from trading.models import InstrumentSpecification


class InstrumentFilter(filters.FilterSet):
    class Meta:
        model = InstrumentSpecification
        fields = ["base_currency", "quote_currency"]
