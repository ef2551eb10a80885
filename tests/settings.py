"""The platform's settings for a test run: servers, candles and artifacts apart from those of `make up`."""

import os
from pathlib import Path

os.environ.setdefault("BOTYARD_VAR", str(Path(__file__).resolve().parent.parent / "var" / "test"))
# The limits on requests are tested where they matter; elsewhere they would only be in the way.
for _limit in ("THROTTLE_ANONYMOUS", "THROTTLE_USER", "THROTTLE_LOGIN"):
    os.environ.setdefault(_limit, "100000/min")

from config.settings import *  # noqa: E402, F403

PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]  # slow hashes are for attackers
