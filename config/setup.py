"""What must be in place before the platform can serve: tables, instruments and, for a developer, a login."""

import secrets
from dataclasses import dataclass

from django.conf import settings
from django.core.management import call_command

from accounts.services import ensure_superuser
from trading.services import load_default_instruments

DEMO_USERNAME = "demo"


@dataclass(frozen=True)
class Login:
    """Credentials of the development login; shown on the console of whoever starts the platform."""

    username: str
    password: str


def prepare() -> Login | None:
    """Bring database and instruments up to date; returns the demo login (None in production)."""
    call_command("migrate", verbosity=0, interactive=False)
    load_default_instruments()
    if settings.PRODUCTION:
        call_command("collectstatic", verbosity=0, interactive=False)
        return None
    login = Login(DEMO_USERNAME, _kept_secret("demo_password"))
    ensure_superuser(username=login.username, password=login.password)
    return login


def _kept_secret(name: str) -> str:
    """A random word made at the first start and kept for this user alone under `var/`."""
    kept = settings.VAR_DIR / name
    if not kept.exists():
        kept.touch(mode=0o600)
        kept.write_text(secrets.token_urlsafe(9))
    return kept.read_text()
