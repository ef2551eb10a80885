"""Addresses below /api/bots/."""

from django.urls import path
from rest_framework.routers import DefaultRouter

from bots import services, views

router = DefaultRouter()
router.include_root_view = False
router.include_format_suffixes = False
router.register("bots", views.BotViewSet, basename="bot")
router.register("versions", views.BotVersionViewSet, basename="version")
router.register("backtest-configs", views.BacktestConfigViewSet, basename="backtest-config")
router.register("backtest-runs", views.BacktestRunViewSet, basename="backtest-run")
router.register("live-runs", views.LiveRunViewSet, basename="live-run")

EXPORTS = {"csv": views.BacktestCsvAPIView, "parquet": views.BacktestParquetAPIView}

urlpatterns = [
    path("strategy-templates/", views.ListStrategyTemplatesAPIView.as_view(), name="strategy-templates"),
    path("strategy-templates/<str:filename>/", views.StrategyTemplateAPIView.as_view(), name="strategy-template"),
    path("backtests/launch/", views.LaunchBacktestAPIView.as_view(), name="launch-backtest"),
    path("live-runs/start/", views.StartLiveRunAPIView.as_view(), name="start-live-run"),
    path("live-runs/<uuid:live_run_id>/stop/", views.StopLiveRunAPIView.as_view(), name="stop-live-run"),
    *(
        path(
            f"backtest-runs/<uuid:run_id>/export/{part}.{kind}",
            view.as_view(part=part),
            name=f"backtest-run-export-{part}-{kind}",
        )
        for part in services.PARTS
        for kind, view in EXPORTS.items()
    ),
    *router.urls,
]
