from django.apps import AppConfig


class PlatformConfig(AppConfig):
    """Makes the commands `up`, `demo` and `test` known to manage.py."""

    name = "config"
