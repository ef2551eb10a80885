"""The shape of the house: sizes, names and places that reviews would otherwise have to watch."""

import ast
import re
import subprocess
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
ROOMS = ("config", "accounts", "trading", "bots", "dashboard", "analysis", "strategy_templates")
LONGEST_MODULE = 400
LONGEST_FUNCTION = 60
LONGEST_TASK = 8


def sources() -> list[Path]:
    files = [path for room in ROOMS for path in (PROJECT / room).rglob("*.py") if "migrations" not in path.parts]
    assert len(files) > 40
    return files


def functions(path: Path) -> list[ast.FunctionDef | ast.AsyncFunctionDef]:
    tree = ast.parse(path.read_text())
    return [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)]


def length(node: ast.FunctionDef | ast.AsyncFunctionDef) -> int:
    assert node.end_lineno is not None
    return node.end_lineno - node.lineno + 1


def test_no_module_is_longer_than_a_reader_s_patience():
    long = {
        str(path.relative_to(PROJECT)): n for path in sources() if (n := path.read_text().count("\n")) > LONGEST_MODULE
    }
    assert long == {}


def test_no_function_is_longer_than_a_screen():
    long = {
        f"{path.relative_to(PROJECT)}:{node.name}": length(node)
        for path in sources()
        for node in functions(path)
        if length(node) > LONGEST_FUNCTION
    }
    assert long == {}


def test_tasks_are_thin():
    long = {node.name: length(node) for node in functions(PROJECT / "bots" / "tasks.py") if length(node) > LONGEST_TASK}
    assert long == {}


def test_there_is_no_drawer_for_things_without_a_name():
    drawers = {"utils", "helpers", "common", "misc"}
    found = {
        str(path.relative_to(PROJECT)) for path in sources() if {path.stem, *path.relative_to(PROJECT).parts} & drawers
    }
    assert found == {"analysis/utils/__init__.py", "analysis/utils/data_processor.py"}


def test_every_public_function_of_the_library_says_what_it_does():
    silent = {
        f"{path.relative_to(PROJECT)}:{node.name}"
        for path in sources()
        if path.is_relative_to(PROJECT / "analysis")
        for node in ast.parse(path.read_text()).body
        if isinstance(node, ast.FunctionDef | ast.ClassDef)
        and not node.name.startswith("_")
        and not ast.get_docstring(node)
    }
    assert silent == set()


def test_strategy_source_is_executed_in_the_child_only():
    callers = {
        str(path.relative_to(PROJECT))
        for path in sources()
        if re.search(r"\b(exec|eval|load_strategy_class)\(", path.read_text())
    }
    assert callers <= {
        "analysis/sandbox/child.py",
        "analysis/strategy/source.py",
        "analysis/strategy/loading.py",
    }


def test_nothing_names_a_path_of_one_machine():
    tracked = subprocess.run(
        ["git", "ls-files"], cwd=PROJECT, capture_output=True, text=True, check=True
    ).stdout.splitlines()
    assert tracked
    private = re.compile(r"(^|[\s\"'=(])/(home|root|Users)/\w")
    named = [
        name for name in tracked
        if (PROJECT / name).suffix in {".py", ".md", ".txt", ".toml", ".yaml", ".ini", ""}
        and (PROJECT / name).is_file()
        and private.search((PROJECT / name).read_text(errors="replace"))
    ]  # fmt: skip
    assert named == []
