"""Addresses below /api/."""

from django.urls import path
from rest_framework.routers import DefaultRouter

from accounts import views

router = DefaultRouter()
router.include_root_view = False
router.include_format_suffixes = False
router.register("accounts", views.AccountViewSet, basename="account")

urlpatterns = [
    path("auth/login/", views.LoginView.as_view(), name="login"),
    path("auth/logout/", views.LogoutView.as_view(), name="logout"),
    path("auth/me/", views.MeView.as_view(), name="me"),
    *router.urls,
]
