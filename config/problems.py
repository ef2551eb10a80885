"""Errors as RFC 9457 problem details, wherever in the platform they were raised."""

import logging
from collections.abc import Callable, Iterator, Mapping
from http import HTTPStatus
from typing import Any

import redis
from django.core.exceptions import PermissionDenied, RequestDataTooBig
from django.http import Http404, HttpRequest, HttpResponse, JsonResponse
from django.views import defaults
from rest_framework import exceptions
from rest_framework.response import Response
from rest_framework.views import exception_handler as rest_handler
from rest_framework.views import set_rollback

from accounts.errors import PlatformError
from analysis.errors import AnalysisError, CorruptCandles, ParamsInvalid, StrategyError

log = logging.getLogger(__name__)

CONTENT_TYPE = "application/problem+json"


def exception_handler(error: Exception, context: Mapping[str, Any]) -> Response | None:
    """DRF's hook: the answer for an expected failure, None for a fault of ours (answered 500)."""
    if isinstance(error, PlatformError):
        set_rollback()
        return _response(_platform_problem(error))
    if isinstance(error, CorruptCandles):  # nobody's request is at fault, and its message names our files
        log.error("A request met a damaged dataset: %s", error.message)
        set_rollback()
        return _response(problem(409, error.code, "The stored candles are damaged; the server's log names the file"))
    if isinstance(error, AnalysisError):
        set_rollback()
        return _response(_analysis_problem(error))
    if isinstance(error, Http404):
        error = exceptions.NotFound()
    elif isinstance(error, RequestDataTooBig):
        return _response(problem(413, "too_large", "The body is too large"))
    elif isinstance(error, redis.ConnectionError):
        return _response(problem(503, "unavailable", "A server this needs is restarting; try again in a moment"))
    elif isinstance(error, PermissionDenied):
        error = exceptions.PermissionDenied()
    answer = rest_handler(error, dict(context))
    if answer is None or not isinstance(error, exceptions.APIException):
        return answer
    answer.data = _rest_problem(error)
    answer.content_type = CONTENT_TYPE
    return answer


def bad_request(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's answer to a request it refuses before any view sees it."""
    return _page(request, 400, defaults.bad_request, exception)


def permission_denied(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 403."""
    return _page(request, 403, defaults.permission_denied, exception)


def page_not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """Django's 404: no address matched."""
    return _page(request, 404, defaults.page_not_found, exception)


def server_error(request: HttpRequest) -> HttpResponse:
    """A fault of ours; the log has it, the answer does not."""
    return _page(request, 500, defaults.server_error)


def _page(request: HttpRequest, status: int, page: Callable[..., HttpResponse], *exception: Exception) -> HttpResponse:
    """A problem for the API's clients, Django's page for people."""
    if not request.path.startswith("/api/"):
        return page(request, *exception)
    phrase = HTTPStatus(status).phrase
    body = problem(status, phrase.lower().replace(" ", "_"), f"{phrase}.")
    return JsonResponse(body, status=status, content_type=CONTENT_TYPE)


def problem(status: int, code: str, detail: str, **extra: object) -> dict[str, object]:
    """The document. `code` is stable and machine readable, `detail` is for people."""
    title = HTTPStatus(status).phrase
    return {"type": "about:blank", "title": title, "status": status, "detail": _plain(detail), "code": code, **extra}


def _response(body: dict[str, object]) -> Response:
    return Response(body, status=int(str(body["status"])), content_type=CONTENT_TYPE)


def _platform_problem(error: PlatformError) -> dict[str, object]:
    extra = dict(error.extra)
    if error.field is not None and "errors" not in extra:
        extra["errors"] = [{"field": error.field, "code": error.code, "message": error.message}]
    return problem(error.status, error.code, error.message, **extra)


def _analysis_problem(error: AnalysisError) -> dict[str, object]:
    extra: dict[str, object] = {}
    if isinstance(error, ParamsInvalid):
        extra["errors"] = [
            {"field": f"params.{problem.field}", "code": error.code, "message": _plain(problem.message)}
            for problem in error.errors
        ]
    elif isinstance(error, StrategyError) and error.line is not None:
        extra["line"] = error.line
    return problem(400, error.code, error.message, **extra)


def _rest_problem(error: exceptions.APIException) -> dict[str, object]:
    if isinstance(error, exceptions.ValidationError):
        errors = list(_field_errors(error.detail))
        detail = "; ".join(f"{e['field']}: {e['message']}" if e["field"] else e["message"] for e in errors)
        return problem(400, "invalid", detail, errors=errors)
    code = error.get_codes()
    return problem(error.status_code, code if isinstance(code, str) else "error", str(error.detail))


def _field_errors(detail: Any, path: str = "") -> Iterator[dict[str, str]]:
    if isinstance(detail, Mapping):
        for name, inner in detail.items():
            here = path if name in {"non_field_errors", "__all__"} else f"{path}.{name}" if path else str(name)
            yield from _field_errors(inner, here)
    elif isinstance(detail, list):
        for inner in detail:
            yield from _field_errors(inner, path)
    else:
        code = getattr(detail, "code", None) or "invalid"
        yield {"field": _plain(path), "code": code, "message": _plain(str(detail))}


def _plain(text: str) -> str:
    """`text` as UTF-8 can write it: messages quote the request, which may hold half a character."""
    return text.encode("utf-8", "replace").decode()
