"""The OpenAPI document: every operation says which problems it may answer."""

from typing import Any, Literal

from drf_spectacular.contrib.knox_auth_token import KnoxTokenScheme
from drf_spectacular.extensions import OpenApiSerializerFieldExtension
from drf_spectacular.openapi import AutoSchema

from config.problems import CONTENT_TYPE

PROBLEM = {
    "type": "object",
    "description": "RFC 9457 problem details",
    "required": ["type", "title", "status", "detail", "code"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string", "description": "What is wrong, for people"},
        "code": {"type": "string", "description": "What is wrong, for programs"},
        "line": {"type": ["integer", "null"], "description": "Where in the strategy's source"},
        "active_session_id": {"type": "string", "format": "uuid", "description": "The live run that is in the way"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["field", "code", "message"],
                "properties": {name: {"type": "string"} for name in ("field", "code", "message")},
            },
        },
    },
}
COMMON = {"401": "Not signed in", "403": "Not allowed", "406": "Not acceptable", "429": "Too many requests"}
WITH_ID = {"404": "There is no such object"}
INVALID = {"400": "The request breaks a rule"}
WITH_BODY = {"413": "The body is too large", "415": "The body is not JSON"}
CHANGING = {"409": "The present state forbids it"}
ONCE = {"422": "The Idempotency-Key was used before"}


class TokenScheme(KnoxTokenScheme):  # type: ignore[no-untyped-call]
    """Our subclass of knox's authentication, described like knox's own."""

    target_class = "accounts.authentication.TokenAuthentication"


class DecimalText(OpenApiSerializerFieldExtension):  # type: ignore[no-untyped-call]
    """Decimals are answered as text; a request may have the plain number as well."""

    target_class = "accounts.serializers.StrictDecimalField"

    def map_serializer_field(self, auto_schema: AutoSchema, direction: Literal["request", "response"]) -> Any:
        """The schema: whole and decimal places bounded, and the field's least value where one is set."""
        field = self.target
        whole, places = field.max_digits - field.decimal_places, field.decimal_places
        sign = "" if field.min_value is not None and field.min_value >= 0 else "-?"
        text = {"type": "string", "format": "decimal", "pattern": rf"^{sign}\d{{1,{whole}}}(\.\d{{1,{places}}})?$"}
        if direction == "response":
            return text
        bounds = {"minimum": field.min_value, "maximum": field.max_value}
        given = {name: float(value) for name, value in bounds.items() if value is not None}
        return {**text, "type": ["string", "number"], **given}


def document_problems(result: dict[str, Any], **_: object) -> dict[str, Any]:
    """Postprocessing hook of drf-spectacular: add the problem answers."""
    result.setdefault("components", {}).setdefault("schemas", {})["Problem"] = PROBLEM
    for name, component in result["components"]["schemas"].items():
        if name.endswith("Request"):  # what serializers refuse, the document refuses
            component["additionalProperties"] = False
    answer = {"content": {CONTENT_TYPE: {"schema": {"$ref": "#/components/schemas/Problem"}}}}
    for path, operations in result["paths"].items():
        for method, operation in operations.items():
            if path == "/api/schema/" or not isinstance(operation, dict):
                continue
            for parameter in operation.get("parameters", ()):
                _document_text(parameter)
            for code, description in _answers(path, method, operation).items():
                operation["responses"].setdefault(code, {"description": description, **answer})
    return result


def _document_text(parameter: dict[str, Any]) -> None:
    """What filters refuse of a text: nothing at all (but an empty search is none), and null characters."""
    schema = parameter["schema"]
    if parameter["in"] == "query" and schema.get("type") == "string" and not {"format", "enum"} & set(schema):
        schema["pattern"] = r"^[^\x00]*$" if parameter["name"] == "search" else r"^[^\x00]+$"


def _answers(path: str, method: str, operation: dict[str, Any]) -> dict[str, str]:
    answers = COMMON | INVALID
    if "{" in path or method == "get":
        answers |= WITH_ID  # a page beyond the last is a 404 as well
    if method in {"post", "put", "patch"}:
        answers |= WITH_BODY
    if method in {"post", "put", "patch", "delete"}:
        answers |= CHANGING
    if any(parameter["name"] == "Idempotency-Key" for parameter in operation.get("parameters", ())):
        answers |= ONCE
    return answers
