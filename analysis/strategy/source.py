"""What a strategy's source says of itself, read from its syntax tree: nothing of it is executed here."""

import ast
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import PurePath
from typing import Any

from analysis.errors import StrategyError
from analysis.strategy.schema import schema_problems

MAX_SOURCE_BYTES = 256 * 1024

_REQUIRED_METHODS: Mapping[str, str] = {
    "__init__": "(self, params, risk_settings, instrument_symbol, account_id, instrument_spec, pip_value)",
    "get_min_bars_needed": "(self, buffer_bars=10)",
    "_ensure_indicators": "(self, df_input)",
    "run_tick": "(self, df_current_window, account_equity)",
}
_BACKTRADER_BASES = frozenset({"Strategy", "SignalStrategy"})
_MISSING = object()


@dataclass(frozen=True)
class StrategySource:
    """A strategy as its source describes it. `kind` is "tick" or "backtrader", `doc` the module's
    docstring."""

    class_name: str
    kind: str
    doc: str
    params_schema: Mapping[str, Mapping[str, Any]]
    default_params: Mapping[str, Any]


def inspect_source(source: str, filename: str) -> StrategySource:
    """Find and check the strategy class in `source` without running it.

    The class is `Strategy`, else the file's name in CamelCase with "Strategy" behind it, else the one
    subclass of `backtrader.Strategy`. Raises StrategyError with line and reason: source that does not parse,
    no such class, missing methods, a PARAMS_SCHEMA or DEFAULT_PARAMS that is malformed or not a literal.
    """
    module = _Module(parse_source(source, filename))
    definition = module.strategy_class(filename)
    kind = "backtrader" if module.is_backtrader(definition) else "tick"
    if kind == "tick":
        module.check_methods(definition)
    schema, defaults = module.check_params(definition)
    return StrategySource(definition.name, kind, ast.get_docstring(module.tree) or "", schema, defaults)


def parse_source(source: str, filename: str) -> ast.Module:
    """The syntax tree of `source`. Raises StrategyError with the line for what Python would not compile."""
    if len(source) > MAX_SOURCE_BYTES or len(source.encode("utf-8", "replace")) > MAX_SOURCE_BYTES:
        raise StrategyError(f"The source is larger than {MAX_SOURCE_BYTES // 1024} KiB")
    try:
        tree = ast.parse(source, filename)
        compile(source, filename, "exec", dont_inherit=True)  # finds what parsing alone does not, runs nothing
    except SyntaxError as error:
        raise StrategyError(f"Line {error.lineno}: {error.msg}", line=error.lineno) from error
    except ValueError as error:  # null bytes, lone surrogates
        raise StrategyError(f"The source is not Python text: {error}") from error
    except (RecursionError, MemoryError) as error:
        raise StrategyError("The source is nested too deeply") from error
    return tree


class _Module:
    """The classes of one parsed file and the names it imports."""

    def __init__(self, tree: ast.Module) -> None:
        self.tree = tree
        self.classes = {node.name: node for node in tree.body if isinstance(node, ast.ClassDef)}
        self.imports = dict(_imported_names(tree))

    def strategy_class(self, filename: str) -> ast.ClassDef:
        """The class the platform runs. Raises StrategyError."""
        by_file = "".join(part[:1].upper() + part[1:] for part in PurePath(filename).stem.split("_")) + "Strategy"
        for name in ("Strategy", by_file):
            if name in self.classes:
                return self.classes[name]
        found = [node for node in self.classes.values() if self.is_backtrader(node)]
        bases = {base.name for node in found for base in self.lineage(node)[1:]}
        leaves = [node for node in found if node.name not in bases]
        if len(leaves) == 1:
            return leaves[0]
        if leaves:
            names = ", ".join(node.name for node in leaves)
            raise StrategyError(f"{names} could each be the strategy: name one of them Strategy", line=leaves[1].lineno)
        raise StrategyError(
            f"No strategy class: name it Strategy or {by_file}, or derive it from backtrader.Strategy",
            line=next((node.lineno for node in self.classes.values()), None),
        )

    def lineage(self, node: ast.ClassDef) -> list[ast.ClassDef]:
        """`node` and the classes of this file it derives from, nearest first."""
        line, todo = [], [node]
        while todo:
            current = todo.pop(0)
            if current not in line:
                line.append(current)
                todo += [self.classes[b.id] for b in current.bases if isinstance(b, ast.Name) and b.id in self.classes]
        return line

    def foreign_bases(self, node: ast.ClassDef) -> set[str]:
        """Dotted names of the bases, of `node` and its lineage, that other modules define."""
        bases = {self._dotted(base) for relative in self.lineage(node) for base in relative.bases}
        return bases - set(self.classes) - {"object", "Generic", "typing.Generic", "abc.ABC"}

    def is_backtrader(self, node: ast.ClassDef) -> bool:
        return any(
            base.split(".")[0] == "backtrader" and base.split(".")[-1] in _BACKTRADER_BASES
            for base in self.foreign_bases(node)
        )

    def check_methods(self, node: ast.ClassDef) -> None:
        """Raises StrategyError when the contract's methods are not there; inherited ones count."""
        own = {name for relative in self.lineage(node) for name in _defined_names(relative)}
        foreign = self.foreign_bases(node)
        if foreign == {"analysis.strategy.BaseStrategy"}:
            own |= set(_REQUIRED_METHODS) - {"run_tick"}
        elif foreign:  # methods from there cannot be seen without running the import
            return
        missing = [name + shape for name, shape in _REQUIRED_METHODS.items() if name not in own]
        if missing:
            raise StrategyError(f"{node.name} lacks {', '.join(missing)}", line=node.lineno)

    def check_params(self, node: ast.ClassDef) -> tuple[dict[str, Any], dict[str, Any]]:
        """PARAMS_SCHEMA and DEFAULT_PARAMS. Raises StrategyError with the line of what is wrong."""
        schema, schema_line = self._literal(node, "PARAMS_SCHEMA")
        defaults, defaults_line = self._literal(node, "DEFAULT_PARAMS")
        for _, reason in schema_problems(schema, defaults):
            line = schema_line if reason.startswith("PARAMS_SCHEMA") else defaults_line
            raise StrategyError(f"{node.name}: {reason}", line=line or schema_line or node.lineno)
        return schema, defaults

    def _literal(self, node: ast.ClassDef, name: str) -> tuple[Any, int | None]:
        """The literal a class attribute is set to and its line; ({}, None) where it is not set."""
        for relative in self.lineage(node):
            value = next((value for target, value in _assignments(relative) if target == name), None)
            if value is None:
                continue
            try:
                return ast.literal_eval(value), value.lineno
            except (ValueError, TypeError, SyntaxError, RecursionError, MemoryError) as error:
                raise StrategyError(
                    f"{node.name}.{name} must be a literal: it is read without running the source",
                    line=value.lineno,
                ) from error
        return {}, None

    def _dotted(self, base: ast.expr) -> str:
        """`bt.Strategy` as `backtrader.Strategy`: the name with the file's import aliases resolved."""
        if isinstance(base, ast.Subscript):
            return self._dotted(base.value)
        if isinstance(base, ast.Attribute):
            return f"{self._dotted(base.value)}.{base.attr}"
        if isinstance(base, ast.Name):
            return self.imports.get(base.id, base.id)
        return ast.unparse(base)


def _imported_names(tree: ast.Module) -> Iterator[tuple[str, str]]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                yield (alias.asname, alias.name) if alias.asname else (alias.name.split(".")[0],) * 2
        elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
            for alias in node.names:
                yield alias.asname or alias.name, f"{node.module}.{alias.name}"


def _assignments(node: ast.ClassDef) -> Iterator[tuple[str, ast.expr]]:
    for statement in node.body:
        if isinstance(statement, ast.Assign):
            yield from ((target.id, statement.value) for target in statement.targets if isinstance(target, ast.Name))
        elif isinstance(statement, ast.AnnAssign) and isinstance(statement.target, ast.Name) and statement.value:
            yield statement.target.id, statement.value


def _defined_names(node: ast.ClassDef) -> Iterator[str]:
    """Methods, and names a method is assigned to."""
    yield from (s.name for s in node.body if isinstance(s, ast.FunctionDef | ast.AsyncFunctionDef))
    yield from (name for name, _ in _assignments(node))
