"""Serve the platform until Ctrl-C."""

import os
import time
from argparse import ArgumentParser

from django.conf import settings
from django.core.management.base import BaseCommand, CommandError

from config import supervisor
from config.env import env
from config.setup import Login, prepare
from config.supervisor import ProgramFailed, Supervisor, free_port


class Command(BaseCommand):
    help = "Serve the platform until Ctrl-C: web, workers for backtests and live runs, beat, Flower."
    requires_system_checks = ()

    def add_arguments(self, parser: ArgumentParser) -> None:
        parser.add_argument("--port", type=int, default=8000, help="of the web server (default 8000)")
        parser.add_argument("--flower-port", type=int, default=5555)
        parser.add_argument("--backtests", type=int, default=os.cpu_count() or 1, help="backtests at once")
        parser.add_argument("--live", type=int, default=32, help="live runs at once")

    def handle(self, **options: int) -> None:
        login = prepare()
        web_port, flower_port = free_port(options["port"]), free_port(options["flower_port"])
        flower_auth = env.str("FLOWER_BASIC_AUTH", "") or (f"{login.username}:{login.password}" if login else "")
        programs = [
            supervisor.web(web_port),
            supervisor.worker("backtests", queues="backtests", concurrency=options["backtests"]),
            supervisor.worker("live", queues="live,default", concurrency=options["live"], pool="threads"),
            supervisor.beat(),
        ]
        if flower_auth:
            programs.append(supervisor.flower(flower_port, flower_auth))
        platform = Supervisor(
            settings.BASE_DIR, settings.VAR_DIR / "log", environment=os.environ, echo=self.stdout.write
        )
        try:
            with platform:
                platform.start(programs)
                platform.wait_for_web(f"http://127.0.0.1:{web_port}/")
                self._greet(web_port, flower_port if flower_auth else None, login)
                while True:
                    time.sleep(1)
                    platform.restart_ended()
        except KeyboardInterrupt:
            self.stdout.write("Stopped.")
        except ProgramFailed as error:
            raise CommandError(str(error)) from error

    def _greet(self, web_port: int, flower_port: int | None, login: Login | None) -> None:
        home = f"http://127.0.0.1:{web_port}"
        lines = [
            "",
            "Botyard is up. Ctrl-C stops it.",
            f"  platform   {home}/",
            f"  API        {home}/api/docs/",
        ]
        lines.append(f"  admin      {home}/admin/")
        if flower_port is not None:
            lines.append(f"  Flower     http://127.0.0.1:{flower_port}/")
        if login is not None:
            lines.append(f"  login      {login.username} / {login.password}")
        self.stdout.write("\n".join([*lines, ""]))
