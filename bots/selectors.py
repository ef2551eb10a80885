"""Reads that span models or leave the database."""

import logging
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path
from typing import Any

from django.conf import settings

from analysis.errors import StrategyError
from analysis.strategy import StrategySource, inspect_source
from bots.errors import TemplateUnknown

log = logging.getLogger(__name__)


def strategy_template_names() -> list[str]:
    """File names of the strategy templates that are there, sorted."""
    return sorted(path.name for path in settings.STRATEGY_TEMPLATE_DIR.glob("*.py") if not path.name.startswith("_"))


def get_strategy_template_content(template_filename: str) -> str:
    """The source of a template. Raises TemplateUnknown."""
    if template_filename not in strategy_template_names():
        raise TemplateUnknown(
            f"There is no strategy template {template_filename!r}; known: {', '.join(strategy_template_names())}",
            field="strategy_template",
        )
    return (settings.STRATEGY_TEMPLATE_DIR / template_filename).read_text(encoding="utf-8")


def load_strategy_template(strategy_template_name: str) -> StrategySource:
    """What a template says of itself (class, parameters, documentation), read without running it.

    Strategy code only ever runs in a child process (analysis.sandbox), so nothing is imported here.
    """
    source = get_strategy_template_content(strategy_template_name)
    return _inspect(strategy_template_name, source)


@dataclass(frozen=True)
class StrategyTemplate:
    """A template as it is offered to users."""

    filename: str
    display_name: str
    kind: str
    doc: str
    params_schema: Mapping[str, Any]
    default_params: Mapping[str, Any]


def strategy_templates() -> list[StrategyTemplate]:
    """Every strategy template with its documentation and parameters; one that cannot be read is logged, not listed."""
    found = []
    for name in strategy_template_names():
        try:
            found.append(describe_template(name))
        except StrategyError as error:
            log.error("The strategy template %s is left out: %s", name, error.message)
    return found


def describe_template(name: str) -> StrategyTemplate:
    """What users are told of a template. Raises TemplateUnknown, StrategyError."""
    source = load_strategy_template(name)
    return StrategyTemplate(
        filename=name,
        display_name=Path(name).stem.replace("_", " ").capitalize(),
        kind=source.kind,
        doc=source.doc,
        params_schema=source.params_schema,
        default_params=source.default_params,
    )


@lru_cache(maxsize=64)
def _inspect(name: str, source: str) -> StrategySource:
    return inspect_source(source, Path(name).name)
