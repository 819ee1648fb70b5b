"""The page about Segment's destinations says what the build says."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).parents[3]
BUILT = Path(__file__).parents[1] / "offramp_segment" / "_built"
PAGE = (ROOT / "docs/explanation/segment-destinations.md").read_text()


@pytest.fixture(scope="module")
def index() -> dict[str, Any]:
    """What the build says of all destinations."""
    loaded: dict[str, Any] = json.loads((BUILT / "index.json").read_text())
    return loaded


def part(name: str) -> str:
    """What stands between two marks of the page."""
    found = re.search(rf"<!-- {name} -->\n(.*?)\n<!-- end -->", PAGE, re.DOTALL)
    assert found is not None
    return found[1]


def test_versions_and_totals(index: dict[str, Any]) -> None:
    """The first line of the page names the pinned package and how much is in it."""
    destinations = index["destinations"]
    actions = sum(len(each["actions"]) for each in destinations)
    said = f"{index['version']}: {len(destinations)} destinations with {actions} actions"
    assert said in PAGE


def test_needs(index: dict[str, Any]) -> None:
    """The three lists name exactly the destinations that need something."""
    needs = {each["slug"]: each["needs"] for each in index["destinations"]}
    assert re.findall(r"^\| `([\w-]+)` \|", part("segment"), re.MULTILINE) == [
        slug for slug, need in needs.items() if need["segment"]
    ]
    assert re.findall(r"`([\w-]+)`", part("own network")) == [
        slug for slug, need in needs.items() if need["own_network"]
    ]
    rows = re.findall(r"^\| `([\w-]+)` \| (.*) \|$", part("environment"), re.MULTILINE)
    assert {slug: re.findall(r"`(\w+)`", cell) for slug, cell in rows} == {
        slug: need["environment"]
        for slug, need in needs.items()
        if need["environment"] and not need["segment"]
    }


def test_presets_that_are_not_offered() -> None:
    """As many presets as the page says are for messages that no source sends."""
    kinds = [
        preset["type"]
        for path in (BUILT / "definitions").glob("*.json")
        for preset in json.loads(path.read_text())["presets"]
    ]
    assert f"{kinds.count('specificEvent')} of {len(kinds)}" in PAGE
