"""What is typed stays as it is typed: at any speed, in every form of a value and of a condition."""

from __future__ import annotations

import json
import re
from typing import Any
from urllib.parse import quote

import pytest
from playwright.async_api import Locator, Page, expect
from tests.console.scene import INSTANCE, SUBSCRIPTION, Scene, billing_event

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: A number with more digits than a float keeps.
LONG = "12345678901234567890"


async def edit(page: Page, scene: Scene, **changes: Any) -> None:
    """Open the editor of the guide's mapping, changed, with an event to try it on."""
    id_ = quote(await scene.add_instance(), safe="")
    if changes:
        await scene.call("PATCH", f"subscriptions/{id_}", changes)
    await scene.track("billing_event", billing_event())
    await page.goto(f"/#/destinations/{quote(INSTANCE)}/mappings/{id_}")
    await expect(page.get_by_label("Field of condition 1")).to_be_visible()


def kind(page: Page) -> Locator:
    """The kind of the value of `customer_id`."""
    return page.get_by_label("Kind of customer_id", exact=True)


def trigger_text(page: Page) -> Locator:
    """The trigger as text."""
    return page.get_by_label("Trigger as text (FQL)")


def save_button(page: Page) -> Locator:
    """The button that opens the dialog."""
    return page.get_by_role("button", name="Save", exact=True)


async def retype(page: Page, box: Locator, text: str) -> None:
    """Mark what is there, and type key by key."""
    await box.press("ControlOrMeta+a")
    await page.keyboard.type(text, delay=5)


@pytest.mark.parametrize("digits", ["1.05", "10.005", LONG, "0.10000000000000000001", "-2.50e3"])
async def test_a_number_keeps_the_digits_that_are_typed(
    page: Page, scene: Scene, digits: str
) -> None:
    """In a constant, and in what else it is made into; on the way `1.0` is a number too."""
    await edit(page, scene)
    box = page.get_by_label("customer_id", exact=True)
    await kind(page).select_option("number")
    await retype(page, box, digits)
    await expect(box).to_have_value(digits)
    if digits == LONG:
        await kind(page).select_option("text")
        await expect(box).to_have_value(digits)
        await kind(page).select_option("number")
        await expect(box).to_have_value(digits)


async def test_what_is_no_whole_value_yet_cannot_be_saved(page: Page, scene: Scene) -> None:
    """The last whole one would be saved in its place; to discard it is one click."""
    await edit(page, scene)
    await page.get_by_label("Mapping name").fill("Another name")
    await expect(save_button(page)).to_be_enabled()
    await kind(page).select_option("json")
    await page.get_by_label("customer_id, JSON").fill('{"@path": ')
    await expect(save_button(page)).to_be_disabled()
    await page.get_by_role("button", name="Restore default of customer_id").click()
    await expect(page.get_by_label("customer_id, JSON")).not_to_have_value('{"@path": ')
    await expect(save_button(page)).to_be_enabled()
    await page.get_by_label("customer_id, JSON").fill("{")
    await page.get_by_role("button", name="Discard changes").click()
    await expect(kind(page)).to_have_value("variable")
    await expect(page.get_by_text("Not saved")).to_have_count(0)


async def test_a_form_stays_while_it_is_typed_in(page: Page, scene: Scene) -> None:
    """Also while what is typed could be shown in another one: the focus would be lost with it."""
    merge = {"@merge": {"objects": [{"@path": "$.traits"}], "direction": "left"}}
    await edit(page, scene, mapping={**SUBSCRIPTION["mapping"], "customer_id": merge})
    box = page.get_by_label("customer_id, JSON")
    await retype(page, box, "1234")
    await expect(box).to_be_focused()
    await expect(box).to_have_value("1234")
    # Both begin with the same value, and then it says what a coalesce says.
    await page.get_by_label("Kind of event_type", exact=True).select_option("if")
    condition = page.get_by_role("combobox", name="event_type, condition", exact=True)
    await retype(page, condition, "$.properties.plan")
    await expect(condition).to_have_value("$.properties.plan")


async def test_a_variable_typed_into_a_template_becomes_a_chip_on_the_way(
    page: Page, scene: Scene
) -> None:
    """What is typed next stands behind it; the focus follows what is inserted and removed."""
    await edit(page, scene)
    await kind(page).select_option("template")
    await retype(page, page.get_by_label("customer_id, text 1"), "Hello {{userId}} bye")
    last = page.get_by_label("customer_id, text 2")
    await expect(page.get_by_label("customer_id, text 1")).to_have_value("Hello ")
    await page.get_by_role("button", name="Remove properties.cid").press("Enter")
    await expect(last).to_have_value(" bye")
    await page.get_by_role("button", name="Insert variable").first.press("Enter")
    variable = page.get_by_role("combobox", name="Variable to insert into customer_id")
    await expect(variable).to_be_focused()
    await page.get_by_role("button", name="Cancel").press("Enter")
    await expect(page.get_by_role("button", name="Insert variable").first).to_be_focused()
    await page.get_by_role("button", name="Remove userId").press("Enter")
    await expect(page.get_by_label("customer_id, text 1")).to_be_focused()
    await expect(page.get_by_label("customer_id, text 1")).to_have_value("Hello  bye")


async def test_the_focus_stays_near_what_is_removed(page: Page, scene: Scene) -> None:
    """It would fall back to the page's start, which keyboards and screen readers feel."""
    await edit(page, scene)
    row = page.locator("#field-customer_id")
    adds = {"object": "Add a key", "list": "Add an item", "coalesce": "Add a choice"}
    for shape, add in adds.items():
        await kind(page).select_option("variable")
        await kind(page).select_option(shape)
        button = row.get_by_role("button", name=add)
        await button.press("Enter")
        await row.get_by_role("button", name=re.compile("^Remove ")).first.press("Enter")
        await expect(button).to_be_focused()
    await page.get_by_role("button", name="Restore default of customer_id").press("Enter")
    await expect(kind(page)).to_be_focused()


async def test_a_mended_trigger_has_no_fault_any_more(page: Page, scene: Scene) -> None:
    """Also if it is then the one from before, which the host has read already."""
    await edit(page, scene, trigger='type = "track"')
    await retype(page, trigger_text(page), 'type = "track" x')
    await expect(page.get_by_text("is not expected here")).to_be_visible()
    await trigger_text(page).press("Backspace")
    await trigger_text(page).press("Backspace")
    await expect(trigger_text(page)).to_have_value('type = "track"')
    await expect(page.get_by_text("is not expected here")).to_have_count(0)


async def test_a_list_is_typed_line_by_line(page: Page, scene: Scene) -> None:
    """Enter begins a line; items that are numbers stay numbers."""
    await edit(page, scene, trigger='event in ["a", 12]')
    box = page.get_by_label("Value of condition 1, one a line")
    await box.press("ControlOrMeta+End")
    await page.keyboard.type("\nccc", delay=5)
    await expect(box).to_have_value("a\n12\nccc")
    await expect(trigger_text(page)).to_have_value('event in ["a", 12, "ccc"]')


async def test_a_condition_keeps_the_digits_of_its_number(page: Page, scene: Scene) -> None:
    """Shown, typed, and with another operator."""
    await edit(page, scene, trigger=f"properties.n = {LONG}")
    box = page.get_by_label("Value of condition 1", exact=True)
    await expect(box).to_have_value(LONG)
    await page.get_by_label("Operator of condition 1").select_option(">")
    await expect(trigger_text(page)).to_have_value(f"properties.n > {LONG}")
    await retype(page, box, "0.10000000000000000001")
    await expect(trigger_text(page)).to_have_value("properties.n > 0.10000000000000000001")


async def test_conditions_that_are_no_text_yet_survive_a_reload(page: Page, scene: Scene) -> None:
    """They have left the hand, and nothing else has them until the host has written them."""
    await edit(page, scene, trigger='userId = "a"')
    box = page.get_by_label("Value of condition 1", exact=True)
    await page.route("**/api/triggers/generate", lambda route: route.abort())
    await box.fill("abc")
    await expect(save_button(page)).to_be_disabled()
    await page.unroute("**/api/triggers/generate")
    await page.reload()
    await expect(box).to_have_value("abc")
    await expect(trigger_text(page)).to_have_value('userId = "abc"')
    await expect(save_button(page)).to_be_enabled()


@pytest.mark.parametrize("typed", ["cid", "$.properties.cid", "533c3"])
async def test_a_variable_is_found_by_a_part_of_its_name_or_value(
    page: Page, scene: Scene, typed: str
) -> None:
    """Enter takes the one that is shown, however the search is written."""
    await edit(page, scene)
    box = page.get_by_role("combobox", name="event_type", exact=True)
    await retype(page, box, typed)
    await expect(page.get_by_role("option", name=re.compile(r"^\$\."))).to_have_count(1)
    await box.press("Enter")
    await expect(box).to_have_value("$.properties.cid")


async def test_each_key_of_a_huge_event_is_found(page: Page, scene: Scene) -> None:
    """Not all are listed at once; keys that no path can name are not offered."""
    await edit(page, scene)
    keys = {f"key{number}": number for number in range(10_000)}
    event = {"type": "track", "event": "e", "properties": {"it's": 1, "a.b": 2, **keys}}
    await page.locator(".sample-text").fill(json.dumps(event))
    box = page.get_by_role("combobox", name="event_type", exact=True)
    await box.click()
    await expect(page.get_by_text(" more: type a part of a name")).to_be_visible()
    await retype(page, box, "key9999")
    await box.press("Enter")
    await expect(box).to_have_value("$.properties.key9999")
    for name in ("it's", "a.b"):
        await retype(page, box, name)
        await expect(page.get_by_text("The sample event has nothing like it")).to_be_visible()


async def test_numbers_of_a_sample_keep_their_digits(page: Page, scene: Scene) -> None:
    """In the text, beside the field, and in the request that would be sent."""
    await edit(page, scene)
    number = "0.10"
    properties = billing_event(data={"n": 1})
    call = {"type": "track", "event": "e", "userId": "u1", "messageId": "m"}
    event = json.dumps({**call, "properties": properties})
    written = event.replace('"n": 1', f'"n": {LONG}, "price": {number}')
    await page.locator(".sample-text").fill(written)
    request = page.get_by_label("Request", exact=True)
    await expect(request).to_contain_text(f'"n": {LONG}')
    await expect(request).to_contain_text(f'"price": {number}')
    await page.reload()
    await expect(page.locator(".sample-text")).to_have_value(re.compile(f'"price": {number}'))


async def test_a_directive_for_the_whole_payload_needs_no_fields(page: Page, scene: Scene) -> None:
    """The fields are what it maps with; name and trigger can be changed beside it."""
    merge = {"@merge": {"objects": [{"@path": "$.properties"}], "direction": "right"}}
    await edit(page, scene, mapping={"__segment_internal_directive": merge})
    await expect(page.get_by_text("A directive that makes the whole payload.")).to_be_visible()
    await expect(page.get_by_text("All mappings are required")).to_have_count(0)
    await page.get_by_label("Mapping name").fill("Another name")
    await expect(save_button(page)).to_be_enabled()


async def test_a_group_without_conditions_says_what_it_needs(page: Page, scene: Scene) -> None:
    """Nothing can be saved until then, and the text is the last whole trigger."""
    await edit(page, scene, trigger='type = "track"')
    await page.get_by_role("button", name="Remove condition 1").click()
    await expect(page.get_by_text("Add a condition: there is no trigger")).to_be_visible()
    await expect(save_button(page)).to_be_disabled()
    await page.get_by_role("button", name="Discard changes").click()
    await expect(page.get_by_label("Field of condition 1")).to_have_value("event-type")
