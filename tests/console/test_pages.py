"""Every page: accessible, readable at each width, and quiet, with and without data."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect
from tests.console.checks import assert_accessible, assert_fits
from tests.console.pages import PAGES, open_page
from tests.console.scene import SLUG, Scene, billing_event

pytestmark = pytest.mark.asyncio(loop_scope="session")

EMPTY_PAGES = ("", "sources", "destinations", f"catalog/{SLUG}/add")


async def test_every_page_is_accessible_and_fits(page: Page, scene: Scene) -> None:
    """All pages of a host that has delivered one event and rejected another."""
    mapping = await scene.add_instance()
    await scene.track("billing_event", billing_event())
    await scene.track("billing_event", billing_event(cid=None))
    for address, heading in PAGES.items():
        await open_page(page, address.format(id=quote(mapping, safe="")))
        await expect(page.get_by_role("heading", level=1)).to_contain_text(heading)
        await assert_accessible(page)
        await assert_fits(page)


async def test_a_page_without_data_is_accessible_and_fits(page: Page) -> None:
    """What a host shows at its first start."""
    for address in EMPTY_PAGES:
        await open_page(page, address)
        await assert_accessible(page)
        await assert_fits(page)


async def test_a_refusal_is_a_sentence_without_the_signs_of_the_api(page: Page) -> None:
    """The host names places in its documents; here there is one form, and no such document."""
    await open_page(page, "")
    await page.get_by_label("Source name").fill("a/b")
    await page.get_by_role("button", name="Create source").click()
    alert = page.get_by_role("alert")
    await expect(alert).to_contain_text("The name must be printable, without '/'")
    await expect(alert).not_to_contain_text("$")
