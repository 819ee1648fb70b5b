"""The built-in mapping of an instance: it is shown as such, can be paused, and not be edited."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import attrs
import pytest
from playwright.async_api import Page, expect
from pytest_asyncio import fixture
from tests.console import crm
from tests.console.checks import assert_accessible, assert_fits
from tests.console.scene import Scene, playing
from tests.host.deleting import forget
from tests.plugins.small import catalog_of, declares

pytestmark = pytest.mark.asyncio(loop_scope="session")

MAPPINGS = "/#/destinations/people/mappings"


@fixture(loop_scope="session")
async def scene(tmp_path: Path, bundle: None) -> AsyncIterator[Scene]:
    """An instance whose destination deletes users."""
    deleting = attrs.evolve(crm.crm, on_delete=forget)
    async with playing(tmp_path, catalog=catalog_of(declares("crm", deleting))) as scene:
        await scene.call("POST", "sources", {"name": "shop", "write_key": "wk-shop"})
        settings = {"apiKey": crm.GOOD_KEY}
        body = {"name": "people", "destination": "crm", "source": "shop", "settings": settings}
        await scene.call("POST", "instances", {**body, "presets": True})
        yield scene


async def test_it_is_paused_and_not_edited(page: Page, scene: Scene) -> None:
    """It has neither a switch nor a link, and its menu offers the pause alone."""
    await page.goto(MAPPINGS)
    row = page.get_by_role("listitem").filter(has_text="on_delete")
    await expect(row.get_by_text("Built in")).to_be_visible()
    await expect(row.get_by_role("switch")).to_have_count(0)
    await expect(row.get_by_role("link", name="on_delete")).to_have_count(0)
    await assert_accessible(page)
    await row.get_by_role("button", name="More about on_delete").click()
    await expect(page.get_by_role("menuitem")).to_have_text(["Pause"])
    await page.get_by_role("menuitem", name="Pause").click()
    await expect(row.get_by_text("Paused")).to_be_visible()
    found = (await scene.call("GET", "instances/people"))["instance"]
    assert found["on_delete_paused"] is True


async def test_its_own_address_shows_no_editor(page: Page, scene: Scene) -> None:
    """Opened by its address it says that it is built in, and has nothing to write or to save."""
    await scene.call("POST", "subscriptions/people%2Fon_delete/pause")
    await page.goto(f"{MAPPINGS}/people%2Fon_delete")
    await expect(page.get_by_role("heading", level=1, name="on_delete")).to_be_focused()
    main = page.get_by_role("main")
    await expect(main.get_by_text("Built in", exact=True)).to_be_visible()
    await expect(main.get_by_text("Paused", exact=True)).to_be_visible()
    await expect(main.get_by_text('type = "delete"')).to_be_visible()
    await expect(main.get_by_role("button", name="Save")).to_have_count(0)
    await expect(main.get_by_role("textbox")).to_have_count(0)
    await assert_accessible(page)
    await assert_fits(page)
    await page.keyboard.press("Shift+Tab")
    await page.keyboard.press("Enter")
    await expect(page).to_have_url(f"{scene.url}{MAPPINGS}")
