"""Modules and functions stay small enough to be read at a sitting."""

from __future__ import annotations

import ast
import statistics
from pathlib import Path

import pytest

MAX_MODULE_LINES = 400
MAX_MEDIAN_MODULE_LINES = 150
MAX_FUNCTION_LINES = 60
SHORT_FUNCTION_LINES = 25
SHORT_SHARE = 0.9

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


@pytest.mark.parametrize("package", ["offramp", "offramp_metronome"])
def test_most_modules_are_short(modules: dict[str, Path], package: str) -> None:
    """The median module has at most 150 lines."""
    counted = [
        len(path.read_text().splitlines())
        for name, path in modules.items()
        if name.partition(".")[0] == package
    ]
    assert statistics.median(counted) <= MAX_MEDIAN_MODULE_LINES


def test_no_function_is_long(trees: dict[str, ast.Module]) -> None:
    """No function has more than 60 lines, its docstring counted."""
    long = {
        f"{name}:{node.lineno} {node.name}": lines_of(node)
        for name, tree in trees.items()
        for node in functions_of(tree)
        if lines_of(node) > MAX_FUNCTION_LINES
    }
    assert long == {}


@pytest.mark.parametrize("package", ["offramp", "offramp_metronome"])
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
