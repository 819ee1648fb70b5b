"""The page on how it works, held to the code that it leads to."""

from __future__ import annotations

import re

import pytest
from tests.docs.pages import CHECKOUT, blocks, read_page
from tests.policy.rows import ROWS, TESTING

PAGE = read_page("explanation/how-it-works.md")
FRAMEWORK = CHECKOUT / "framework" / "offramp"


@pytest.mark.parametrize("path", sorted(set(re.findall(r"`([\w/]+(?:\.py|/))`", PAGE))))
def test_every_place_to_read_is_there(path: str) -> None:
    """A module or room that the page names exists."""
    assert (CHECKOUT / path if path.startswith("framework/") else FRAMEWORK / path).exists()


def test_the_rooms_of_the_diagram_are_those_of_the_code() -> None:
    """Each room on an event's way stands in the diagram by its folder's name."""
    diagram, _ = blocks(PAGE, "text")
    rooms = set(re.findall(r"\b([a-z]+)/(?= )", diagram))
    assert rooms == {
        "collector",
        "event",
        "delivery",
        "queue",
        "storage",
        "mapping",
        "payload",
        "http",
    }
    assert all((FRAMEWORK / room).is_dir() for room in rooms)


def test_the_rows_of_the_map_are_those_that_imports_keep() -> None:
    """Every room stands in the map, in the row that the test of imports gives it."""
    _, drawn = blocks(PAGE, "text")
    rows = [
        {room.strip("/") for room in line.partition("  ")[0].split(", ")}
        for line in drawn.splitlines()
    ]
    assert rows == [*(row - {"_version", "__main__"} for row in ROWS), {TESTING}]
