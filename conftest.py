"""Settings of the test run that must stand before Django reads its own."""

import os
from pathlib import Path

# Servers, candles and artifacts of the tests are apart from those of `make up`.
os.environ.setdefault("BOTYARD_VAR", str(Path(__file__).resolve().parent / "var" / "test"))
# The limits on requests are tested where they matter; elsewhere they would only make tests slow.
os.environ.setdefault("THROTTLE_ANONYMOUS", "100000/min")
os.environ.setdefault("THROTTLE_USER", "100000/min")
os.environ.setdefault("THROTTLE_LOGIN", "100000/min")
