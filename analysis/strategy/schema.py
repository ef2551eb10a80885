"""The schema a strategy publishes for its parameters: what the form is drawn from and values are checked
against."""

import math
from collections.abc import Mapping
from typing import Any

from analysis.errors import ParamsInvalid
from analysis.strategy.params import resolve_params

_TEXT_KEYS = ("label", "group", "help")
_NUMBER_KEYS = ("min", "max", "step")
_KEYS_BY_TYPE: Mapping[str, tuple[str, ...]] = {
    "int": _NUMBER_KEYS, "float": _NUMBER_KEYS, "bool": (), "str": (), "choice": ("choices",),
}  # fmt: skip


def schema_problems(schema: object, defaults: object) -> list[tuple[str, str]]:
    """What is wrong with a PARAMS_SCHEMA and its DEFAULT_PARAMS, as (parameter or "", reason); empty when
    nothing is.

    Both are literals read from the source. Every parameter has a default, and every default satisfies its
    schema.
    """
    if not isinstance(schema, dict):
        return [("", "PARAMS_SCHEMA must be a dict of parameter names")]
    if not isinstance(defaults, dict):
        return [("", "DEFAULT_PARAMS must be a dict of parameter names")]
    problems: list[tuple[str, str]] = []
    for name, rules in schema.items():
        if not isinstance(name, str) or not name.isidentifier():
            problems.append(("", f"PARAMS_SCHEMA: {name!r} cannot be the name of a parameter"))
        elif reason := _rules_problem(rules):
            problems.append((name, f"PARAMS_SCHEMA[{name!r}] {reason}"))
        elif name not in defaults:
            problems.append((name, f"{name!r} has no value in DEFAULT_PARAMS"))
    if problems:
        return problems
    try:
        resolve_params(schema, defaults, defaults)
    except ParamsInvalid as error:
        return [(p.field, f"DEFAULT_PARAMS[{p.field!r}] {p.message}") for p in error.errors]
    return []


def _rules_problem(rules: object) -> str:
    if not isinstance(rules, dict):
        return "must be a dict with at least a type"
    kind = rules.get("type")
    if not isinstance(kind, str) or kind not in _KEYS_BY_TYPE:
        return f"needs a type, one of {', '.join(_KEYS_BY_TYPE)}"
    known = (*_KEYS_BY_TYPE[kind], "type", *_TEXT_KEYS)
    unknown = [str(key) for key in rules if key not in known]
    if unknown:
        return f"has {', '.join(unknown)}, which {kind} does not know; it knows {', '.join(known)}"
    for key in _TEXT_KEYS:
        if not isinstance(rules.get(key, ""), str):
            return f"needs text as {key}"
    return _bounds_problem(rules) or _choices_problem(rules)


def _bounds_problem(rules: Mapping[str, Any]) -> str:
    for key in ("min", "max", "step"):
        value = rules.get(key, 0)
        if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
            return f"needs a finite number as {key}"
    if "min" in rules and "max" in rules and rules["min"] > rules["max"]:
        return "has a min above its max"
    if rules.get("step", 1) <= 0:
        return "needs a step above zero"
    return ""


def _choices_problem(rules: Mapping[str, Any]) -> str:
    if rules["type"] != "choice":
        return ""
    choices = rules.get("choices")
    if not isinstance(choices, list | tuple) or not choices or not all(isinstance(c, str) for c in choices):
        return "needs choices, a list of texts"
    return ""
