"""The Mappings tab: switches, counts, the menu of a mapping, new ones; the menu of the instance."""

from __future__ import annotations

import asyncio
from urllib.parse import quote

import pytest
from playwright.async_api import Locator, Page, expect
from tests.console.checks import assert_accessible, assert_fits, refresh
from tests.console.scene import METRONOME_TOKEN, PATIENCE, WRITE_KEY, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

INSTANCE, PRESET = "Metronome Instance #1", "Send track events to Metronome"
ADDRESS = f"/#/destinations/{quote(INSTANCE)}/mappings"
MAPPING = f"subscriptions/{quote(f'{INSTANCE}/{PRESET}', safe='')}"


async def set_up(scene: Scene, *, token: str = METRONOME_TOKEN, enabled: bool = False) -> None:
    """Add a source, an instance and its preset."""
    await scene.call("POST", "sources", {"name": "shop", "write_key": WRITE_KEY})
    settings = {"apiToken": token}
    body = {"name": INSTANCE, "destination": "metronome-actions", "source": "shop"}
    await scene.call("POST", "instances", {**body, "settings": settings})
    mapping = {"customer_id": {"@path": "$.properties.cid"}}
    preset = {"instance": INSTANCE, "preset": PRESET, "mapping": mapping}
    await scene.call("POST", "subscriptions", preset)
    if enabled:
        await scene.call("POST", f"{MAPPING}/enable")


async def until_held_back(scene: Scene) -> None:
    """Wait until the host has been refused."""
    async with asyncio.timeout(PATIENCE):
        while True:
            [instance] = (await scene.call("GET", "status"))["instances"]
            if instance["circuit_breaker"]["state"] != "closed":
                return
            await asyncio.sleep(0.02)


def rows(page: Page) -> Locator:
    """The mappings that are listed."""
    return page.get_by_role("list", name="Mappings").get_by_role("listitem")


async def choose(page: Page, name: str, item: str) -> None:
    """Choose from the menu of a mapping or an instance."""
    await page.get_by_role("button", name=f"More about {name}", exact=True).click()
    await page.get_by_role("menuitem", name=item).click()


async def test_a_mapping_is_enabled_and_its_counts_are_shown(page: Page, scene: Scene) -> None:
    """It is disabled at first, and says so; then it delivers, and what fails is counted apart."""
    await set_up(scene)
    await page.clock.install()
    await page.goto(ADDRESS)
    await expect(page.get_by_text("No mapping is enabled: nothing is sent")).to_be_visible()
    await expect(rows(page)).to_contain_text("Send Event when Event Type is track")
    switch = page.get_by_role("switch", name=f"Enable {PRESET}")
    await expect(switch).not_to_be_checked()
    await switch.click()
    await expect(switch).to_be_checked()
    await expect(page.get_by_text("No mapping is enabled")).to_have_count(0)
    await scene.track("billing_event", {"cid": "c1"})
    await scene.track("billing_event", {"cid": "c1"})
    await scene.track("billing_event", {})
    await refresh(page)
    await expect(rows(page).get_by_role("definition")).to_have_text(["2", "1", "0"])
    await assert_accessible(page)
    await assert_fits(page)


async def test_the_menu_duplicates_and_renames(page: Page, scene: Scene) -> None:
    """A copy is disabled; a name that is taken is refused beside the name."""
    await set_up(scene, enabled=True)
    await page.goto(ADDRESS)
    await page.get_by_role("button", name=f"More about {PRESET}", exact=True).click()
    await assert_accessible(page)
    await page.get_by_role("menuitem", name="Duplicate").click()
    await expect(rows(page)).to_have_count(2)
    await expect(page.get_by_role("switch", name=f"Enable {PRESET} (Copy)")).not_to_be_checked()
    await choose(page, f"{PRESET} (Copy)", "Rename")
    name = page.get_by_role("textbox", name="Name")
    await expect(name).to_be_focused()
    await name.fill(PRESET)
    await page.get_by_role("button", name="Rename").click()
    await expect(name).to_have_attribute("aria-invalid", "true")
    await assert_accessible(page)
    await name.fill("<b>Mine<b>")
    await page.get_by_role("button", name="Rename").click()
    await expect(page.get_by_role("link", name="<b>Mine<b>")).to_be_visible()


async def test_a_deleted_mapping_can_be_put_back(page: Page, scene: Scene) -> None:
    """With its id, and enabled as it was; the focus goes to what is next."""
    await set_up(scene, enabled=True)
    before = (await scene.call("GET", MAPPING))["subscription"]
    await page.goto(ADDRESS)
    await choose(page, PRESET, "Delete")
    await assert_accessible(page)
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_text("There is no mapping yet")).to_be_visible()
    await expect(page.get_by_role("button", name="New Mapping")).to_be_focused()
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_role("switch", name=f"Enable {PRESET}")).to_be_checked()
    after = (await scene.call("GET", MAPPING))["subscription"]
    assert after | {"preset": None} == before | {"preset": None}


async def test_what_waits_is_named_before_it_would_expire(page: Page, scene: Scene) -> None:
    """Turning a mapping off asks first; after Cancel it is on, and the event waits."""
    await set_up(scene, enabled=True)
    await scene.call("POST", f"{MAPPING}/pause")
    await scene.track("billing_event", {})
    await page.goto(ADDRESS)
    await expect(rows(page)).to_contain_text("Paused")
    switch = page.get_by_role("switch", name=f"Enable {PRESET}")
    await switch.click()
    dialog = page.get_by_role("dialog")
    await expect(dialog).to_contain_text("1 delivery waits and would expire")
    await dialog.get_by_role("button", name="Cancel").click()
    await expect(switch).to_be_checked()
    await expect(switch).to_be_focused()
    await choose(page, INSTANCE, "Delete")
    await dialog.get_by_role("button", name="Delete").click()
    await expect(dialog).to_contain_text("1 delivery waits and would expire")
    await dialog.get_by_role("button", name="Delete, and let them expire").click()
    await expect(page.get_by_role("heading", level=1, name="Destinations")).to_be_visible()
    await expect(page.get_by_text("There is no destination yet")).to_be_visible()


async def test_a_new_mapping_is_made_from_an_action_or_a_preset(page: Page, scene: Scene) -> None:
    """The choice opens the editor with a candidate; nothing is created by choosing."""
    await set_up(scene)
    for name in ("Send Event", PRESET):
        await page.goto(ADDRESS)
        await page.get_by_role("button", name="New Mapping").click()
        dialog = page.get_by_role("dialog", name="New mapping")
        await assert_accessible(page)
        await dialog.get_by_role("link", name=name, exact=True).click()
        await expect(page.get_by_label("Mapping name")).to_have_value(name)
    assert len((await scene.call("GET", "subscriptions"))["subscriptions"]) == 1


async def test_an_instance_that_is_held_back_says_why(page: Page, scene: Scene) -> None:
    """In the list of destinations, and on its own page with what to do."""
    await set_up(scene, token="not-the-token", enabled=True)
    await scene.call("POST", f"{MAPPING}/pause")
    await scene.track("billing_event", {"cid": "c1"})
    await scene.call("POST", f"{MAPPING}/resume")
    await until_held_back(scene)
    await page.goto("/#/destinations")
    await expect(page.get_by_role("listitem")).to_contain_text("Held back")
    await assert_accessible(page)
    await assert_fits(page)
    await page.get_by_role("link", name=INSTANCE).click()
    await expect(page.get_by_role("alert")).to_contain_text("holds this destination back")
    await choose(page, INSTANCE, "Pause")
    await expect(page.get_by_text("Choose Resume in the menu")).to_be_visible()
    await assert_accessible(page)
    await assert_fits(page)


async def test_an_instance_that_somebody_deletes_is_gone_from_its_page(
    page: Page, scene: Scene
) -> None:
    """The page says so within seconds, and leads to the others."""
    await set_up(scene)
    await page.clock.install()
    await page.goto(ADDRESS)
    await expect(rows(page)).to_have_count(1)
    await scene.call("DELETE", f"instances/{quote(INSTANCE, safe='')}")
    await refresh(page)
    await expect(page.get_by_text(f"There is no destination {INSTANCE}")).to_be_visible()
    await assert_accessible(page)
    await page.get_by_role("link", name="Show all destinations").click()
    await expect(page.get_by_role("heading", level=1, name="Destinations")).to_be_visible()
