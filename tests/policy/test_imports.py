"""Imports run one way, from row to row; what should be pure is; nothing goes round in a ring."""

from __future__ import annotations

import ast
import graphlib
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import pytest
from tests.policy.rows import PURE, ROW_OF, SHOWN, TESTING, is_framework, room_of

import offramp
from offramp import definition

#: Modules through which a pure room would reach a socket, a file, the clock or a thread.
IMPURE_MODULES = {
    "aiohttp", "asyncio", "concurrent", "glob", "http", "logging", "multiprocessing", "os",
    "selectors", "shutil", "signal", "socket", "sqlite3", "ssl", "subprocess", "tempfile",
    "threading", "time", "urllib.request",
}  # fmt: skip
IMPURE_NAMES = {"open", "input", "print", "exec", "eval"}
#: Runs code that it wrote itself, in which foreign texts stand as literals only.
WRITES_CODE = {"offramp.codegen": {"exec"}}
CLOCKS = {"datetime": {"now", "utcnow", "today"}, "date": {"today"}}
FILE_METHODS = {"read_text", "write_text", "read_bytes", "write_bytes", "mkdir", "unlink"}


class Import(NamedTuple):
    """One name that a module imports, and where."""

    line: int
    module: str
    name: str
    typing_only: bool
    late: bool


TESTS = Path(__file__).parents[1]


def imports_of(tree: ast.AST, *, typing_only: bool = False, late: bool = False) -> Iterator[Import]:
    """Every import statement below a node, name by name."""
    for node in ast.iter_child_nodes(tree):
        match node:
            case ast.Import():
                for alias in node.names:
                    yield Import(node.lineno, alias.name, "", typing_only, late)
            case ast.ImportFrom():
                assert not node.level, f"line {node.lineno}: imports name their module in full"
                for alias in node.names:
                    yield Import(node.lineno, node.module or "", alias.name, typing_only, late)
            case ast.If(test=ast.Name(id="TYPE_CHECKING")):
                yield from imports_of(node, typing_only=True, late=late)
            case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.Lambda():
                yield from imports_of(node, typing_only=typing_only, late=True)
            case _:
                yield from imports_of(node, typing_only=typing_only, late=late)


def target_of(each: Import, known: dict[str, ast.Module]) -> str:
    """The module that an import reaches: `from offramp import _json` reaches `offramp._json`."""
    inner = f"{each.module}.{each.name}"
    return inner if inner in known else each.module


def report(faults: list[str]) -> str:
    return "\n" + "\n".join(faults)


def test_every_room_stands_in_a_row(trees: dict[str, ast.Module]) -> None:
    """A new room has to be given its place in the order first."""
    rooms = {room_of(name) for name in trees if is_framework(name)} - {"", TESTING}
    assert rooms <= ROW_OF.keys()


def test_rows_know_only_the_rows_before_them(trees: dict[str, ast.Module]) -> None:
    """Imports run one way, type hints included, and rooms of one row are blind to each other."""
    faults = []
    for name, tree in trees.items():
        room = room_of(name)
        if not is_framework(name) or room in ("", TESTING):
            continue
        for each in imports_of(tree):
            target = target_of(each, trees)
            other = room_of(target)
            if not is_framework(target) or other == room:
                continue
            if other not in ROW_OF or ROW_OF[other] >= ROW_OF[room]:
                faults.append(f"{name}:{each.line} ({room}) imports {target} ({other or 'window'})")
    assert not faults, report(faults)


def test_the_shop_window_shows_declarations_only(trees: dict[str, ast.Module]) -> None:
    """`import offramp` loads what a plugin author needs, and not the host."""
    reached = {room_of(target_of(each, trees)) for each in imports_of(trees["offramp"])}
    assert reached <= SHOWN


def test_nothing_imports_in_a_ring(trees: dict[str, ast.Module]) -> None:
    """Module by module there is an order in which all can be loaded.

    Imports for type hints alone load nothing; between rooms the test of rows counts them too.
    """
    graph = {
        name: {target_of(each, trees) for each in imports_of(tree) if not each.typing_only}
        & trees.keys()
        for name, tree in trees.items()
    }
    try:
        graphlib.TopologicalSorter(graph).prepare()
    except graphlib.CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


def test_imports_stand_at_the_top(trees: dict[str, ast.Module]) -> None:
    """No function imports, but in the harness, where a test's coverage needs it."""
    faults = [
        f"{name}:{each.line} imports {each.module} inside a function"
        for name, tree in trees.items()
        if room_of(name) != TESTING
        for each in imports_of(tree)
        if each.late
    ]
    assert not faults, report(faults)


def impurities(name: str, tree: ast.Module) -> Iterator[str]:
    for each in imports_of(tree):
        reached = {each.module, each.module.partition(".")[0], f"{each.module}.{each.name}"}
        if reached & IMPURE_MODULES and not each.typing_only:
            yield f"{name}:{each.line} imports {each.module}"
    for node in ast.walk(tree):
        match node:
            case ast.Call(func=ast.Name(id=called)) if called in IMPURE_NAMES - WRITES_CODE.get(
                name, set()
            ):
                yield f"{name}:{node.lineno} calls {called}()"
            case ast.Attribute(attr=method) if method in FILE_METHODS:
                yield f"{name}:{node.lineno} uses .{method}"
            case ast.Attribute(value=ast.Name(id=owner), attr=method) if method in CLOCKS.get(
                owner, ()
            ):
                yield f"{name}:{node.lineno} uses {owner}.{method}"


def test_the_first_rows_are_pure(trees: dict[str, ast.Module]) -> None:
    """Up to `payload, hooks` there is no socket, file, clock or thread: those come as arguments."""
    faults = [
        fault
        for name, tree in trees.items()
        if is_framework(name) and room_of(name) in PURE
        for fault in impurities(name, tree)
    ]
    assert not faults, report(faults)


def test_destinations_use_public_names_only(checkout: Path) -> None:
    """A plugin imports from `offramp` what its `__all__` lists, and its tests `offramp.testing`."""
    faults = []
    for path in sorted((checkout / "destinations").rglob("*.py")):
        where = path.relative_to(checkout)
        for each in imports_of(ast.parse(path.read_text())):
            if not is_framework(each.module):
                continue
            public = each.module == "offramp" and each.name in offramp.__all__
            harness = "tests" in where.parts and f"{each.module}.".startswith("offramp.testing.")
            if not public and not harness:
                faults.append(f"{where}:{each.line} imports {each.module} {each.name}".rstrip())
    assert not faults, report(faults)


def test_the_shop_window_is_sorted_and_complete() -> None:
    """`__all__` lists each public name of `offramp` once, in order, and every one exists."""
    assert list(offramp.__all__) == sorted(set(offramp.__all__), key=_as_isort_does)
    assert [name for name in offramp.__all__ if not hasattr(offramp, name)] == []


def _as_isort_does(name: str) -> tuple[int, str]:
    kind = 0 if name.isupper() else 1 if name[0].isupper() else 2
    return kind, name


def test_no_test_imports_another_test() -> None:
    """What several tests need stands in a module of its own, such as `parts.py`."""
    wrong = [
        f"{path.relative_to(TESTS)}: {module}"
        for path in TESTS.rglob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for module in [node.module or ""]
        if module.startswith("tests.") and module.rpartition(".")[2].startswith("test_")
    ]
    assert wrong == []


@pytest.mark.parametrize(
    "name",
    ["BatchOutcomes", "Condition", "Conditions", "FetchChoices", "Fields", "Handler"],
)
def test_what_annotates_an_action_is_public(name: str) -> None:
    """An author annotates an action's parts with names that `offramp` itself exports."""
    assert name in offramp.__all__
    assert getattr(offramp, name) is getattr(definition, name)


def test_fields_of_a_manifest_are_read_with_a_public_name() -> None:
    """`fields_from_manifest` of `offramp` reads the fields that a manifest describes."""
    read = offramp.fields_from_manifest({"email": {"label": "Email", "type": "string"}})
    assert list(read) == ["email"]
