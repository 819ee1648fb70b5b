"""The checkout as the policy tests read it: every module by its dotted name."""

from __future__ import annotations

import ast
import subprocess
from pathlib import Path

import pytest

#: Distribution's folder -> the package in it.
PACKAGES = {
    "framework": "offramp",
    "destinations/metronome": "offramp_metronome",
    "destinations/webhook": "offramp_webhook",
    "destinations/hubspot": "offramp_hubspot",
    "destinations/segment": "offramp_segment",
}


@pytest.fixture(scope="session")
def checkout() -> Path:
    return Path(__file__).parents[2]


@pytest.fixture(scope="session")
def modules(checkout: Path) -> dict[str, Path]:
    """Dotted name -> file, of all packages."""
    found = {}
    for folder, package in PACKAGES.items():
        for path in sorted((checkout / folder / package).rglob("*.py")):
            parts = path.relative_to(checkout / folder).with_suffix("").parts
            found[".".join(parts).removesuffix(".__init__")] = path
    return found


@pytest.fixture(scope="session")
def trees(modules: dict[str, Path]) -> dict[str, ast.Module]:
    """Dotted name -> what the module says, as a syntax tree."""
    return {name: ast.parse(path.read_text()) for name, path in modules.items()}


@pytest.fixture(scope="session")
def tracked(checkout: Path) -> dict[str, str]:
    """Path in the checkout -> text, of every text file under version control."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"],  # noqa: S607 - git is wherever the machine has it
        cwd=checkout,
        capture_output=True,
        text=True,
        check=True,
    )
    found = {}
    for name in filter(None, listed.stdout.split("\0")):
        path = checkout / name
        if not path.is_file():  # removed from the tree, not yet from the index
            continue
        data = path.read_bytes()
        if b"\0" not in data:
            found[name] = data.decode(errors="replace")
    return found
