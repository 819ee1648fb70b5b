"""Texts stay texts: of an event, of a partner's answer, of a plugin's labels."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path
from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect
from pytest_asyncio import fixture
from tests.console import hostile
from tests.console.hostile import MARKUP, PRESET, SLUG
from tests.console.pages import open_page
from tests.console.scene import SOURCE, Scene, playing

from offramp.plugins import load_catalog, load_plugins

pytestmark = pytest.mark.asyncio(loop_scope="session")

INSTANCE = f"notes {MARKUP}"
ADDRESS = f"destinations/{quote(INSTANCE, safe='')}"
MAPPING = quote(f"{INSTANCE}/{PRESET}", safe="")


@fixture(loop_scope="session")
async def scene(tmp_path: Path, bundle: None) -> AsyncIterator[Scene]:
    """A host with an instance whose partner refuses everything, and one event that it refused."""
    catalog = load_catalog(load_plugins(extra=[hostile]))
    async with hostile.refusing() as url, playing(tmp_path, catalog=catalog) as scene:
        await scene.add_source()
        body = {"name": INSTANCE, "source": SOURCE, "destination": SLUG, "settings": {"url": url}}
        await scene.call("POST", "instances", body)
        answer = await scene.call("POST", "subscriptions", {"instance": INSTANCE, "preset": PRESET})
        id_ = quote(answer["subscription"]["id"], safe="")
        await scene.call("POST", f"subscriptions/{id_}/enable")
        await scene.track(f"Clicked {MARKUP}", {MARKUP: MARKUP})
        yield scene


async def test_markup_is_shown_as_it_is_written(page: Page) -> None:
    """On every page that shows it: no element is made of it, and nothing of it runs."""
    pages = {
        "catalog": "Notes ",
        f"catalog/{SLUG}": "What it says ",
        f"catalog/{SLUG}/add": "Configure Notes ",
        "destinations": "notes ",
        f"{ADDRESS}/settings": "Where it is ",
        f"{ADDRESS}/mappings": "Preset ",
        f"{ADDRESS}/mappings/{MAPPING}": "What it says ",
    }
    for address, shown in pages.items():
        await open_page(page, address)
        await expect(page.get_by_text(f"{shown}{MARKUP}").first).to_be_visible()
        await expect(page.locator("#app img, #app script")).to_have_count(0)


async def test_an_answer_with_markup_is_shown_as_it_came(page: Page) -> None:
    """A partner's page is text in the answer of a test event, and so is the event's name."""
    await open_page(page, f"{ADDRESS}/mappings/{MAPPING}")
    await page.get_by_role("button", name="Send test event").click()
    await page.get_by_role("button", name="Send it").click()
    await expect(page.get_by_label("Answer", exact=True)).to_contain_text(f"Refused {MARKUP}")
    await expect(page.get_by_label("Request sent", exact=True)).to_contain_text(f"Clicked {MARKUP}")
    await expect(page.locator("#app img, #app script")).to_have_count(0)
