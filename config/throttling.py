"""Limits on requests, counted in Redis."""

import logging
from typing import TYPE_CHECKING

import redis
from rest_framework.request import Request
from rest_framework.throttling import AnonRateThrottle, SimpleRateThrottle, UserRateThrottle

if TYPE_CHECKING:
    from rest_framework.views import APIView

log = logging.getLogger(__name__)


class _Lenient(SimpleRateThrottle):
    """Lets requests pass while Redis restarts: launching and stopping runs needs PostgreSQL only."""

    def allow_request(self, request: Request, view: "APIView") -> bool:
        try:
            return super().allow_request(request, view)
        except redis.ConnectionError:
            log.warning("Requests are not limited: Redis is away")
            return True


class AnonymousThrottle(_Lenient, AnonRateThrottle):
    """By address, for those who are not signed in."""


class UserThrottle(_Lenient, UserRateThrottle):
    """By user."""
