"""The bots API: authorise, validate, call one service, serialise."""

from collections.abc import Collection, Mapping
from dataclasses import asdict
from typing import Any

from django.db.models import Model, QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from drf_spectacular.utils import OpenApiParameter, extend_schema
from rest_framework import mixins, serializers, status, viewsets
from rest_framework.decorators import action
from rest_framework.generics import get_object_or_404
from rest_framework.request import Request
from rest_framework.response import Response
from rest_framework.serializers import BaseSerializer
from rest_framework.views import APIView

from accounts.views import signed_in
from bots import filters, services
from bots.models import BacktestConfig, BacktestRun, Bot, BotVersion, LiveRun
from bots.responses import (
    CSV,
    CSV_ANSWERS,
    PARQUET,
    PARQUET_ANSWERS,
    REPORT_ANSWERS,
    AnyAccept,
    ReportResponse,
    StreamedFile,
)
from bots.selectors import (
    describe_template,
    get_strategy_template_content,
    strategy_template_names,
    strategy_templates,
)
from bots.serializers import (
    BacktestConfigSerializer,
    BacktestRunListSerializer,
    BacktestRunSerializer,
    BotSerializer,
    BotVersionCreateSerializer,
    BotVersionListSerializer,
    BotVersionSerializer,
    CandleBarsSerializer,
    CandleQuerySerializer,
    EquityPointsSerializer,
    LaunchBacktestSerializer,
    LiveRunEventSerializer,
    LiveRunSerializer,
    NoQuerySerializer,
    OverlaysSerializer,
    ReportQuerySerializer,
    StartLiveRunSerializer,
    StopLiveRunSerializer,
    StrategyTemplateSerializer,
    StrategyTemplateSourceSerializer,
    SymbolSerializer,
    TradeQuerySerializer,
    TradeSerializer,
    WindowSerializer,
)

MAX_KEY_LENGTH = 255
IDEMPOTENCY_KEY = OpenApiParameter(
    "Idempotency-Key", str, OpenApiParameter.HEADER, description="The same key and request start one run only"
)


class BotViewSet(viewsets.ModelViewSet[Bot]):
    """Bots; creating one also creates its default version from the template."""

    serializer_class = BotSerializer
    filterset_class = filters.BotFilter
    search_fields = ["name", "strategy_template"]
    ordering_fields = ["name", "created_at", "updated_at"]
    http_method_names = ["get", "post", "put", "patch", "delete", "head", "options"]

    def get_queryset(self) -> QuerySet[Any]:
        return Bot.objects.owned_by(self.request.user)

    def perform_create(self, serializer: BaseSerializer[Any]) -> None:
        serializer.instance = services.create_bot(user=signed_in(self.request), **serializer.validated_data)

    def perform_destroy(self, instance: Model) -> None:
        services.delete_if_unused(instance)


class BotVersionViewSet(
    mixins.CreateModelMixin,
    mixins.ListModelMixin,
    mixins.RetrieveModelMixin,
    mixins.DestroyModelMixin,
    viewsets.GenericViewSet[BotVersion],
):
    """Immutable versions of a bot: source and params under one hash."""

    filterset_class = filters.BotVersionFilter
    search_fields = ["notes", "code_hash", "bot__name"]
    ordering_fields = ["created_at"]

    def get_queryset(self) -> QuerySet[Any]:
        versions = BotVersion.objects.owned_by(self.request.user)
        return versions.without_code() if self.action == "list" else versions

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        if self.action == "create":
            return BotVersionCreateSerializer
        return BotVersionListSerializer if self.action == "list" else BotVersionSerializer

    @extend_schema(request=BotVersionCreateSerializer, responses={201: BotVersionSerializer, 200: BotVersionSerializer})
    def create(self, request: Request, *args: Any, **kwargs: Any) -> Response:
        """Store source and params; the same ones give the version that is there (200)."""
        serializer = self.get_serializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        wanted = serializer.validated_data
        version, created = services.create_bot_version(
            wanted["bot_id"], wanted["strategy_file_content"], wanted["params"], wanted["notes"]
        )
        code = status.HTTP_201_CREATED if created else status.HTTP_200_OK
        return Response(BotVersionSerializer(version).data, code)

    def perform_destroy(self, instance: Model) -> None:
        services.delete_if_unused(instance)


class BacktestConfigViewSet(viewsets.ModelViewSet[BacktestConfig]):
    """How a version is tested. A config that has runs can no longer be changed."""

    serializer_class = BacktestConfigSerializer
    filterset_class = filters.BacktestConfigFilter
    search_fields = ["label"]
    ordering_fields = ["created_at", "label"]

    def get_queryset(self) -> QuerySet[Any]:
        return BacktestConfig.objects.owned_by(self.request.user)

    def perform_update(self, serializer: BaseSerializer[Any]) -> None:
        serializer.instance = services.update_config(self.get_object(), serializer.validated_data)

    def perform_destroy(self, instance: Model) -> None:
        services.delete_if_unused(instance)


class BacktestRunViewSet(viewsets.ReadOnlyModelViewSet[BacktestRun]):
    """Backtests; lists leave the heavy fields out."""

    filterset_class = filters.BacktestRunFilter
    search_fields = ["instrument_symbols", "config__label", "config__bot_version__bot__name"]
    ordering_fields = ["created_at", "started_at", "finished_at", "instrument_symbol", "status"]

    def get_queryset(self) -> QuerySet[Any]:
        runs = BacktestRun.objects.owned_by(self.request.user).select_related("config")
        return runs.light() if self.action != "retrieve" else runs

    def get_serializer_class(self) -> type[BaseSerializer[Any]]:
        return BacktestRunListSerializer if self.action in {"list", "cancel"} else BacktestRunSerializer

    @extend_schema(parameters=[TradeQuerySerializer], responses=TradeSerializer(many=True))
    @action(detail=True, filterset_class=None, filter_backends=[])
    def trades(self, request: Request, pk: str | None = None) -> Response:
        """The log of trades in the order they were opened; empty until the run is COMPLETED."""
        wanted = _query(request, TradeQuerySerializer, besides={"page", "page_size"})
        log: Any = services.trade_log(self.get_object(), wanted.get("symbol"))
        return self.get_paginated_response(self.paginate_queryset(log))

    @extend_schema(parameters=[WindowSerializer], responses=EquityPointsSerializer)
    @action(detail=True, filterset_class=None, filter_backends=[], pagination_class=None)
    def equity(self, request: Request, pk: str | None = None) -> Response:
        """The equity after every M1 candle, thinned without losing an extreme; empty until the run is COMPLETED."""
        window = _window(_query(request, WindowSerializer))
        return Response(asdict(services.equity_points(self.get_object(), window)))

    @extend_schema(parameters=[CandleQuerySerializer], responses=CandleBarsSerializer)
    @action(detail=True, filterset_class=None, filter_backends=[], pagination_class=None)
    def candles(self, request: Request, pk: str | None = None) -> Response:
        """The candles of the run, as M1 or the shortest longer candles that fit; exact aggregates of what is there."""
        wanted = _query(request, CandleQuerySerializer)
        bars = services.candle_bars(self.get_object(), _window(wanted), wanted.get("symbol"))
        return Response(asdict(bars))

    @extend_schema(parameters=[SymbolSerializer], responses=OverlaysSerializer)
    @action(detail=True, filterset_class=None, filter_backends=[], pagination_class=None)
    def overlays(self, request: Request, pk: str | None = None) -> Response:
        """What the strategy draws on the chart of one symbol; empty until the run is COMPLETED."""
        wanted = _query(request, SymbolSerializer)
        return Response(asdict(services.chart_overlays(self.get_object(), wanted.get("symbol"))))

    @extend_schema(parameters=[ReportQuerySerializer], responses=REPORT_ANSWERS)
    @action(
        detail=True, filterset_class=None, filter_backends=[], pagination_class=None,
        content_negotiation_class=AnyAccept,
    )  # fmt: skip
    def report(self, request: Request, pk: str | None = None) -> ReportResponse:
        """The result of a COMPLETED run as one HTML file: charts, statistics, trades, and how to get it again."""
        wanted, run = _query(request, ReportQuerySerializer), self.get_object()
        trades = request.build_absolute_uri(reverse("backtest-run-export-trades-csv", args=[run.pk]))
        html = services.backtest_report(run, made_at=timezone.now(), trades_url=trades)
        return ReportResponse(html, services.filename(run, "report.html"), download=bool(wanted["download"]))

    @extend_schema(request=None, responses=BacktestRunListSerializer)
    @action(detail=True, methods=["post"], filterset_class=None, pagination_class=None)
    def cancel(self, request: Request, pk: str | None = None) -> Response:
        """Ask the run to end; it is CANCELLED at once, or within about a second by its worker."""
        run = services.cancel_backtest(self.get_object())
        return Response(self.get_serializer(run).data)


class BacktestCsvAPIView(APIView):
    """All trades, or the equity after every minute, of a COMPLETED run as CSV."""

    content_negotiation_class = AnyAccept
    part = services.PARTS[0]

    @extend_schema(responses=CSV_ANSWERS)
    def get(self, request: Request, run_id: str) -> StreamedFile:
        return StreamedFile(services.export_csv(_run_of(request, run_id), self.part), f"{CSV}; charset=utf-8")


class BacktestParquetAPIView(APIView):
    """The same as the Parquet file its worker wrote; times of trades are milliseconds since 1970 in UTC."""

    content_negotiation_class = AnyAccept
    part = services.PARTS[0]

    @extend_schema(responses=PARQUET_ANSWERS)
    def get(self, request: Request, run_id: str) -> StreamedFile:
        return StreamedFile(services.export_parquet(_run_of(request, run_id), self.part), PARQUET)


class LiveRunViewSet(viewsets.ReadOnlyModelViewSet[LiveRun]):
    """Live runs and what happened to them."""

    serializer_class = LiveRunSerializer
    filterset_class = filters.LiveRunFilter
    search_fields = ["instrument_symbol", "bot_version__bot__name"]
    ordering_fields = ["created_at", "started_at", "stopped_at", "status"]

    def get_queryset(self) -> QuerySet[Any]:
        return LiveRun.objects.owned_by(self.request.user)

    @extend_schema(responses=LiveRunEventSerializer(many=True))
    @action(detail=True, filterset_class=None, filter_backends=[])
    def events(self, request: Request, pk: str | None = None) -> Response:
        """Who did what to the run, when and why, oldest first."""
        page: Any = self.paginate_queryset(self.get_object().events.all())  # type: ignore[arg-type]
        return self.get_paginated_response(LiveRunEventSerializer(page, many=True).data)


class ListStrategyTemplatesAPIView(APIView):
    """The strategy templates a bot may start from."""

    @extend_schema(responses=StrategyTemplateSerializer(many=True))
    def get(self, request: Request) -> Response:
        return Response(StrategyTemplateSerializer(strategy_templates(), many=True).data)


class StrategyTemplateAPIView(APIView):
    """One strategy template with its source."""

    @extend_schema(responses=StrategyTemplateSourceSerializer)
    def get(self, request: Request, filename: str) -> Response:
        if filename not in strategy_template_names():
            raise Http404
        template = asdict(describe_template(filename))
        template["strategy_file_content"] = get_strategy_template_content(filename)
        return Response(StrategyTemplateSourceSerializer(template).data)


class LaunchBacktestAPIView(APIView):
    """Start a backtest of a version over a window of candles."""

    @extend_schema(
        request=LaunchBacktestSerializer, responses={202: BacktestRunListSerializer}, parameters=[IDEMPOTENCY_KEY]
    )
    def post(self, request: Request) -> Response:
        serializer = LaunchBacktestSerializer(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        wanted = dict(serializer.validated_data)
        run = services.launch_backtest(
            user=signed_in(request),
            bot_version=wanted.pop("bot_version_id"),
            config=wanted.pop("backtest_config_id"),
            idempotency_key=_idempotency_key(request),
            **wanted,
        )
        return Response(BacktestRunListSerializer(run).data, status.HTTP_202_ACCEPTED)


class StartLiveRunAPIView(APIView):
    """Start a version on its bot's account."""

    @extend_schema(request=StartLiveRunSerializer, responses={202: LiveRunSerializer}, parameters=[IDEMPOTENCY_KEY])
    def post(self, request: Request) -> Response:
        serializer = StartLiveRunSerializer(data=request.data, context={"request": request})
        serializer.is_valid(raise_exception=True)
        wanted = dict(serializer.validated_data)
        run = services.start_bot_live_run(
            user=signed_in(request),
            bot_version=wanted.pop("bot_version_id"),
            idempotency_key=_idempotency_key(request),
            **wanted,
        )
        return Response(LiveRunSerializer(run).data, status.HTTP_202_ACCEPTED)


class StopLiveRunAPIView(APIView):
    """Ask a live run to end."""

    @extend_schema(request=StopLiveRunSerializer, responses=LiveRunSerializer)
    def post(self, request: Request, live_run_id: str) -> Response:
        run = get_object_or_404(LiveRun.objects.owned_by(request.user), pk=live_run_id)
        serializer = StopLiveRunSerializer(data=request.data)
        serializer.is_valid(raise_exception=True)
        run = services.stop_bot_live_run(run, user=signed_in(request), reason=serializer.validated_data["reason"])
        return Response(LiveRunSerializer(run).data)


def _run_of(request: Request, run_id: str) -> BacktestRun:
    _query(request, NoQuerySerializer)
    return get_object_or_404(BacktestRun.objects.owned_by(request.user).light(), pk=run_id)


def _query(
    request: Request, serializer_class: type[serializers.Serializer[Any]], besides: Collection[str] = ()
) -> dict[str, Any]:
    given = {name: value for name, value in request.query_params.dict().items() if name not in besides}
    query = serializer_class(data=given)
    query.is_valid(raise_exception=True)
    return dict(query.validated_data)


def _window(wanted: Mapping[str, Any]) -> services.Window:
    return services.Window(wanted.get("from"), wanted.get("to"), wanted["max_points"])


def _idempotency_key(request: Request) -> str | None:
    key = request.headers.get("Idempotency-Key")
    if key is not None and not (0 < len(key) <= MAX_KEY_LENGTH and key.isprintable()):
        raise serializers.ValidationError({"Idempotency-Key": f"Must be 1 to {MAX_KEY_LENGTH} printable characters."})
    return key
