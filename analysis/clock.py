"""The time zones of this machine."""

from functools import cache
from zoneinfo import available_timezones


@cache
def time_zones() -> frozenset[str]:
    """Their IANA names. Looked up once: it takes a walk through all of their files."""
    return frozenset(available_timezones())
