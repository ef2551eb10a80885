"""Settings are safe by default; production refuses what a careless deployment would start with."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

PROJECT = Path(__file__).resolve().parents[2]
GOOD_KEY = "k3y-of-a-production-deployment-0123456789-abcdefghijklmnop"
PRODUCTION = {
    "BOTYARD_ENV": "production",
    "SECRET_KEY": GOOD_KEY,
    "ALLOWED_HOSTS": "botyard.example.com",
    "DATABASE_URL": "postgres://u:p@127.0.0.1:5432/x",
    "REDIS_URL": "redis://127.0.0.1:6379/0",
}


def manage(*args: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """manage.py in a process with this environment only."""
    return subprocess.run(
        [sys.executable, "manage.py", *args],
        cwd=PROJECT,
        env={"PATH": os.environ["PATH"], **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def example_environment() -> dict[str, str]:
    """`.env.example` with its placeholders filled in, as a deployment would."""
    lines = (PROJECT / ".env.example").read_text().splitlines()
    values = dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))
    assert values["SECRET_KEY"] == "change-me"
    return values | {"SECRET_KEY": GOOD_KEY}


def test_the_filled_in_example_passes_the_deployment_check_without_a_warning(tmp_path):
    done = manage("check", "--deploy", "--fail-level", "WARNING", **example_environment(), BOTYARD_VAR=str(tmp_path))
    assert done.returncode == 0, done.stderr
    assert "no issues" in done.stdout


def test_every_setting_that_is_read_is_in_the_example():
    read = set()
    for name in ("settings.py", "env.py", "management/commands/up.py"):
        source = (PROJECT / "config" / name).read_text()
        for kind in ("str", "int", "float", "bool", "list", "db"):
            for part in source.split(f'env.{kind}("')[1:]:
                read.add(part.split('"')[0])
    example = (PROJECT / ".env.example").read_text()
    assert read
    assert {name for name in read if f"{name}=" not in example} == set()


@pytest.mark.parametrize(
    ("change", "complaint"),
    [
        ({"SECRET_KEY": ""}, "SECRET_KEY"),
        ({"SECRET_KEY": "change-me"}, "SECRET_KEY"),
        ({"SECRET_KEY": "a" * 60}, "SECRET_KEY"),
        ({"SECRET_KEY": "dev-" + "0123456789" * 6}, "SECRET_KEY"),
        ({"DEBUG": "true"}, "DEBUG"),
        ({"ALLOWED_HOSTS": "*"}, "ALLOWED_HOSTS"),
        ({"ALLOWED_HOSTS": ""}, "ALLOWED_HOSTS"),
        ({"BOTYARD_ENV": "prod"}, "BOTYARD_ENV"),
    ],
)
def test_production_refuses_to_start_with(change, complaint, tmp_path):
    done = manage("check", **(PRODUCTION | change), BOTYARD_VAR=str(tmp_path))
    assert done.returncode != 0
    assert f"ImproperlyConfigured: {complaint}" in done.stderr


def test_a_development_machine_gets_a_key_of_its_own_that_stays(tmp_path):
    for _ in range(2):
        assert manage("check", BOTYARD_VAR=str(tmp_path)).returncode == 0
    key = tmp_path / "secret_key"
    assert len(key.read_text()) > 50
    assert key.stat().st_mode & 0o077 == 0
