"""The catalog says for which destination a fallback makes way, and which one is left out."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from pytest_asyncio import fixture
from tests.console import crm
from tests.console.checks import assert_accessible, assert_fits
from tests.console.scene import Scene, playing
from tests.plugins.small import make_plugin

from offramp import Destination, LazyDestination
from offramp.plugins import load_catalog, load_plugins

pytestmark = pytest.mark.asyncio(loop_scope="session")

INSTEAD = ", instead of the fallback of shelf"


def not_today() -> Destination:
    """A destination that cannot be loaded."""
    raise RuntimeError("not today")


@fixture(loop_scope="session")
async def scene(tmp_path: Path, bundle: None) -> AsyncIterator[Scene]:
    """A host of the sample destination, a fallback for it, and one that cannot be loaded."""
    shelf = [
        LazyDestination(slug="crm", name="Sample CRM", load=not_today, fallback=True),
        LazyDestination(slug="lost", name="Lost", load=not_today),
    ]
    plugin = make_plugin("shelf", offramp_destinations=lambda: shelf)
    catalog = load_catalog(load_plugins(extra=[crm, plugin], installed=False))
    async with playing(tmp_path, catalog=catalog) as scene:
        yield scene


async def test_the_tile_and_the_page_name_the_fallback(page: Page, scene: Scene) -> None:
    """Beside the plugin whose destination is offered."""
    await page.goto("/#/catalog")
    tile = page.get_by_role("listitem").filter(has_text="Sample CRM")
    await expect(tile).to_contain_text(INSTEAD)
    await expect(page.get_by_role("listitem").filter(has_text="Lost")).not_to_contain_text(INSTEAD)
    await page.get_by_role("link", name="Sample CRM").click()
    await expect(page.get_by_text(INSTEAD)).to_be_visible()
    await assert_fits(page)


async def test_a_destination_that_is_left_out_blames_itself_alone(page: Page, scene: Scene) -> None:
    """Not its plugin, whose other destinations stay offered; the reason stands below."""
    assert scene.host.context.catalog.get("lost") is None
    await page.goto("/#/catalog")
    title = "The destination lost of the plugin shelf is not offered"
    await expect(page.get_by_text(title)).to_be_visible()
    await expect(page.get_by_text("Cannot be loaded: RuntimeError: not today")).to_be_visible()
    await expect(page.get_by_role("link", name="Lost")).to_have_count(0)
    await assert_accessible(page)
