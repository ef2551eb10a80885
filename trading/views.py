"""Instruments and candles over REST."""

from django.conf import settings
from django.http import Http404
from drf_spectacular.utils import extend_schema
from rest_framework import viewsets
from rest_framework.request import Request
from rest_framework.response import Response

from analysis.utils.data_processor import list_datasets
from trading.filters import InstrumentFilter
from trading.models import InstrumentSpecification
from trading.serializers import DatasetSerializer, InstrumentSpecificationSerializer


class InstrumentViewSet(viewsets.ReadOnlyModelViewSet[InstrumentSpecification]):
    """What can be traded, and by which numbers."""

    queryset = InstrumentSpecification.objects.all()
    serializer_class = InstrumentSpecificationSerializer
    filterset_class = InstrumentFilter
    search_fields = ["symbol", "description"]
    ordering_fields = ["symbol", "last_updated"]
    lookup_value_regex = "[^/]{1,29}"


class DatasetViewSet(viewsets.GenericViewSet[InstrumentSpecification]):
    """The candles that are there, with their quality."""

    serializer_class = DatasetSerializer
    filter_backends = ()
    lookup_field = "symbol"
    lookup_value_regex = "[^/]{1,29}"

    @extend_schema(responses=DatasetSerializer(many=True))
    def list(self, request: Request) -> Response:
        page = self.paginate_queryset(list_datasets(settings.MARKET_DATA_ROOT))
        return self.get_paginated_response(DatasetSerializer(page, many=True).data)

    @extend_schema(responses=DatasetSerializer)
    def retrieve(self, request: Request, symbol: str) -> Response:
        for dataset in list_datasets(settings.MARKET_DATA_ROOT):
            if dataset.symbol == symbol:
                return Response(DatasetSerializer(dataset).data)
        raise Http404
