"""The status tells what became of destinations: built, listed, left out, in place of a fallback."""

from __future__ import annotations

import pytest
from tests.api.conftest import Running
from tests.delivery.parts import SmallPlugin
from tests.plugins.small import make_destination, make_plugin

from offramp import Destination, LazyDestination
from offramp.plugins import Catalog, load_catalog, load_plugins


def _not_today() -> Destination:
    raise RuntimeError("not today")


@pytest.fixture
def catalog() -> Catalog:
    """The destination, a fallback for it, and two lazy ones, of which one cannot be loaded."""
    shelf = [
        LazyDestination(slug="small", name="Small", load=_not_today, fallback=True),
        LazyDestination(slug="plain", name="Plain", load=lambda: make_destination("plain")),
        LazyDestination(slug="broken", name="Broken", load=_not_today),
    ]
    plugin = make_plugin("shelf", offramp_destinations=lambda: shelf)
    return load_catalog(load_plugins(extra=[SmallPlugin(), plugin], installed=False))


@pytest.mark.parametrize("lost", [False, True], ids=["declared", "left out"])
async def test_what_became_of_destinations_is_told(host: Running, lost: bool) -> None:
    """Whose is offered in place of a fallback, what is not built yet, what failed and why."""
    catalog = host.context.catalog
    if lost:
        assert catalog.get("broken") is None
    shown = (await host.get("/api/status"))["catalog"]
    found = {each["slug"]: each for each in shown["destinations"]}
    assert found["small"] == {
        "slug": "small",
        "state": "built",
        "plugin": "SmallPlugin",
        "fallbacks": ["shelf"],
        "reason": None,
        "instances": ["small"],
    }
    assert "plain" not in found
    assert catalog.state("plain") == "listed"
    counts = (shown["built"], shown["listed"], shown["failed"])
    assert (counts, "broken" in found) == (((1, 1, 1), True) if lost else ((1, 2, 0), False))
    if lost:
        assert (found["broken"]["state"], found["broken"]["plugin"]) == ("failed", None)
        assert "cannot be loaded: RuntimeError: not today" in found["broken"]["reason"]
