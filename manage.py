#!/usr/bin/env python
"""The one entry point: up, demo, test, import_m1 and Django's own commands."""

import os
import signal
import sys
from contextlib import AbstractContextManager, nullcontext
from types import FrameType

# Commands that touch neither database nor broker; every other one finds (or gets) running servers.
OFFLINE = {"check", "collectstatic", "compilemessages", "help", "spectacular", "version", "test"}


def services(command: str) -> AbstractContextManager[object]:
    """The embedded servers this command needs: those whose URL is not in the environment."""
    from config.embedded import EmbeddedServices, supported
    from config.env import env, var_dir

    if command in OFFLINE or command.startswith("-") or not supported():
        return nullcontext()
    return EmbeddedServices(var_dir(), postgres=not env.str("DATABASE_URL", ""), redis=not env.str("REDIS_URL", ""))


def _terminate(signum: int, frame: FrameType | None) -> None:
    raise SystemExit(128 + signum)  # unwinds the stack, so that everything started is stopped


def main() -> None:
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "config.settings")
    signal.signal(signal.SIGINT, signal.default_int_handler)  # a shell's background jobs are born ignoring it
    for name in ("SIGTERM", "SIGHUP"):  # Windows has no SIGHUP
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), _terminate)
    command = sys.argv[1] if len(sys.argv) > 1 else "help"
    with services(command):
        from django.core.management import execute_from_command_line

        execute_from_command_line(sys.argv)


if __name__ == "__main__":
    main()
