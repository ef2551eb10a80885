"""Addresses of the pages."""

from django.contrib.auth.views import LogoutView
from django.urls import path

from dashboard import views

app_name = "dashboard"
urlpatterns = [
    path("", views.home, name="home"),
    path("login/", views.LoginView.as_view(), name="login"),
    path("logout/", LogoutView.as_view(next_page="dashboard:home"), name="logout"),
    path("runs/<uuid:run_id>/", views.run_page, name="run"),
]
