"""What the build knows of Segment's destinations: the index of all, and the definition of one."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from typing import Any, Final

import attrs

from offramp import OfframpError

#: Written by the build: the worker, the index, a definition for each destination, and NOTICE.
FOLDER: Final = Path(__file__).with_name("_built")


class NotBuiltError(OfframpError):
    """The package was installed without its built part."""


@attrs.frozen(kw_only=True)
class Listed:
    """One destination as the index has it."""

    #: Name of its folder at Segment, by which the worker knows it.
    directory: str
    slug: str
    name: str
    description: str
    #: Titles by slug.
    actions: Mapping[str, str]
    #: Names of its presets, of which two may be the same.
    presets: tuple[str, ...]
    #: Partner credentials of Segment's own, which it reads from variables of these names.
    environment: tuple[str, ...]
    #: Whether it opens sockets of its own, past the host's client.
    own_network: bool
    #: Why it cannot run here; empty where it can.
    missing: str


@cache
def index() -> Mapping[str, Listed]:
    """All destinations by slug, those that cannot run among them; raises `NotBuiltError`."""
    listed = map(_listed, _read("index.json")["destinations"])
    return {each.slug: each for each in listed}


def definition(directory: str) -> dict[str, Any]:
    """The definition of one destination, in the shape of Segment's public metadata."""
    return _read(f"definitions/{directory}.json")


def _listed(entry: Mapping[str, Any]) -> Listed:
    needs = entry["needs"]
    missing = needs["segment"] or ""
    if needs["packages"]:
        packages = ", ".join(needs["packages"])
        missing = f"It needs packages that state no licence and are left out: {packages}."
    return Listed(
        directory=entry["directory"],
        slug=entry["slug"],
        name=entry["name"],
        description=entry["description"],
        actions=entry["actions"],
        presets=tuple(entry["presets"]),
        environment=tuple(needs["environment"]),
        own_network=needs["own_network"],
        missing=missing,
    )


def _read(name: str) -> dict[str, Any]:
    try:
        data: dict[str, Any] = json.loads((FOLDER / name).read_bytes())
    except FileNotFoundError as error:
        message = f"{FOLDER / name} is missing: install offramp-segment from its wheel, or build it"
        raise NotBuiltError(message) from error
    return data
