"""How ids, times and decimals are written in requests. Python's own readers take much more."""

import re

UUID = re.compile(r"[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII)
MOMENT = re.compile(r"\d{4}-\d{2}-\d{2}[Tt]\d{2}:\d{2}:\d{2}(\.\d+)?([Zz]|[+-]\d{2}:\d{2})", re.ASCII)
DIGITS = re.compile(r"-?\d{1,18}", re.ASCII)
DECIMAL = re.compile(r"-?\d+(\.\d+)?", re.ASCII)

NOT_A_UUID = "Must be a UUID."
NOT_A_MOMENT = "Must be an RFC 3339 time with a zone, e.g. 2025-01-31T08:00:00Z."
