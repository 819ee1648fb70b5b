"""A module's source as the rules read it: its tree, what its names mean, and what is ignored."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator, Mapping
from functools import cached_property
from pathlib import Path
from typing import Final, TypeAlias

import attrs

from offramp.errors import OfframpError

Function: TypeAlias = ast.FunctionDef | ast.AsyncFunctionDef
#: The methods of a request, each of which sends one.
SENDING: Final = frozenset({"send", "get", "post", "put", "patch", "delete"})
_IGNORE: Final = re.compile(r"#\s*offramp:\s*ignore\[([a-z, -]+)\]")


@attrs.frozen(order=True)
class Finding:
    """Something that is probably a mistake, where it is, and what to write instead."""

    file: str
    line: int
    column: int
    code: str
    message: str

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}: {self.code}: {self.message}"


class Source:
    """One module."""

    def __init__(self, path: Path, text: str) -> None:
        self.path = path
        self._lines = text.splitlines()
        try:
            self.tree = ast.parse(text, filename=str(path))
        except SyntaxError as error:
            raise OfframpError(f"{path}:{error.lineno}: is not Python: {error.msg}") from error

    def finding(self, node: ast.expr | ast.stmt, code: str, message: str) -> Finding:
        """A finding at a node, whose column counts from 1."""
        return Finding(str(self.path), node.lineno, node.col_offset + 1, code, message)

    def ignores(self, finding: Finding) -> bool:
        """Whether a comment in its line says `# offramp: ignore[CODE]`."""
        line = self._lines[finding.line - 1] if finding.line <= len(self._lines) else ""
        found = _IGNORE.search(line)
        return found is not None and finding.code in re.split(r"[, ]+", found[1])

    @cached_property
    def functions(self) -> tuple[Function, ...]:
        """All functions and methods, nested ones too."""
        return tuple(each for each in ast.walk(self.tree) if isinstance(each, Function))

    @cached_property
    def imported(self) -> Mapping[str, str]:
        """What names that are imported mean: `sleep` -> `time.sleep`."""
        found: dict[str, str] = {}
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Import):
                for each in node.names:
                    name = each.asname or each.name.partition(".")[0]
                    found[name] = each.name if each.asname else name
            elif isinstance(node, ast.ImportFrom) and node.module and not node.level:
                found |= {
                    each.asname or each.name: f"{node.module}.{each.name}" for each in node.names
                }
        return found

    @cached_property
    def _defined(self) -> frozenset[str]:
        stores = (n.id for n in ast.walk(self.tree) if isinstance(n, ast.Name) and _stores(n))
        return frozenset([*stores, *(each.name for each in self.functions)])

    def meaning(self, node: ast.expr) -> str | None:
        """The dotted name that an expression stands for, as it is imported, or None.

        A name that the module does not define or import is a builtin: `open`.
        """
        steps: list[str] = []
        while isinstance(node, ast.Attribute):
            steps.insert(0, node.attr)
            node = node.value
        if not isinstance(node, ast.Name):
            return None
        root = self.imported.get(node.id)
        if root is None and (node.id in self._defined or steps):
            return None
        return ".".join([root or node.id, *steps])

    def requests_of(self, function: Function) -> frozenset[str]:
        """The parameters of a function that are requests: by annotation, or else by name."""
        return frozenset(each.arg for each in parameters(function) if self._is_request(each))

    def _is_request(self, parameter: ast.arg) -> bool:
        annotation = parameter.annotation
        if annotation is None:
            return parameter.arg == "request"
        if isinstance(annotation, ast.Constant) and isinstance(annotation.value, str):
            annotation = _parsed(annotation.value)
        kind = annotation.value if isinstance(annotation, ast.Subscript) else annotation
        return self.meaning(kind) == "offramp.Request"


def parameters(function: Function) -> Iterator[ast.arg]:
    """The parameters of a function that are named, in their order."""
    yield from function.args.posonlyargs
    yield from function.args.args
    yield from function.args.kwonlyargs


def body_of(function: Function) -> Iterator[ast.AST]:
    """What runs when a function is called: all nodes of it but those of functions inside."""
    waiting: list[ast.AST] = [*function.body]
    while waiting:
        node = waiting.pop(0)
        yield node
        if not isinstance(node, (*Function.__args__, ast.Lambda)):
            waiting.extend(ast.iter_child_nodes(node))


def sends(node: ast.AST, requests: frozenset[str]) -> bool:
    """Whether an expression calls a method of a request that sends it."""
    return (
        isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr in SENDING
        and isinstance(node.func.value, ast.Name)
        and node.func.value.id in requests
    )


def _stores(name: ast.Name) -> bool:
    return isinstance(name.ctx, ast.Store)


def _parsed(annotation: str) -> ast.expr:
    """An annotation that is written as a text; a text that is no expression means nothing."""
    try:
        return ast.parse(annotation, mode="eval").body
    except SyntaxError:
        return ast.Constant(annotation)
