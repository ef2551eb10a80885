"""One spelling for equal values, so that equal parameters have equal hashes."""

import json
import math
from collections.abc import Mapping
from decimal import Decimal

from analysis.errors import FieldProblem, ParamsInvalid

_MAX_DIGITS = 400  # more than any double needs
_MAX_DEPTH = 32
_PLAIN_EXPONENTS = range(-7, 21)  # as ECMAScript writes numbers without an exponent


def canonical_json(value: object) -> str:
    """`value` as JSON that depends on what it says, not on how it was written.

    Keys are sorted and numbers have one spelling: 1, 1.0 and 1e0 give `1`, -0.0 gives `0`, and a double gives
    its shortest decimal that reads back as the same double. Mappings with text keys, lists, tuples, text,
    numbers, booleans and None may be nested. Raises ParamsInvalid for everything else, NaN and infinities
    included.
    """
    return _encode(value, "", 0)


def _encode(value: object, path: str, depth: int) -> str:
    if depth > _MAX_DEPTH:
        raise _invalid(path, f"is nested deeper than {_MAX_DEPTH} levels")
    if value is None or isinstance(value, bool | str):
        return json.dumps(value)
    if isinstance(value, int | float):
        return _number(value, path)
    if isinstance(value, list | tuple):
        return "[" + ",".join(_encode(item, f"{path}[{i}]", depth + 1) for i, item in enumerate(value)) + "]"
    if isinstance(value, Mapping):
        return _mapping(value, path, depth)
    raise _invalid(path, f"cannot be stored: {type(value).__name__} is not a JSON type")


def _mapping(value: Mapping[object, object], path: str, depth: int) -> str:
    parts = {}
    for key, item in value.items():
        if not isinstance(key, str):
            raise _invalid(path, f"has a key that is not text but {type(key).__name__}")
        parts[key] = _encode(item, f"{path}.{key}" if path else key, depth + 1)
    return "{" + ",".join(f"{json.dumps(key)}:{parts[key]}" for key in sorted(parts)) + "}"


def _number(value: int | float, path: str) -> str:
    if isinstance(value, float) and not math.isfinite(value):
        raise _invalid(path, f"is {value}, which is not a number JSON knows")
    if isinstance(value, int) and abs(value) >= 10**_MAX_DIGITS:
        raise _invalid(path, f"has more than {_MAX_DIGITS} digits")
    exact = Decimal(repr(float(value))) if isinstance(value, float) else Decimal(int(value))
    sign, digits, exponent = exact.as_tuple()
    text = "".join(map(str, digits)).lstrip("0")
    if not text or not isinstance(exponent, int):
        return "0"
    significant = text.rstrip("0")
    exponent += len(text) - len(significant)
    return ("-" if sign else "") + _spell(significant, exponent)


def _spell(digits: str, exponent: int) -> str:
    """`digits` times ten to the `exponent`: plain where people write it so, else with an exponent."""
    point = len(digits) + exponent  # digits before the decimal point
    if point not in _PLAIN_EXPONENTS:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{digits[0]}{fraction}e{point - 1:+d}"
    if exponent >= 0:
        return digits + "0" * exponent
    if point > 0:
        return f"{digits[:point]}.{digits[point:]}"
    return "0." + "0" * -point + digits


def _invalid(path: str, message: str) -> ParamsInvalid:
    return ParamsInvalid((FieldProblem(path or "params", message),))
