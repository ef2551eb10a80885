"""Guessing a password must be slow."""

from rest_framework.throttling import AnonRateThrottle


class LoginThrottle(AnonRateThrottle):
    """By address; without Redis nobody signs in, rather than anybody trying as often as they like."""

    scope = "login"
