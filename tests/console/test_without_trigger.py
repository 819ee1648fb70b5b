"""A preset without a trigger: every page says so, and the editor gives its mapping one."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Page, expect
from pytest_asyncio import fixture
from tests.console import crm
from tests.console.checks import assert_accessible, assert_fits, refresh
from tests.console.scene import Scene, playing

from offramp.plugins import load_catalog, load_plugins

pytestmark = pytest.mark.asyncio(loop_scope="session")

PRESET = "Chosen people"
MAPPINGS = "/#/destinations/people/mappings"
NO_TRIGGER = "No trigger: its mapping stays disabled until you select events"


@fixture(loop_scope="session")
async def scene(tmp_path: Path, bundle: None) -> AsyncIterator[Scene]:
    """An instance with both presets of its destination, of which one has no trigger."""
    async with playing(tmp_path, catalog=load_catalog(load_plugins(extra=[crm]))) as scene:
        await scene.call("POST", "sources", {"name": "shop", "write_key": "wk-shop"})
        settings = {"apiKey": crm.GOOD_KEY}
        body = {"name": "people", "destination": "crm", "source": "shop", "settings": settings}
        await scene.call("POST", "instances", {**body, "presets": True})
        yield scene


async def saved(scene: Scene) -> tuple[object, object]:
    """Name and trigger of its mapping."""
    found = (await scene.call("GET", "subscriptions"))["subscriptions"]
    [each] = [each for each in found if each["preset"] == PRESET]
    return each["name"], each["trigger"]


async def save(page: Page) -> None:
    """Open the dialog that shows what changes, and save."""
    await page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(dialog).to_have_count(0)


async def test_lists_say_that_a_preset_has_no_trigger(page: Page) -> None:
    """The page of the destination, and the choice of what a new mapping is made from."""
    await page.goto("/#/catalog/crm")
    row = page.get_by_role("table", name="Presets").get_by_role("row").filter(has_text=PRESET)
    await expect(row.get_by_role("cell")).to_have_text(["Upsert Person", NO_TRIGGER])
    await page.goto(MAPPINGS)
    await page.get_by_role("button", name="New Mapping").click()
    await expect(page.get_by_role("dialog")).to_contain_text(NO_TRIGGER)
    await assert_accessible(page)


async def test_the_editor_gives_a_mapping_its_trigger(page: Page, scene: Scene) -> None:
    """It can be saved without one, and enabled once conditions are added."""
    await page.goto(MAPPINGS)
    row = page.get_by_role("list", name="Mappings").get_by_role("listitem").filter(has_text=PRESET)
    switch = row.get_by_role("switch")
    await switch.click()
    await expect(page.get_by_text("is missing: say which events")).to_be_visible()
    await expect(switch).not_to_be_checked()
    await row.get_by_role("link", name="without a trigger: select events to enable it").click()
    await expect(page.get_by_label("Trigger as text (FQL)")).to_have_value("")
    await expect(page.get_by_text("the mapping can be saved, and stays disabled")).to_be_visible()
    await expect(page.get_by_text("Without a trigger, no event is selected.")).to_be_visible()
    await assert_accessible(page)
    await assert_fits(page)
    await page.get_by_label("Mapping name").fill("Chosen")
    await save(page)
    assert await saved(scene) == ("Chosen", None)
    await page.get_by_role("button", name="Add condition").click()
    await expect(page.get_by_label("Trigger as text (FQL)")).to_have_value('type = "track"')
    await save(page)
    assert await saved(scene) == ("Chosen", 'type = "track"')
    await page.goto(MAPPINGS)
    row = (
        page.get_by_role("list", name="Mappings").get_by_role("listitem").filter(has_text="Chosen")
    )
    await row.get_by_role("switch").click()
    await expect(row.get_by_role("switch")).to_be_checked()


async def test_the_first_steps_enable_only_what_has_a_trigger(page: Page, scene: Scene) -> None:
    """The other one is offered for editing."""
    await page.goto("/")
    await scene.track("Anything", {}, write_key="wk-shop")
    await refresh(page)
    row = page.get_by_role("list", name="Mappings").get_by_role("listitem").filter(has_text=PRESET)
    await expect(row).to_contain_text("has no trigger yet: edit it to select events")
    await expect(row.get_by_role("link", name="Edit Mapping")).to_be_visible()
    await expect(row.get_by_role("button", name="Enable")).to_have_count(0)
    await assert_accessible(page)
    await assert_fits(page)
