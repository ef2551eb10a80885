"""Instruments and candles over REST."""

from dataclasses import asdict

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from analysis.candle_store.catalogue import read_quality
from analysis.candle_store.layout import symbol_dir
from analysis.utils.data_processor import list_datasets
from trading.filters import InstrumentFilter
from trading.models import InstrumentSpecification
from trading.serializers import DatasetReportSerializer, DatasetSerializer, InstrumentSpecificationSerializer

SYMBOL_IN_A_PATH = r"[^/\x00-\x1f]{1,29}"


class InstrumentViewSet(viewsets.ReadOnlyModelViewSet[InstrumentSpecification]):
    """What can be traded, and by which numbers."""

    queryset = InstrumentSpecification.objects.all()
    serializer_class = InstrumentSpecificationSerializer
    filterset_class = InstrumentFilter
    search_fields = ["symbol", "description"]
    ordering_fields = ["symbol", "last_updated"]
    lookup_value_regex = SYMBOL_IN_A_PATH


class DatasetViewSet(viewsets.GenericViewSet[InstrumentSpecification]):
    """The candles that are there, with their quality."""

    serializer_class = DatasetSerializer
    filter_backends = ()
    lookup_field = "symbol"
    lookup_value_regex = SYMBOL_IN_A_PATH

    @extend_schema(responses=DatasetSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(list_datasets(settings.MARKET_DATA_ROOT))
        return self.get_paginated_response(DatasetSerializer(page, many=True).data)

    @extend_schema(responses=DatasetReportSerializer)
    def retrieve(self, request: Request, symbol: str) -> Response:
        for dataset in list_datasets(settings.MARKET_DATA_ROOT):
            if dataset.symbol == symbol:
                report = read_quality(symbol_dir(settings.MARKET_DATA_ROOT, symbol))
                return Response(DatasetReportSerializer({**asdict(dataset), "report": report}).data)
        raise Http404
