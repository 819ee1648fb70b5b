"""The catalog: what a search finds, what a destination shows, and how one is added."""

from __future__ import annotations

from importlib.metadata import version

import pytest
from playwright.async_api import Page, expect
from tests.console.checks import assert_accessible, assert_fits
from tests.console.scene import Scene

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME, SLUG = "Metronome (Actions)", "metronome-actions"


@pytest.mark.parametrize(
    "search", [NAME, "metronome", "  METRONOME actions", "send event to metronome"]
)
async def test_a_search_finds_the_destination(page: Page, search: str) -> None:
    """By its name as the guide writes it, by a part in any case, together with what it does."""
    await page.goto("/#/catalog")
    await page.get_by_label("Search destinations").fill(search)
    await expect(page.get_by_role("status").get_by_text("1 destination found")).to_be_visible()
    await page.get_by_role("link", name=NAME).click()
    await expect(page.get_by_role("heading", level=1, name=NAME)).to_be_focused()


async def test_a_search_that_finds_nothing_says_what_to_do(page: Page) -> None:
    """The way back is a button; the text of the search stays text."""
    await page.goto("/#/catalog")
    await page.get_by_label("Search destinations").fill("<b>salesforce</b>")
    await expect(page.get_by_text("No destination matches “<b>salesforce</b>”")).to_be_visible()
    await assert_accessible(page)
    await page.get_by_role("button", name="Clear the search").click()
    await expect(page.get_by_role("link", name=NAME)).to_be_visible()


async def test_a_destination_shows_its_actions_fields_and_presets(page: Page) -> None:
    """Each field with type, whether it is required, and where its value comes from."""
    await page.goto(f"/#/catalog/{SLUG}")
    origin = f"{SLUG} from offramp-metronome {version('offramp-metronome')}"
    await expect(page.get_by_text(origin)).to_be_visible()
    fields = page.get_by_role("table", name="Fields of Send Event")
    row = fields.get_by_role("row").filter(has_text="customer_id")
    await expect(row.get_by_role("cell")).to_have_text(["string", "Yes", "context.groupId"])
    preset = page.get_by_role("table", name="Presets").get_by_role("row").nth(1)
    await expect(preset.get_by_role("cell")).to_have_text(["Send Event", "Event Type is track"])
    await assert_accessible(page)
    await assert_fits(page)


async def test_without_a_source_one_is_created_on_the_way(page: Page, scene: Scene) -> None:
    """Its write key is shown, and the instance that is added takes its events."""
    await page.goto(f"/#/catalog/{SLUG}/add")
    await expect(page.get_by_role("button", name="Create destination")).to_be_disabled()
    await page.get_by_role("button", name="Create a source").click()
    await page.get_by_label("Source name").fill("website")
    await page.get_by_role("button", name="Create source").click()
    await expect(page.get_by_text("Copy the write key now")).to_be_visible()
    await assert_accessible(page)
    await expect(page.get_by_label("Destination name")).to_have_value("Metronome Instance #1")
    await page.get_by_role("button", name="Create destination").click()
    await expect(page.get_by_label("API Token")).to_be_visible()
    [instance] = (await scene.call("GET", "instances"))["instances"]
    assert (instance["name"], instance["source"]) == ("Metronome Instance #1", "website")
    assert not instance["enabled"]
    [mapping] = (await scene.call("GET", "subscriptions"))["subscriptions"]
    assert (mapping["preset"], mapping["enabled"]) == ("Send track events to Metronome", False)


async def test_a_name_that_is_taken_is_told_beside_it(page: Page, scene: Scene) -> None:
    """The name that is offered is free; another one is refused where it is entered."""
    await scene.call("POST", "sources", {"name": "shop", "write_key": "wk-shop"})
    body = {"destination": SLUG, "source": "shop", "enabled": False}
    await scene.call("POST", "instances", {"name": "Metronome Instance #1", **body})
    await page.goto(f"/#/catalog/{SLUG}/add")
    name = page.get_by_label("Destination name")
    await expect(name).to_have_value("Metronome Instance #2")
    await name.fill("Metronome Instance #1")
    await page.get_by_role("button", name="Create destination").click()
    await expect(name).to_be_focused()
    await expect(name).to_have_accessible_description(
        "It tells this one from others of its kind, and stays as it is. "
        "The instance 'Metronome Instance #1' exists already."
    )
