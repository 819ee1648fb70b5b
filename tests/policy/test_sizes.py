"""Modules and functions stay small enough to be read at a sitting."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60
SHORT_FUNCTION_LINES = 25
SHORT_SHARE = 0.9
SHORT_FILE_LINES = 60
MIN_USERS = 2
#: Modules whose members are found by their place or by an entry point, and not by who imports them.
REGISTRIES = (
    "offramp.cli.commands.",
    "offramp.mapping.directives.",
    "offramp.mapping.liquid.filters.",
    "offramp.payload.formats.",
    "offramp.testing.pytest_plugin",
    "offramp_hubspot.plugin",
    "offramp_metronome.commands",
    "offramp_metronome.demo.sender",  # started as a process of its own
    "offramp_metronome.plugin",
    "offramp_segment.plugin",
    "offramp_webhook.plugin",
)

Function = ast.FunctionDef | ast.AsyncFunctionDef


def functions_of(tree: ast.Module) -> list[Function]:
    return [node for node in ast.walk(tree) if isinstance(node, Function)]


def lines_of(node: Function) -> int:
    return (node.end_lineno or node.lineno) - node.lineno + 1


def lines_without_docstring(node: Function) -> int:
    if ast.get_docstring(node) is None:
        return lines_of(node)
    docstring = node.body[0]
    return lines_of(node) - ((docstring.end_lineno or docstring.lineno) - docstring.lineno + 1)


def test_no_module_is_long(modules: dict[str, Path]) -> None:
    """A module above 400 lines has more than one reason to exist."""
    counted = {name: len(path.read_text().splitlines()) for name, path in modules.items()}
    assert {name: lines for name, lines in counted.items() if lines > MAX_MODULE_LINES} == {}


def _imported(tree: ast.Module) -> Iterator[str]:
    """What a file imports: modules, and names as `module.name`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def _module_of(name: str, modules: dict[str, Path], shown: dict[str, str]) -> str | None:
    """The module that an imported name was made in, also where a package only shows it."""
    while name in shown:
        name = shown[name]
    if name in modules:
        return name
    owner = name.rpartition(".")[0]
    return owner if owner in modules else None


def importers_of(
    modules: dict[str, Path], trees: dict[str, ast.Module], others: dict[str, ast.Module]
) -> dict[str, set[str]]:
    """Module -> whoever imports it or a name of it; packages that only show a name do not count."""
    packages = {name for name, path in modules.items() if path.name == "__init__.py"}
    shown = {
        f"{package}.{alias.name}": f"{node.module}.{alias.name}"
        for package in packages
        for node in ast.walk(trees[package])
        if isinstance(node, ast.ImportFrom) and node.module
        for alias in node.names
    }
    importers: dict[str, set[str]] = {name: set() for name in modules}
    for importer, tree in {**trees, **others}.items():
        for imported in _imported(tree) if importer not in packages else ():
            module = _module_of(imported, modules, shown)
            if module is not None and module != importer:
                importers[module].add(importer)
    return importers


def test_a_short_file_is_shared(
    modules: dict[str, Path], trees: dict[str, ast.Module], tracked: dict[str, str]
) -> None:
    """One below 60 lines has two users at least, or is a member of a registry."""
    benchmarks = {
        file: ast.parse(text)
        for file, text in tracked.items()
        if file.startswith("benchmarks/") and file.endswith(".py")
    }
    importers = importers_of(modules, trees, benchmarks)
    lonely = {
        name: sorted(importers[name])
        for name, path in modules.items()
        if len(path.read_text().splitlines()) < SHORT_FILE_LINES
        and path.name != "__init__.py"
        and not name.startswith(REGISTRIES)
        and len(importers[name]) < MIN_USERS
    }
    assert lonely == {}


def test_who_only_shows_a_name_is_no_user(tmp_path: Path) -> None:
    """A package's `__init__` does not count, and who imports from it uses the module behind it."""
    texts = {
        "room": "from room.small import name",
        "room.small": "name = 1",
        "room.user": "from room import name",
    }
    modules = {name: tmp_path / name for name in texts}
    modules["room"] = tmp_path / "__init__.py"
    trees = {name: ast.parse(text) for name, text in texts.items()}
    assert importers_of(modules, trees, {})["room.small"] == {"room.user"}


def test_no_function_is_long(trees: dict[str, ast.Module]) -> None:
    """No function has more than 60 lines, its docstring counted."""
    long = {
        f"{name}:{node.lineno} {node.name}": lines_of(node)
        for name, tree in trees.items()
        for node in functions_of(tree)
        if lines_of(node) > MAX_FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize(
    "package",
    ["offramp", "offramp_hubspot", "offramp_metronome", "offramp_segment", "offramp_webhook"],
)
def test_nine_functions_in_ten_are_short(trees: dict[str, ast.Module], package: str) -> None:
    """Nine functions in ten have at most 25 lines, docstrings left out."""
    sizes = [
        lines_without_docstring(node)
        for name, tree in trees.items()
        if name.partition(".")[0] == package
        for node in functions_of(tree)
    ]
    short = sum(size <= SHORT_FUNCTION_LINES for size in sizes)
    assert short >= SHORT_SHARE * len(sizes)
