"""Values that the partner lists, in the mapping editor: searched, in pages, refused, or typed."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect
from pytest_asyncio import fixture
from tests.console.checks import assert_accessible, assert_fits
from tests.console.lists_scene import EDITOR, playing_lists
from tests.console.scene import Scene
from tests.delivery import lists
from tests.delivery.lists import Lists

pytestmark = pytest.mark.asyncio(loop_scope="session")


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


async def take_json(page: Page, name: str, json: str) -> None:
    """Write the value of a field as JSON."""
    await page.get_by_label(f"Kind of {name}", exact=True).select_option("json")
    await page.get_by_label(f"{name}, JSON").fill(json)


async def open_box(page: Page, name: str) -> Locator:
    """Open the list of a value's choices; the field."""
    box = page.get_by_role("combobox", name=name, exact=True)
    await box.click()
    return box


def options(page: Page) -> Locator:
    """What the open list offers."""
    return page.locator(".combobox-list:not([hidden]) [role=option]")


async def test_choices_are_shown_in_pages_and_chosen(page: Page, scene: Scene) -> None:
    """By keyboard alone: the next page follows the first one; what is chosen is saved."""
    await page.goto(EDITOR)
    await page.get_by_label("Kind of list_id", exact=True).select_option("text")
    box = await open_box(page, "list_id")
    await expect(options(page)).to_have_text(["List 0 l0", "List 1 l1", "Show more"])
    await assert_accessible(page)
    await assert_fits(page)
    await page.keyboard.press("ArrowUp")
    await page.keyboard.press("Enter")
    await expect(options(page)).to_have_text(["List 0 l0", "List 1 l1", "List 2 l2"])
    await page.keyboard.press("Enter")
    await expect(box).to_have_value("l2")
    await expect(box).to_have_attribute("aria-expanded", "false")
    await expect(page.locator(".combobox").get_by_text("List 2", exact=True).last).to_be_visible()
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("The mapping is saved", exact=True)).to_be_visible()
    [saved] = (await scene.call("GET", "subscriptions"))["subscriptions"]
    assert saved["mapping"]["list_id"] == "l2"


async def test_what_is_typed_is_searched_for_and_taken(page: Page, scene: Scene) -> None:
    """Also where the partner has nothing like it."""
    await page.goto(EDITOR)
    await page.get_by_label("Kind of list_id", exact=True).select_option("text")
    box = await open_box(page, "list_id")
    await box.fill("list 1")
    await expect(options(page).first).to_have_text("List 1 l1")
    await box.fill("of-my-own")
    await page.keyboard.press("Escape")
    await expect(box).to_have_value("of-my-own")
    await page.get_by_label("Kind of list_id", exact=True).select_option("json")
    await expect(page.get_by_label("list_id, JSON")).to_have_value('"of-my-own"')


async def test_why_the_partner_gives_no_choices_is_told(
    page: Page, scene: Scene, partner: Lists
) -> None:
    """Any value can be typed then."""
    partner.statuses["GET /lists"] = 403
    await page.goto(EDITOR)
    await page.get_by_label("Kind of list_id", exact=True).select_option("text")
    box = await open_box(page, "list_id")
    await expect(page.get_by_text("The partner gives no choices: ")).to_contain_text("403")
    await assert_accessible(page)
    await box.fill("l7")
    await expect(box).to_have_value("l7")


async def test_the_choices_depend_on_the_rest_of_the_mapping(
    page: Page, scene: Scene, partner: Lists
) -> None:
    """As it is at that moment, saved or not; inside a condition, they are those of the field."""
    await page.goto(EDITOR)
    await page.get_by_label("Kind of folder", exact=True).select_option("text")
    await page.get_by_label("folder", exact=True).fill("f7")
    await page.get_by_label("Kind of list_id", exact=True).select_option("if")
    await page.get_by_label("Kind of list_id, else", exact=True).select_option("text")
    await open_box(page, "list_id, else")
    await expect(options(page).first).to_have_text("List 0 l0")
    assert partner.requests[-1] == "GET /lists?page=0&folder=f7"


PLACES = {
    "attributes": (
        '[{"name": "a"}, {"name": "b"}]',
        "attributes, item 2.name",
        "attributes.name",
        "1",
    ),
    "data": ('{"a b": "x"}', "data.a b", "data.__values__", None),
}


@pytest.mark.parametrize("name", PLACES)
async def test_parts_of_lists_and_objects_have_choices(page: Page, scene: Scene, name: str) -> None:
    """A property of an entry, and the value of any key: the plugin is told which is meant."""
    json, label, declared, index = PLACES[name]
    await page.goto(EDITOR)
    await take_json(page, name, json)
    await page.get_by_label(f"Kind of {name}", exact=True).select_option(
        "list" if json.startswith("[") else "object"
    )
    box = await open_box(page, label)
    await options(page).filter(has_text="field=").click()
    await expect(box).to_have_value(f"field={declared}")
    await open_box(page, label)
    await expect(options(page).filter(has_text="index=")).to_contain_text(f"index={index}")


async def test_keys_of_an_object_have_choices(page: Page, scene: Scene) -> None:
    """A chosen key takes the place of the old one when the field is left."""
    await page.goto(EDITOR)
    await take_json(page, "data", '{"old": 1}')
    await page.get_by_label("Kind of data", exact=True).select_option("object")
    box = await open_box(page, "Key old of data")
    await options(page).filter(has_text="field=").click()
    await box.press("Tab")
    await page.get_by_label("Kind of data", exact=True).select_option("json")
    written = page.get_by_label("data, JSON")
    await expect(written).to_have_value('{\n  "field=data.__keys__": 1\n}')
