"""Save hooks in the mapping editor: their inputs, what saving does at the partner, what it gave."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Locator, Page, expect
from pytest_asyncio import fixture
from tests.console.checks import assert_accessible, assert_fits
from tests.console.lists_scene import EDITOR, playing_lists
from tests.console.scene import Scene
from tests.delivery import lists
from tests.delivery.lists import Lists

pytestmark = pytest.mark.asyncio(loop_scope="session")

DO_IT = "Do this at the partner when the mapping is saved"
CODE = "code-that-nobody-reads"


@pytest.fixture
def partner() -> Lists:
    """What the partner answers from."""
    return Lists()


@fixture(loop_scope="session")
async def scene(
    tmp_path: Path, bundle: None, monkeypatch: pytest.MonkeyPatch, partner: Lists
) -> AsyncIterator[Scene]:
    """The host."""
    async with playing_lists(tmp_path, monkeypatch, lists, partner) as playing:
        yield playing


async def subscription(scene: Scene) -> dict[str, Any]:
    """The saved subscription."""
    [found] = (await scene.call("GET", "subscriptions"))["subscriptions"]
    assert isinstance(found, dict)
    return found


async def open_save(page: Page) -> Locator:
    """Open the dialog that says what saving does."""
    await page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog", name="Save mapping")
    await expect(dialog).to_be_visible()
    return dialog


async def save(page: Page) -> None:
    """Save, whatever it does."""
    await (await open_save(page)).get_by_role("button", name="Save", exact=True).click()


async def test_saving_says_what_it_does_and_shows_what_it_gave(
    page: Page, scene: Scene, partner: Lists
) -> None:
    """Its inputs have choices; another save does nothing at the partner unless they change."""
    await page.goto(EDITOR)
    await page.get_by_label(DO_IT).check()
    await page.get_by_label("Name (required)", exact=True).fill("VIP")
    await page.get_by_label("Code", exact=True).fill(CODE)
    await page.get_by_role("combobox", name="Folder", exact=True).click()
    await page.get_by_role("option", name="VIP-folder").click()
    await assert_accessible(page)
    await assert_fits(page)
    dialog = await open_save(page)
    await expect(dialog.get_by_text("Saving asks the partner: Make a list")).to_be_visible()
    await assert_accessible(page)
    stored = await page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert CODE not in stored
    assert partner.made == 0
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("It has run, and gave:")).to_be_visible()
    await expect(page.locator(".facts > div").filter(has_text="ID")).to_contain_text("list-1")
    await expect(page.get_by_label("Code", exact=True)).to_have_value("***eads")
    # The preview sends what the hook gave, secrets masked.
    await page.locator(".sample-text").fill('{"type": "track", "event": "e", "userId": "u1"}')
    request = page.get_by_label("Request", exact=True)
    await expect(request).to_contain_text('"list": "list-1"')
    await expect(request).not_to_contain_text("s3cr3t-of-the-list")
    await page.get_by_label("Mapping name").fill("Members")
    dialog = await open_save(page)
    await expect(dialog.get_by_text("Saving asks the partner")).to_have_count(0)
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_role("heading", name="Members")).to_be_visible()
    assert partner.made == 1
    hook = (await subscription(scene))["hooks"]["onMappingSave"]
    assert (hook["inputs"]["folder"], hook["outputs"]["id"]) == ("f1", "list-1")
    await page.get_by_label("Name (required)", exact=True).fill("VIPs")
    await expect(page.get_by_text("It runs when you save.")).to_be_visible()
    await page.get_by_label("Name (required)", exact=True).fill("VIP")
    await expect(page.get_by_text("It has run, and gave:")).to_be_visible()
    await expect(page.get_by_text("Not saved")).to_have_count(0)


async def test_a_failure_says_what_may_exist_and_nothing_is_saved(
    page: Page, scene: Scene, partner: Lists
) -> None:
    """What was entered stays; once the partner is well again, it is saved."""
    partner.statuses["PUT /lists/list-1/folder"] = 403
    await page.goto(EDITOR)
    await page.get_by_label(DO_IT).check()
    await page.get_by_label("Name (required)", exact=True).fill("VIP")
    await page.get_by_role("combobox", name="Folder", exact=True).fill("f1")
    await page.keyboard.press("Escape")
    await save(page)
    dialog = page.get_by_role("dialog")
    failed = dialog.get_by_role("alert").filter(has_text="It was not saved")
    await expect(failed).to_contain_text("it may have changed something at the partner: POST")
    await expect(failed).to_contain_text("403")
    await assert_accessible(page)
    assert (await scene.call("GET", "subscriptions"))["subscriptions"] == []
    partner.statuses.clear()
    await dialog.get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("It has run, and gave:")).to_be_visible()
    assert (await subscription(scene))["hooks"]["onMappingSave"]["outputs"]["id"] == "list-2"
