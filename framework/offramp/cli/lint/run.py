"""Lints a module: reads its files, imports those that declare destinations, applies each rule."""

from __future__ import annotations

import ast
import importlib
import importlib.util
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from offramp.cli.lint.awaiting import requests_not_awaited
from offramp.cli.lint.blocking import blocking_calls
from offramp.cli.lint.declared import makes_destination, secrets_at_fault
from offramp.cli.lint.source import Finding, Source
from offramp.cli.lint.urls import unquoted_urls
from offramp.definition import Destination
from offramp.errors import OfframpError
from offramp.place import exception_text


def lint_module(module: str) -> list[Finding]:
    """All findings in a module, a package, a file or a folder, by file and line.

    Modules that declare a destination are imported. Raises `OfframpError` if there is nothing of
    that name, or if it cannot be imported.
    """
    root = _find(module)
    paths = sorted(root.rglob("*.py")) if root.is_dir() else [root]
    sources = [Source(path, path.read_text(encoding="utf-8")) for path in paths]
    found = [each for source in sources for each in _read(source)]
    found += secrets_at_fault(_destinations(sources), sources)
    ignored = {str(source.path): source for source in sources}
    return sorted(each for each in set(found) if not ignored[each.file].ignores(each))


def _read(source: Source) -> Iterator[Finding]:
    yield from blocking_calls(source)
    yield from requests_not_awaited(source)
    yield from unquoted_urls(source)


def _find(module: str) -> Path:
    """The file or the folder of a module."""
    path = Path(module)
    if path.is_dir() or (path.suffix == ".py" and path.is_file()):
        return path
    try:
        with _importable(Path.cwd()):
            spec = importlib.util.find_spec(module)
    except (ImportError, ValueError):
        spec = None
    if spec is None or spec.origin is None:
        raise OfframpError(
            f"there is no module or file {module!r}: write the name of a module, as `import` takes "
            "it, or the path of a Python file"
        )
    origin = Path(spec.origin)
    return origin.parent if origin.name == "__init__.py" else origin


def _destinations(sources: list[Source]) -> list[Destination]:
    found: list[Destination] = []
    for source in sources:
        if any(makes_destination(source, node) for node in ast.walk(source.tree)):
            found += _declared_in(source.path)
    return found


def _declared_in(path: Path) -> list[Destination]:
    """The destinations of a module, which is imported by its name in its package."""
    names, folder = [path.stem], path.resolve().parent
    while (folder / "__init__.py").is_file():
        names.insert(0, folder.name)
        folder = folder.parent
    try:
        with _importable(Path.cwd()), _importable(folder):
            module = importlib.import_module(".".join(names).removesuffix(".__init__"))
    except Exception as error:  # importing a plugin runs its code
        raise OfframpError(f"{path} cannot be imported: {exception_text(error)}") from error
    return [each for each in vars(module).values() if isinstance(each, Destination)]


@contextmanager
def _importable(folder: Path) -> Iterator[None]:
    """Let Python find modules in a folder first, as it does for a script in it."""
    sys.path.insert(0, str(folder))
    try:
        yield
    finally:
        sys.path.remove(str(folder))
