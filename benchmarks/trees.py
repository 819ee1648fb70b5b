"""A tree of the repository's code that a process runs: this checkout, or another commit of it."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import attrs

#: Folders of a tree that hold packages: the framework's, and each destination's.
FRAMEWORK: Final = "framework"
DESTINATIONS: Final = "destinations"


@attrs.frozen(kw_only=True)
class Tree:
    """The root of the code, and the environment in which Python imports that code."""

    root: Path
    #: Folders that modules are found in before those of the tree.
    first: tuple[Path, ...] = ()

    def module_paths(self) -> Iterator[Path]:
        """Where modules are found, in order: also in a checkout that is not installed."""
        yield from self.first
        yield self.root
        yield self.root / FRAMEWORK
        yield from sorted(
            path.parent for path in self.root.glob(f"{DESTINATIONS}/*/pyproject.toml")
        )

    def environment(self, **more: str) -> dict[str, str]:
        """The variables of a process that imports the tree."""
        paths = os.pathsep.join(map(str, self.module_paths()))
        return {**os.environ, "PYTHONPATH": paths, **more}


#: The checkout that this file belongs to.
HERE: Final = Tree(root=Path(__file__).parents[1])


def python(module: str, *arguments: str) -> list[str]:
    """The command that runs a module of a tree."""
    return [sys.executable, "-m", module, *arguments]
