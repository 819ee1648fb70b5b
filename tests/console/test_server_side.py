"""A source is marked as server-side in its form, where a warning belongs to the control."""

from __future__ import annotations

import pytest
from playwright.async_api import Locator, Page, expect
from tests.console.checks import assert_accessible, assert_fits
from tests.console.hands import Keyboard
from tests.console.scene import SOURCE, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

BOX = "Server-side: only servers of yours send to it"
WARNING = "The key of a page or an app must never be a key of such a source"


async def is_server_side(scene: Scene, name: str = SOURCE) -> object:
    """What the host has saved."""
    return (await scene.call("GET", f"sources/{name}"))["source"]["server_side"]


async def assert_warns(box: Locator) -> None:
    """Check that the description of the control warns of keys that everybody can read."""
    await expect(box).to_have_accessible_description(
        f"Events of type delete are taken from it: each asks the destinations to delete a user. "
        f"{WARNING}: everybody can read it, and could have any user deleted."
    )


async def test_a_source_becomes_server_side_and_ceases_to_be(page: Page, scene: Scene) -> None:
    """By keyboard alone: nothing changes before it is saved, and the page shows what is saved."""
    await scene.add_source()
    await page.goto(f"/#/sources/{SOURCE}")
    hands = Keyboard(page)
    box, save = page.get_by_label(BOX), page.get_by_role("button", name="Save changes")
    state = page.get_by_text("Server-side", exact=True)
    await expect(box).not_to_be_checked()
    await expect(save).to_be_disabled()
    await assert_warns(box)
    await assert_accessible(page)
    await assert_fits(page)
    for is_on in (True, False):
        await hands.tick(box)
        assert await is_server_side(scene) is not is_on
        await hands.press(save)
        await expect(state).to_have_count(int(is_on))
        await expect(save).to_be_disabled()
        assert await is_server_side(scene) is is_on


async def test_a_change_that_is_refused_is_not_shown_as_saved(page: Page, scene: Scene) -> None:
    """The page says why, and keeps what was chosen."""
    await scene.add_source()
    await page.goto(f"/#/sources/{SOURCE}")
    box = page.get_by_label(BOX)
    await box.check()
    await scene.call("DELETE", f"sources/{SOURCE}")
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_role("alert")).to_contain_text("It is not saved")
    await expect(box).to_be_checked()
    await expect(page.get_by_text("Server-side", exact=True)).to_have_count(0)


@pytest.mark.parametrize("is_on", [True, False], ids=["server-side", "as-usual"])
async def test_a_source_is_made_as_it_was_chosen(page: Page, scene: Scene, is_on: bool) -> None:
    """By keyboard alone; a source is not server-side unless somebody says so."""
    await page.goto("/#/sources")
    hands = Keyboard(page)
    await hands.press(page.get_by_role("button", name="New source"))
    dialog = page.get_by_role("dialog")
    await hands.write(dialog.get_by_label("Source name"), "backend")
    await assert_warns(dialog.get_by_label(BOX))
    await assert_accessible(page)
    await assert_fits(page)
    if is_on:
        await hands.tick(dialog.get_by_label(BOX))
    await hands.press(dialog.get_by_role("button", name="Create source"))
    await expect(page.get_by_role("heading", level=1, name="backend")).to_be_visible()
    await expect(page.get_by_label(BOX)).to_be_checked(checked=is_on)
    assert await is_server_side(scene, "backend") is is_on
