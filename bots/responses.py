"""Answers that are files and not JSON, and how the API's document describes them."""

from collections.abc import AsyncIterator, Iterator
from typing import Any

from asgiref.sync import sync_to_async
from django.http import HttpResponse, StreamingHttpResponse
from django.utils.http import content_disposition_header
from drf_spectacular.types import OpenApiTypes
from drf_spectacular.utils import OpenApiResponse
from rest_framework.negotiation import DefaultContentNegotiation
from rest_framework.request import Request

from analysis.report import CONTENT_POLICY
from bots.services import Export

HTML, CSV, PARQUET = "text/html", "text/csv", "application/vnd.apache.parquet"

_PROBLEM = {"$ref": "#/components/schemas/Problem"}
_NOT_COMPLETED = {
    (409, "application/problem+json"): OpenApiResponse(_PROBLEM, "The run is not COMPLETED"),
}
_CLEARED = {
    (410, "application/problem+json"): OpenApiResponse(_PROBLEM, "The files of the run were cleared to make room"),
}
REPORT_ANSWERS: dict[Any, Any] = {(200, HTML): OpenApiTypes.STR, **_NOT_COMPLETED}
CSV_ANSWERS: dict[Any, Any] = {(200, CSV): OpenApiTypes.STR, **_NOT_COMPLETED, **_CLEARED}
PARQUET_ANSWERS: dict[Any, Any] = {(200, PARQUET): OpenApiTypes.BINARY, **_NOT_COMPLETED, **_CLEARED}


class AnyAccept(DefaultContentNegotiation):
    """A file is what it is, whatever the request says it accepts; a problem stays JSON."""

    def select_renderer(self, request: Request, renderers: Any, format_suffix: str | None = None) -> Any:
        return renderers[0], renderers[0].media_type


class ReportResponse(HttpResponse):
    """A report, which may run no script wherever it came from; to be looked at, or to be kept."""

    def __init__(self, html: str, filename: str, *, download: bool) -> None:
        super().__init__(html, content_type=f"{HTML}; charset=utf-8")
        self["Content-Security-Policy"] = f"{CONTENT_POLICY}; frame-ancestors 'none'"
        self["Content-Disposition"] = str(content_disposition_header(download, filename))
        self["Cache-Control"] = "private, no-cache"


class StreamedFile(StreamingHttpResponse):
    """A file to keep, sent as it is read.

    Under ASGI as well: Django would collect all of a synchronous iterator before it sends the first byte.
    """

    streaming_content: Iterator[bytes]

    def __init__(self, export: Export, content_type: str) -> None:
        super().__init__(export.chunks, content_type=content_type)
        self["Content-Disposition"] = str(content_disposition_header(True, export.filename))
        self["Cache-Control"] = "private, no-cache"
        if export.size is not None:
            self["Content-Length"] = str(export.size)

    async def __aiter__(self) -> AsyncIterator[bytes]:
        chunks = iter(self.streaming_content)
        read = sync_to_async(lambda: next(chunks, None), thread_sensitive=False)  # touches no database
        while (chunk := await read()) is not None:
            yield chunk
