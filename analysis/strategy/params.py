"""A strategy's parameters: the schema it publishes, and values checked against it."""

import dataclasses
import math
from collections.abc import Callable, Iterable, Mapping
from typing import Any, Self, get_type_hints

from analysis.errors import FieldProblem, ParamsInvalid

Schema = Mapping[str, Mapping[str, Any]]

MAX_TEXT_LENGTH = 1_000


def resolve_params(schema: Schema, defaults: Mapping[str, object], params: Mapping[str, object]) -> dict[str, Any]:
    """The defaults with `params` over them, every value as the type its schema names.

    An int is accepted for a float and 3.0 for an int, as in JSON Schema; a bool is neither. Bounds are
    inclusive. Raises ParamsInvalid with every problem at once.
    """
    problems = [FieldProblem(str(name), _unknown(str(name), schema)) for name in params if name not in schema]
    values: dict[str, Any] = {}
    for name, rules in schema.items():
        if name not in params and name not in defaults:
            problems.append(FieldProblem(name, "is required"))
            continue
        try:
            values[name] = _checked(rules, params.get(name, defaults.get(name)))
        except ValueError as error:
            problems.append(FieldProblem(name, str(error)))
    if problems:
        raise ParamsInvalid(tuple(problems))
    return values


class StrategyParams:
    """Base of a strategy's params dataclass: adds `from_dict`."""

    @classmethod
    def from_dict(cls, values: Mapping[str, object]) -> Self:
        """An instance with `values` over the dataclass's own defaults.

        Types are checked against the annotations int, float, bool and str. Raises ParamsInvalid with every
        unknown key, missing value and wrong type at once.
        """
        if not dataclasses.is_dataclass(cls):
            raise TypeError(f"{cls.__name__} must be a dataclass")
        hints = get_type_hints(cls)
        fields = {field.name: field for field in dataclasses.fields(cls)}
        schema = {name: {"type": _TYPE_NAMES.get(hints[name], "any")} for name in fields}
        defaults = {name: _default(field) for name, field in fields.items() if _has_default(field)}
        return cls(**resolve_params(schema, defaults, values))


def _has_default(field: "dataclasses.Field[Any]") -> bool:
    missing = dataclasses.MISSING
    return field.default is not missing or field.default_factory is not missing


def _default(field: "dataclasses.Field[Any]") -> object:
    if field.default_factory is not dataclasses.MISSING:
        return field.default_factory()
    return field.default


def _unknown(name: str, known: Iterable[str]) -> str:
    return f"unknown parameter; the strategy knows {', '.join(known) or 'none'}"


def _checked(rules: Mapping[str, Any], value: object) -> object:
    """`value` as the schema's type, or a ValueError that says what is wrong with it."""
    typed = _READERS[rules["type"]](value)
    low, high = rules.get("min"), rules.get("max")
    if low is not None and typed < low:
        raise ValueError(f"must be at least {low}, and is {typed}")
    if high is not None and typed > high:
        raise ValueError(f"must be at most {high}, and is {typed}")
    choices = rules.get("choices")
    if choices is not None and typed not in choices:
        raise ValueError(f"must be one of {', '.join(map(str, choices))}")
    return typed


def _int(value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float) or value != value // 1:
        raise ValueError("must be a whole number")
    if abs(value) > 2**63:
        raise ValueError("is too large")
    return int(value)


def _float(value: object) -> Any:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ValueError("must be a number")
    try:
        number = float(value)
    except OverflowError:
        number = math.inf
    if not math.isfinite(number):
        raise ValueError("must be a finite number")
    return number


def _bool(value: object) -> Any:
    if not isinstance(value, bool):
        raise ValueError("must be true or false")
    return value


def _str(value: object) -> Any:
    if not isinstance(value, str):
        raise ValueError("must be text")
    if len(value) > MAX_TEXT_LENGTH:
        raise ValueError(f"must not be longer than {MAX_TEXT_LENGTH} characters")
    return value


def _any(value: object) -> Any:
    return value


_READERS: Mapping[str, Callable[[object], Any]] = {
    "int": _int, "float": _float, "bool": _bool, "str": _str, "choice": _str, "any": _any,
}  # fmt: skip
_TYPE_NAMES: Mapping[object, str] = {int: "int", float: "float", bool: "bool", str: "str"}
