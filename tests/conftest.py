"""Real servers for every test: those of the environment, or embedded ones that live as long as the session."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def sample_data() -> Path:
    """Folder with real candles (m1/*.parquet, csv/*.csv); tests that need it are skipped without."""
    folder = os.environ.get("BOTYARD_SAMPLE_DATA", "")
    if not folder:
        pytest.skip("BOTYARD_SAMPLE_DATA is not set: no real candles here")
    return Path(folder)


@pytest.fixture(scope="session")
def django_db_modify_db_settings(embedded_services: None) -> None:
    """pytest-django creates its database after this: the server must be there."""


@pytest.fixture(scope="session")
def embedded_services() -> Iterator[None]:
    """PostgreSQL and Redis, unless the environment names servers to use."""
    from config.embedded import EmbeddedServices
    from config.env import env, var_dir

    with EmbeddedServices(var_dir(), postgres=not env.str("DATABASE_URL", ""), redis=not env.str("REDIS_URL", "")):
        yield
