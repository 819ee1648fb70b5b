"""Versions, dependencies and pins agree with one another, and each dependency has its reason."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Iterator, Mapping
from itertools import chain
from pathlib import Path
from typing import Any

import hatch_build
import pytest
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

import offramp

DESTINATIONS = tuple(
    f"destinations/{name}/pyproject.toml" for name in ("metronome", "webhook", "hubspot", "segment")
)
PYPROJECTS = ("pyproject.toml", *DESTINATIONS)
PACKAGE_FILES = (
    "framework/console/package.json",
    "tests/console/browser/package.json",
    "destinations/segment/worker/package.json",
)
OURS = {"offramp", "offramp-hubspot", "offramp-metronome", "offramp-segment", "offramp-webhook"}
PIN = re.compile(r"(?P<name>[A-Za-z0-9._-]+)==(?P<version>[0-9][0-9A-Za-z.+!]*)")
#: A row of a table whose first cell is the name of a package.
ROW = re.compile(r"^\| `(?P<name>[A-Za-z0-9._@/-]+)` \|(?P<cells>.*)\|$", re.MULTILINE)
SHORTEST_REASON_WORDS = 6


def pyproject(checkout: Path, name: str) -> dict[str, Any]:
    return tomllib.loads((checkout / name).read_text())


def requirements(data: Mapping[str, Any]) -> Iterator[Requirement]:
    """Every requirement of a `pyproject.toml`: to build, to run, and of each extra."""
    project = data["project"]
    extras = project.get("optional-dependencies", {}).values()
    for line in [*data["build-system"]["requires"], *project["dependencies"], *chain(*extras)]:
        requirement = Requirement(line)
        if canonicalize_name(requirement.name) not in OURS:
            yield requirement


@pytest.fixture(scope="module")
def dependencies(checkout: Path) -> dict[str, Requirement]:
    """Normalised name -> requirement, of all distributions and of their builds."""
    declared = chain.from_iterable(requirements(pyproject(checkout, name)) for name in PYPROJECTS)
    needed = [*declared, Requirement(hatch_build.NODE_PACKAGE)]
    return {canonicalize_name(each.name): each for each in needed}


@pytest.fixture(scope="module")
def packages(checkout: Path) -> dict[str, str]:
    """Name -> version, of the npm packages that the console is made and tested with."""
    files = [json.loads((checkout / name).read_text()) for name in PACKAGE_FILES]
    return {
        name: version
        for data in files
        for kind in ("dependencies", "devDependencies")
        for name, version in data[kind].items()
    }


@pytest.fixture(scope="module")
def pins(checkout: Path) -> dict[str, str]:
    """Normalised name -> pinned version."""
    lines = (checkout / "constraints.txt").read_text().splitlines()
    found = [PIN.fullmatch(line) for line in lines]
    assert [line for line, pin in zip(lines, found, strict=True) if pin is None] == []
    return {canonicalize_name(pin["name"]): pin["version"] for pin in found if pin is not None}


def test_every_dependency_is_pinned_within_its_bounds(
    dependencies: dict[str, Requirement], pins: dict[str, str]
) -> None:
    """`make test` installs one exact release of everything, and one that the bounds allow."""
    wrong = [
        f"{requirement} is pinned to {pins.get(name)}"
        for name, requirement in dependencies.items()
        if name not in pins or not requirement.specifier.contains(pins[name])
    ]
    assert wrong == []


def test_pins_are_sorted_and_none_is_ours(checkout: Path, pins: dict[str, str]) -> None:
    """A new pin has one place to go to, and the checkout itself is never pinned."""
    lines = (checkout / "constraints.txt").read_text().splitlines()
    assert lines == sorted(lines, key=str.upper)
    assert not OURS & pins.keys()


def test_every_package_of_the_console_is_pinned(packages: dict[str, str]) -> None:
    """One exact release each, so that a build today is the build of tomorrow."""
    assert [
        name for name, version in packages.items() if not re.fullmatch(r"[\d.]+", version)
    ] == []


def test_every_dependency_has_a_reason(
    checkout: Path, dependencies: dict[str, Requirement], packages: dict[str, str]
) -> None:
    """A dependency without a reason is a dependency too many; so is a reason without one."""
    page = (checkout / "docs/explanation/dependencies.md").read_text()
    reasons = {
        canonicalize_name(row["name"]): row["cells"].split("|")[-1] for row in ROW.finditer(page)
    }
    assert reasons.keys() == dependencies.keys() | packages.keys()
    short = [
        name for name, message in reasons.items() if len(message.split()) < SHORTEST_REASON_WORDS
    ]
    assert short == []


def test_the_changelog_has_an_entry_for_this_version(checkout: Path) -> None:
    """What a user reads about the current version stands under its heading."""
    changelog = (checkout / "CHANGELOG.md").read_text()
    entries = re.split(r"^## ", changelog, flags=re.MULTILINE)
    [entry] = [text for text in entries if text.startswith(f"[{offramp.__version__}]")]
    assert re.search(r"^- \w", entry, flags=re.MULTILINE)


@pytest.mark.parametrize("destination", DESTINATIONS)
def test_a_destination_has_the_version_it_asks_for(checkout: Path, destination: str) -> None:
    """Each destination asks for a framework that this checkout is."""
    data = pyproject(checkout, destination)
    [ours] = [
        requirement
        for requirement in map(Requirement, data["project"]["dependencies"])
        if canonicalize_name(requirement.name) == "offramp"
    ]
    assert ours.specifier.contains(offramp.__version__)
