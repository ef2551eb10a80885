"""HTML out of small parts. Whatever is not `Markup` already is escaped: nothing a user wrote becomes markup."""

import re
from html import escape

Child = str | None

_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]")
_VOID = frozenset({"meta", "input"})
_EMPTY = frozenset({"path", "line", "circle"})  # of SVG


class Markup(str):
    """Text that is HTML and stays as it is."""

    __slots__ = ()


def text(value: object) -> Markup:
    """Any value as escaped text; what HTML and UTF-8 cannot hold is replaced."""
    if isinstance(value, Markup):
        return value
    readable = str(value).encode("utf-8", "replace").decode()
    return Markup(escape(_UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", readable)))


def joined(*children: Child) -> Markup:
    """Children one after the other; None is left out."""
    return Markup("".join(text(child) for child in children if child is not None))


def tag(name: str, /, *children: Child, **attributes: object) -> Markup:
    """An element. Of attribute names `_` becomes `-` and a last one is dropped (`class_`); None and False leave the
    attribute out."""
    given = "".join(_attribute(key, value) for key, value in attributes.items() if value not in (None, False))
    if name in _VOID:
        return Markup(f"<{name}{given}>")
    if not children:
        return Markup(f"<{name}{given}/>" if name in _EMPTY else f"<{name}{given}></{name}>")
    return Markup(f"<{name}{given}>{joined(*children)}</{name}>")


def _attribute(key: str, value: object) -> str:
    name = key.rstrip("_").replace("_", "-")
    return f" {name}" if value is True else f' {name}="{text(str(value))}"'
