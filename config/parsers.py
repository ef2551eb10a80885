"""Bodies of requests, bounded before anything walks through them (Django bounds their size)."""

from collections.abc import Mapping
from typing import IO, Any

from rest_framework import exceptions, parsers

MAX_DEPTH = 32


class JSONParser(parsers.JSONParser):
    """JSON of bounded depth, with names that can be written down again."""

    def parse(
        self, stream: IO[Any], media_type: str | None = None, parser_context: Mapping[str, Any] | None = None
    ) -> Any:
        """Raises ParseError for anything that is not JSON or is nested too deeply."""
        try:
            parsed = super().parse(stream, media_type, parser_context)
        except RecursionError:
            raise _too_deep() from None
        _check(parsed)
        return parsed


def _check(parsed: Any) -> None:
    """Walks without recursion: the interpreter's own limit must not be what stops a request."""
    level = [parsed]
    for _ in range(MAX_DEPTH + 1):
        level = [inner for value in level for inner in _inside(value)]
        if not level:
            return
    raise _too_deep()


def _inside(value: Any) -> list[Any]:
    if isinstance(value, dict):
        if any("\ud800" <= character <= "\udfff" for name in value for character in name):
            raise exceptions.ParseError("JSON parse error - a name has an incomplete character.")
        return list(value.values())
    return value if isinstance(value, list) else []


def _too_deep() -> exceptions.ParseError:
    return exceptions.ParseError(f"JSON parse error - nested more than {MAX_DEPTH} levels deep.")
