"""The OpenAPI document: every operation says which problems it may answer."""

from typing import Any

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
WITH_BODY = {"400": "The request breaks a rule", "415": "The body is not JSON"}
CHANGING = {"409": "The present state forbids it", "422": "The Idempotency-Key was used before"}


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
            for code, description in _answers(path, method).items():
                operation["responses"].setdefault(code, {"description": description, **answer})
    return result


def _answers(path: str, method: str) -> dict[str, str]:
    answers = {**COMMON, "400": WITH_BODY["400"]}
    if "{" in path or method == "get":
        answers |= WITH_ID  # a page beyond the last is a 404 as well
    if method in {"post", "put", "patch"}:
        answers |= WITH_BODY
    if method in {"post", "put", "patch", "delete"}:
        answers |= CHANGING
    return answers
