"""Projects that `offramp init` makes, checked as a new author would check them."""

from __future__ import annotations

import importlib
import os
import subprocess
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from offramp.cli.scaffold import ProjectNames, read_declaration, write_project
from offramp.plugins import CatalogEntry, manifest
from offramp.testing import create_test_integration, declared

#: The line length of the project that makes them.
STYLE = ("--line-length", "100")


def make(folder: Path, name: str, metadata: Mapping[str, Any]) -> tuple[str, ...]:
    """Write the project of a destination's metadata; return what was left out of it."""
    declaration = read_declaration(metadata)
    for path, text in write_project(declaration, ProjectNames(name=name)).items():
        place = folder / path
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_text(text)
    return declaration.left_out


def run(folder: Path, *arguments: str, paths: tuple[Path, ...] = ()) -> str:
    """Run a module of Python in a project; return what it printed, and fail if it failed."""
    result = subprocess.run(
        [sys.executable, "-m", *arguments],
        cwd=folder,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (folder, *paths)))},
        text=True,
        capture_output=True,
        timeout=600,
        check=False,
    )
    assert result.returncode == 0, f"{folder.name}: {result.stdout[-4000:]}{result.stderr[-2000:]}"
    return result.stdout


def check_style(folder: Path, *, rules: str = "F,I,B,UP,W") -> None:
    """A formatter has nothing to change, and a linter finds nothing."""
    run(folder, "ruff", "format", "--check", "--isolated", *STYLE, ".")
    run(folder, "ruff", "check", "--isolated", *STYLE, "--select", rules, ".")


def load(folder: Path, name: str) -> CatalogEntry:
    """The entry of the catalog that the project's destination becomes."""
    names = ProjectNames(name=name)
    sys.path.insert(0, str(folder))
    try:
        module = importlib.import_module(f"{names.package}.destination")
    finally:
        sys.path.remove(str(folder))
    return create_test_integration(getattr(module, names.variable)).entry


def faults(entry: CatalogEntry, directives: Mapping[str, Any]) -> Iterator[str]:
    """What the suite's tests of the declaration find."""
    for look in (
        declared.undescribed,
        declared.faulty_triggers,
        declared.open_secrets,
        declared.lossy_manifests,
        declared.optional_keys,
    ):
        yield from look(entry)
    yield from declared.faulty_mappings(entry, directives)


def lost(entry: CatalogEntry, metadata: Mapping[str, Any]) -> Iterator[str]:
    """Properties of actions and fields that the metadata has and the project has not.

    Defaults and descriptions may differ where the scaffold says so; nothing else may.
    """
    made = manifest(entry)
    for slug, action in metadata["actions"].items():
        own = made["actions"][slug]
        for key in ("title", "hidden", "hasPerformBatch", "syncMode", "dynamicFields"):
            if (action.get(key) or None) != (own[key] or None):
                yield f"{slug}.{key}: {action.get(key)!r} became {own[key]!r}"
        yield from _lost_fields(slug, action["fields"], own["fields"])


def _lost_fields(place: str, wanted: Mapping[str, Any], made: Mapping[str, Any]) -> Iterator[str]:
    if list(wanted) != list(made):
        yield f"{place}: the fields {list(wanted)} became {list(made)}"
        return
    for key, field in wanted.items():
        for name, value in field.items():
            if name == "properties" and value is not None:
                yield from _lost_fields(f"{place}.{key}", value, made[key]["properties"])
            elif name not in ("default", "description") and made[key][name] != value:
                yield f"{place}.{key}.{name}: {value!r} became {made[key][name]!r}"
