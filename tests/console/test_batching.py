"""How the events of a mapping share requests, in the mapping editor."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect
from tests.console.checks import assert_accessible, assert_fits
from tests.console.scene import INSTANCE, Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")


async def test_batches_are_narrowed_within_what_the_action_allows(page: Page, scene: Scene) -> None:
    """A number beyond it is refused by its name; what holds after a save is shown."""
    id_ = await scene.add_instance()
    await page.goto(f"/#/destinations/{quote(INSTANCE)}/mappings/{quote(id_, safe='')}")
    await expect(page.get_by_text("The action takes up to 100 events")).to_be_visible()
    most = page.get_by_label("Max events")
    await expect(most).to_have_attribute("placeholder", "100 (default)")
    await most.fill("1000")
    await page.get_by_label("Linger").fill("2s")
    await page.get_by_label("Keys").fill("customer_id\nevent_type")
    await assert_accessible(page)
    await assert_fits(page)
    await page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog", name="Save mapping")
    await expect(dialog.get_by_text("must be at most 100")).to_be_visible()
    await dialog.get_by_role("button", name="Cancel").click()
    await most.fill("20")
    await page.get_by_role("button", name="Save", exact=True).click()
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved: up to 20 events")).to_contain_text("2 seconds")
    [saved] = (await scene.call("GET", "subscriptions"))["subscriptions"]
    assert saved["batch"] == {"max_events": 20, "linger": 2, "keys": ["customer_id", "event_type"]}
    await page.get_by_label("Events share requests").uncheck()
    await page.get_by_role("button", name="Save", exact=True).click()
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("Saved: each event is sent alone.")).to_be_visible()
    [saved] = (await scene.call("GET", "subscriptions"))["subscriptions"]
    assert saved["effective_batch"] is None
