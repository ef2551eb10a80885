"""Addresses below /api/."""

from rest_framework.routers import DefaultRouter

from trading import views

router = DefaultRouter()
router.include_root_view = False
router.include_format_suffixes = False
router.register("trading/instruments", views.InstrumentViewSet, basename="instrument")
router.register("analysis/datasets", views.DatasetViewSet, basename="dataset")

urlpatterns = router.urls
