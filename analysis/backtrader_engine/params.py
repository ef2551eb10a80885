"""The parameters a backtrader class declares, and values checked against them."""

from collections.abc import Mapping
from typing import Any

from analysis.errors import StrategyError
from analysis.strategy.params import resolve_params
from analysis.strategy.schema import schema_problems

_TYPES = {bool: "bool", int: "int", float: "float", str: "str"}


def resolved_params(strategy_class: type[Any], params: Mapping[str, object]) -> dict[str, Any]:
    """`params` over the defaults of the class: its `params`, and over them its DEFAULT_PARAMS.

    A value is checked against PARAMS_SCHEMA, or, where that does not name it, against the type of the default. Raises
    ParamsInvalid with every problem at once, StrategyError when PARAMS_SCHEMA names what is not in `params`.
    """
    schema = getattr(strategy_class, "PARAMS_SCHEMA", {})
    defaults = getattr(strategy_class, "DEFAULT_PARAMS", {})
    for _, reason in schema_problems(schema, defaults):
        raise StrategyError(f"{strategy_class.__name__}: {reason}")
    own = dict(strategy_class.params._getitems())
    strangers = [name for name in {**schema, **defaults} if name not in own]
    if strangers:
        raise StrategyError(f"{strategy_class.__name__}: params lacks {', '.join(strangers)}, which has a schema")
    whole = {name: schema.get(name, {"type": _TYPES.get(type(value), "any")}) for name, value in own.items()}
    return resolve_params(whole, {**own, **defaults}, params)
