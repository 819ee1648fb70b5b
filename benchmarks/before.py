"""Another commit of the repository as one more side: extracted, and proven to run its own code."""

from __future__ import annotations

import contextlib
import importlib.metadata
import io
import subprocess
import sys
import tarfile
import tempfile
import tomllib
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from benchmarks.processes import BenchmarkError
from benchmarks.trees import DESTINATIONS, FRAMEWORK, HERE, Tree
from offramp import _json
from offramp.hooks import ENTRY_POINT_GROUP

#: What a tree needs to be measured.
EXTRACTED: Final = ("pyproject.toml", FRAMEWORK, DESTINATIONS, "benchmarks")
#: Prints the file of each module that a process of a tree imports, plugins included.
_PROBE: Final = """
import importlib, importlib.metadata, json, sys
names = ["offramp", "benchmarks.worker", "benchmarks.serve"]
names += [each.module for each in importlib.metadata.entry_points(group=sys.argv[1])]
print(json.dumps({name: importlib.import_module(name).__file__ for name in names}))
"""


def commit_of(revision: str) -> str:
    """The full name of a commit; raises `BenchmarkError` where there is none."""
    return _git("rev-parse", "--verify", "--quiet", f"{revision}^{{commit}}").decode().strip()


def describe_checkout() -> str:
    """The commit of this checkout, `-dirty` where files differ from it; empty outside of git."""
    try:
        return (
            _git("describe", "--always", "--abbrev=40", "--dirty", "--exclude=*").decode().strip()
        )
    except BenchmarkError:
        return ""


@contextlib.contextmanager
def extracted(commit: str) -> Iterator[Tree]:
    """The tree of a commit in a temporary folder, until the end of the block."""
    with tempfile.TemporaryDirectory(prefix="offramp-before-") as name:
        folder = Path(name)
        with tarfile.open(fileobj=io.BytesIO(_git("archive", commit, *EXTRACTED))) as archive:
            # Newer releases of Python warn where none is named; the oldest have none.
            archive.extraction_filter = getattr(tarfile, "data_filter", None)
            archive.extractall(folder / "tree")  # noqa: S202 - an archive of our own repository
        metadata = folder / "metadata"
        tree = Tree(root=folder / "tree", first=(metadata,))
        write_metadata(tree, metadata)
        check_imports(tree)
        yield tree


def write_metadata(tree: Tree, folder: Path) -> None:
    """Write what the tree's distributions declare, so that its own plugins are found, no others.

    The environment describes the distributions of this checkout; a description that stands
    earlier on the path of modules is the one that Python reads.
    """
    declared = dict(_declared_by(tree))
    for name in {*declared, *_installed()}:
        info = folder / f"{name.replace('-', '_')}-0.dist-info"
        info.mkdir(parents=True)
        (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {name}\nVersion: 0\n")
        (info / "entry_points.txt").write_text(declared.get(name, ""))


def check_imports(tree: Tree) -> None:
    """Raise `BenchmarkError` where a process of the tree would import code of another."""
    command = [sys.executable, "-c", _PROBE, ENTRY_POINT_GROUP]
    done = subprocess.run(  # noqa: S603 - our own command
        command, cwd=tree.root, env=tree.environment(), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise BenchmarkError(f"the code of {tree.root} cannot be imported:\n{done.stderr}")
    for name, file in _json.loads(done.stdout).items():
        if not Path(file).is_relative_to(tree.root):
            raise BenchmarkError(f"{name} is imported from {file}, and not from {tree.root}")


def _declared_by(tree: Tree) -> Iterator[tuple[str, str]]:
    """Name and entry points of each distribution of a tree."""
    for file in (tree.root / "pyproject.toml", *tree.root.glob(f"{DESTINATIONS}/*/pyproject.toml")):
        project: dict[str, Any] = tomllib.loads(file.read_text())["project"]
        groups = project.get("entry-points", {})
        lines = [
            f"[{group}]\n" + "".join(f"{name} = {place}\n" for name, place in points.items())
            for group, points in groups.items()
        ]
        yield project["name"], "\n".join(lines)


def _installed() -> Iterator[str]:
    """The distributions of the environment that offer plugins."""
    for point in importlib.metadata.entry_points(group=ENTRY_POINT_GROUP):
        if point.dist is not None:
            yield point.dist.metadata["Name"]


def _git(*arguments: str) -> bytes:
    command = ["git", *arguments]
    try:
        done = subprocess.run(command, cwd=HERE.root, capture_output=True, check=False)  # noqa: S603 - our own command
    except FileNotFoundError:
        raise BenchmarkError("git is not installed, and another commit needs it") from None
    if done.returncode:
        said = done.stderr.decode().strip() or "no such commit"
        raise BenchmarkError(f"git {' '.join(arguments)}: {said}")
    return done.stdout
