"""Answers as JSON."""

import contextlib
from collections.abc import Mapping
from typing import Any

import orjson
from rest_framework import renderers

_AS_BEFORE = orjson.OPT_PASSTHROUGH_DATETIME | orjson.OPT_NON_STR_KEYS  # times are written as the framework does


class JSONRenderer(renderers.JSONRenderer):
    """The framework's, ten times faster for the logs and curves of backtests."""

    def render(
        self, data: Any, accepted_media_type: str | None = None, renderer_context: Mapping[str, Any] | None = None
    ) -> bytes:
        if data is not None and self.get_indent(accepted_media_type or "", renderer_context or {}) is None:
            with contextlib.suppress(orjson.JSONEncodeError):  # numbers beyond 64 bits, which params may hold
                return orjson.dumps(data, self.encoder_class().default, _AS_BEFORE)
        return bytes(super().render(data, accepted_media_type, renderer_context))
