"""Instruments and datasets as the API answers them."""

from typing import Any

from rest_framework import serializers

from trading.models import InstrumentSpecification


class InstrumentSpecificationSerializer(serializers.ModelSerializer[InstrumentSpecification]):
    class Meta:
        model = InstrumentSpecification
        fields = "__all__"
        read_only_fields = [field.name for field in InstrumentSpecification._meta.fields]


class QualitySummarySerializer(serializers.Serializer[Any]):
    """The stored quality report in short."""

    coverage_percent = serializers.FloatField(allow_null=True)
    gaps = serializers.IntegerField()
    missing_minutes = serializers.IntegerField()
    spikes = serializers.IntegerField()
    spread_zero_throughout = serializers.BooleanField()
    refused_rows = serializers.IntegerField()
    conflicting_rows = serializers.IntegerField()


class DatasetSerializer(serializers.Serializer[Any]):
    """A symbol's candles in the store; `first` and `last` are open times."""

    symbol = serializers.CharField()
    rows = serializers.IntegerField()
    first = serializers.DateTimeField()
    last = serializers.DateTimeField()
    years = serializers.ListField(child=serializers.IntegerField())
    size_bytes = serializers.IntegerField()
    spread_recorded = serializers.BooleanField()
    quality = QualitySummarySerializer(allow_null=True)
    damaged = serializers.ListField(child=serializers.CharField(), help_text="Files that cannot be read")


class DatasetReportSerializer(DatasetSerializer):
    """The same with the whole quality report."""

    report = serializers.JSONField(help_text="What imports measured and refused; null when nothing was imported")
