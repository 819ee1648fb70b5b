"""The editor chooses the sync mode of a mapping, and keeps it where a mapping is put back."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from pytest_asyncio import fixture
from tests.console import crm
from tests.console.checks import assert_accessible, assert_fits
from tests.console.scene import Scene, playing

from offramp.plugins import load_catalog, load_plugins

pytestmark = pytest.mark.asyncio(loop_scope="session")

LABEL = "How people are written"
MAPPINGS = "/#/destinations/people/mappings"


@fixture(loop_scope="session")
async def scene(tmp_path: Path, bundle: None) -> AsyncIterator[Scene]:
    """An instance of a destination whose action has sync modes, with one event."""
    async with playing(tmp_path, catalog=load_catalog(load_plugins(extra=[crm]))) as scene:
        await scene.call("POST", "sources", {"name": "shop", "write_key": "wk-shop"})
        settings = {"apiKey": crm.GOOD_KEY}
        body = {"name": "people", "destination": "crm", "source": "shop", "settings": settings}
        await scene.call("POST", "instances", body)
        yield scene


async def saved(scene: Scene) -> object:
    """The sync mode of the only mapping."""
    [each] = (await scene.call("GET", "subscriptions"))["subscriptions"]
    return each["sync_mode"]


async def save(page: Page, change: str) -> None:
    """Save what the dialog shows as changed."""
    await page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    await expect(dialog.get_by_role("row", name="Sync mode")).to_contain_text(change)
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(dialog).to_have_count(0)


async def test_a_mapping_gets_its_sync_mode_in_the_editor(page: Page, scene: Scene) -> None:
    """From the preset at first, then as chosen; a deleted mapping comes back with it."""
    await page.goto(f"{MAPPINGS}/new?preset=New%20people")
    mode = page.get_by_label(LABEL)
    await expect(mode).to_have_value("add")
    await assert_accessible(page)
    await assert_fits(page)
    await save(page, "add")
    assert await saved(scene) == "add"
    await mode.select_option(label="Add, or change")
    await save(page, "upsert")
    assert await saved(scene) == "upsert"
    await page.goto(MAPPINGS)
    await page.reload()  # without the message of the save
    await page.get_by_role("button", name="More about New people").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("New people is restored")).to_be_visible()
    assert await saved(scene) == "upsert"


async def test_the_default_of_the_action_is_shown(page: Page, scene: Scene) -> None:
    """A mapping that chooses none has none saved, and the form shows what holds."""
    await page.goto(f"{MAPPINGS}/new?action=upsertPerson")
    await expect(page.get_by_label(LABEL)).to_have_value("upsert")
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("dialog")).to_have_count(0)
    assert await saved(scene) is None
