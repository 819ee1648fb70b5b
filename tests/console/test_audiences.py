"""The Audiences tab: audiences are added, created at the partner, adopted, changed and deleted."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from pytest_asyncio import fixture
from tests.console.checks import assert_accessible, assert_fits
from tests.console.lists_scene import playing_lists
from tests.console.scene import Scene
from tests.delivery import audience_parts
from tests.delivery.audience_parts import LIST_SECRET, ListPartner

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADDRESS = "/#/destinations/lists/audiences"


@pytest.fixture
def partner() -> ListPartner:
    """What the partner answers from."""
    return ListPartner()


@fixture(loop_scope="session")
async def scene(
    tmp_path: Path, bundle: None, monkeypatch: pytest.MonkeyPatch, partner: ListPartner
) -> AsyncIterator[Scene]:
    """A host with an instance of a destination that has audiences, and its partner."""
    async with playing_lists(tmp_path, monkeypatch, audience_parts, partner) as playing:
        yield playing


async def audience(scene: Scene) -> dict[str, Any]:
    """The one audience, as the API shows it."""
    [found] = (await scene.call("GET", "instances/lists/audiences"))["audiences"]
    assert isinstance(found, dict)
    return found


async def open_tab(page: Page, scene: Scene, **added: Any) -> Locator:
    """The tab with an audience; its row."""
    await scene.call("POST", "instances/lists/audiences", {"key": "vip", **added})
    await page.goto(ADDRESS)
    return page.get_by_role("list", name="Audiences").get_by_role("listitem")


async def test_an_audience_is_added_and_created_at_the_partner(
    page: Page, scene: Scene, partner: ListPartner
) -> None:
    """Nothing is made there before; then its id is shown, and its settings can be changed."""
    await page.goto(ADDRESS)
    await page.get_by_role("button", name="Add audience").click()
    dialog = page.get_by_role("dialog", name="Add an audience")
    await expect(dialog.get_by_label("Key")).to_be_focused()
    await dialog.get_by_role("button", name="Save").click()
    await expect(dialog.get_by_label("Key")).to_have_attribute("aria-invalid", "true")
    await dialog.get_by_label("Key").fill("vip")
    await dialog.get_by_label("Name").fill("VIP users")
    await dialog.get_by_label("Kind").select_option("phone")
    await dialog.get_by_label("Secret").fill(LIST_SECRET)
    await assert_accessible(page)
    await dialog.get_by_role("button", name="Save").click()
    row = page.get_by_role("list", name="Audiences").get_by_role("listitem")
    await expect(row.locator(".badge")).to_have_text("Not there")
    assert partner.made == {}
    await assert_accessible(page)
    await assert_fits(page)
    await row.get_by_role("button", name="Create VIP users").click()
    await expect(row.locator(".badge")).to_have_text("At the partner")
    await expect(row.get_by_text("Its id there: L1")).to_be_visible()
    assert partner.made == {"L1": {"name": "VIP users", "key": "vip", "kind": "phone"}}
    await row.get_by_role("button", name="More about VIP users").click()
    await page.get_by_role("menuitem", name="Edit").click()
    dialog = page.get_by_role("dialog", name="Edit VIP users")
    await expect(dialog.get_by_label("Secret")).to_have_value(f"***{LIST_SECRET[-4:]}")
    await dialog.get_by_label("Name").fill("VIPs")
    await dialog.get_by_role("button", name="Save").click()
    await expect(row.get_by_text("VIPs", exact=True)).to_be_visible()
    saved = await audience(scene)
    assert (saved["external_id"], saved["settings"]["listKind"]) == ("L1", "phone")
    _, config = await scene.host.context.configs.load()
    assert config.instances["lists"].audiences["vip"]["settings"]["secret"] == LIST_SECRET


async def test_what_the_partner_refuses_is_told_and_may_be_there(
    page: Page, scene: Scene, partner: ListPartner
) -> None:
    """After a 500 the partner may have it: a second one is made only if somebody says so."""
    partner.fails = 403
    row = await open_tab(page, scene)
    await row.get_by_role("button", name="Create vip").click()
    await expect(page.get_by_role("alert")).to_contain_text("The audience 'vip' was not created")
    await expect(row.locator(".badge")).to_have_text("Not there")
    partner.fails = 500
    await row.get_by_role("button", name="Create vip").click()
    await expect(page.get_by_role("alert")).to_contain_text("may have created the audience 'vip'")
    await expect(row.locator(".badge")).to_have_text("May be there")
    await assert_accessible(page)
    partner.fails = None
    await row.get_by_role("button", name="Create vip").click()
    await page.get_by_role("dialog").get_by_role("button", name="Create").click()
    await expect(row.locator(".badge")).to_have_text("At the partner")


async def test_an_audience_of_the_partner_is_adopted_and_deleted_here(
    page: Page, scene: Scene, partner: ListPartner
) -> None:
    """An id that the partner does not know is refused; the partner keeps what is deleted here."""
    partner.made["L7"] = {}
    row = await open_tab(page, scene)
    await row.get_by_role("button", name="More about vip").click()
    await page.get_by_role("menuitem", name="Use one that the partner has").click()
    dialog = page.get_by_role("dialog")
    await dialog.get_by_role("textbox").fill("L8")
    await dialog.get_by_role("button", name="Use it").click()
    await expect(dialog.get_by_role("alert")).to_contain_text("404")
    await assert_accessible(page)
    await dialog.get_by_role("textbox").fill("L7")
    await dialog.get_by_role("button", name="Use it").click()
    await expect(row.get_by_text("Its id there: L7")).to_be_visible()
    await row.get_by_role("button", name="More about vip").click()
    await page.get_by_role("menuitem", name="Ask the partner for it").click()
    await expect(page.get_by_text("vip: the partner has it")).to_be_visible()
    await row.get_by_role("button", name="More about vip").click()
    await page.get_by_role("menuitem", name="Delete").click()
    await page.get_by_role("dialog").get_by_role("button", name="Delete").click()
    await expect(page.get_by_role("heading", name="There are no audiences yet")).to_be_visible()
    assert "L7" in partner.made
