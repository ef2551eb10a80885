"""The process environment, read once: real variables win over the file `.env` beside manage.py."""

import os
from pathlib import Path

import environ

BASE_DIR = Path(__file__).resolve().parent.parent

env = environ.Env()
environ.Env.read_env(BASE_DIR / ".env")


def var_dir() -> Path:
    """Where everything the platform writes lives: databases, candles, artifacts, logs, generated keys."""
    return Path(os.environ.get("BOTYARD_VAR") or BASE_DIR / "var").resolve()
