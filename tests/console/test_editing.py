"""What is edited is never lost: by a host that stops, a reload, a session's end, another person."""

from __future__ import annotations

import asyncio
import random
from urllib.parse import quote

import pytest
from playwright.async_api import Browser, Locator, Page, Route, expect
from tests.console.checks import assert_accessible
from tests.console.conftest import new_context
from tests.console.scene import INSTANCE, Scene, billing_event
from tests.console.watch import Watch

pytestmark = pytest.mark.asyncio(loop_scope="session")

NAME, EVENT_TYPE, CUSTOMER = "Mapping name", "event_type", "customer_id"


async def address_of(scene: Scene) -> str:
    """The editor of the guide's mapping, with an event to try it on."""
    mapping = await scene.add_instance()
    await scene.track("billing_event", billing_event())
    return f"/#/destinations/{quote(INSTANCE)}/mappings/{quote(mapping, safe='')}"


def field(page: Page, name: str) -> Locator:
    """The variable of a field of the mapping."""
    return page.get_by_role("combobox", name=name, exact=True)


async def save(page: Page) -> None:
    """Open the dialog that shows what changes, and save."""
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()


async def saved(scene: Scene) -> dict[str, object]:
    """The mapping as it is saved."""
    [subscription] = (await scene.call("GET", "subscriptions"))["subscriptions"]
    mapping: dict[str, object] = subscription["mapping"]
    return mapping


async def test_an_edit_survives_a_restart_of_the_host(
    page: Page, scene: Scene, watch: Watch
) -> None:
    """Made while the host is stopped, reloaded, and saved once it is back."""
    await page.goto(await address_of(scene))
    await field(page, CUSTOMER).fill("$.userId")
    watch.is_host_stopped = True
    await scene.stop()
    await field(page, EVENT_TYPE).fill("$.event")
    await expect(page.get_by_text("What you entered is kept.").first).to_be_visible()
    await assert_accessible(page)
    await scene.start()
    await page.reload()
    await expect(page.get_by_text("Not saved")).to_be_visible()
    await expect(field(page, CUSTOMER)).to_have_value("$.userId")
    await expect(field(page, EVENT_TYPE)).to_have_value("$.event")
    await save(page)
    await expect(page.get_by_text("The mapping is saved")).to_be_visible()
    assert (await saved(scene))[CUSTOMER] == {"@path": "$.userId"}
    assert (await saved(scene))[EVENT_TYPE] == {"@path": "$.event"}


async def test_an_edit_survives_the_end_of_the_session(page: Page, scene: Scene) -> None:
    """Whoever signs in again in the same tab goes on where they were."""
    await page.goto(await address_of(scene))
    await field(page, CUSTOMER).fill("$.userId")
    await expect(page.get_by_text("Not saved")).to_be_visible()
    await page.context.clear_cookies()
    await field(page, EVENT_TYPE).fill("$.event")
    await expect(page.get_by_text("Your session has ended.")).to_be_visible()
    await page.get_by_label("API token").fill(scene.host.token.value)
    await page.get_by_role("button", name="Sign in").click()
    await expect(field(page, CUSTOMER)).to_have_value("$.userId")
    await expect(field(page, EVENT_TYPE)).to_have_value("$.event")


async def test_two_people_in_one_mapping_see_both_versions(
    browser: Browser, page: Page, scene: Scene, watch: Watch
) -> None:
    """Who saves second is shown both, and decides; nothing is overwritten before."""
    address = await address_of(scene)
    state = await page.context.storage_state()
    async with new_context(browser, scene, watch, storage_state=state) as context:
        other = await context.new_page()
        for each in (page, other):
            await each.goto(address)
            await expect(field(each, CUSTOMER)).to_have_value("$.properties.cid")
        await field(other, CUSTOMER).fill("$.userId")
        await save(other)
        await expect(other.get_by_text("The mapping is saved")).to_be_visible()
    await field(page, EVENT_TYPE).fill("$.event")
    await save(page)
    dialog = page.get_by_role("dialog", name="Somebody else changed this mapping")
    await expect(dialog.get_by_role("row", name=CUSTOMER)).to_contain_text("$.userId")
    await expect(dialog.get_by_role("row", name=EVENT_TYPE)).to_contain_text("$.event")
    await assert_accessible(page)
    assert (await saved(scene))[CUSTOMER] == {"@path": "$.userId"}
    await dialog.get_by_role("button", name="Save mine over it").click()
    await expect(page.get_by_text("The mapping is saved")).to_be_visible()
    assert (await saved(scene))[EVENT_TYPE] == {"@path": "$.event"}


async def test_a_draft_from_before_somebody_elses_change_is_a_conflict(
    page: Page, scene: Scene
) -> None:
    """Also if the page is opened again meanwhile: what it shows is still made from the old one."""
    await page.goto(await address_of(scene))
    await field(page, EVENT_TYPE).fill("$.event")
    await expect(page.get_by_text("Not saved")).to_be_visible()
    [subscription] = (await scene.call("GET", "subscriptions"))["subscriptions"]
    changes = {"mapping": {**subscription["mapping"], CUSTOMER: {"@path": "$.userId"}}}
    await scene.call("PATCH", f"subscriptions/{quote(subscription['id'], safe='')}", changes)
    await page.reload()
    await expect(field(page, EVENT_TYPE)).to_have_value("$.event")
    await page.get_by_role("button", name="Save", exact=True).click()
    dialog = page.get_by_role("dialog", name="Somebody else changed this mapping")
    await expect(dialog.get_by_role("row", name=CUSTOMER)).to_contain_text("$.userId")
    await dialog.get_by_role("button", name="Take theirs, drop mine").click()
    await expect(field(page, CUSTOMER)).to_have_value("$.userId")
    await expect(field(page, EVENT_TYPE)).to_have_value("$.properties.t")
    await expect(page.get_by_text("Not saved")).to_have_count(0)


async def test_what_was_saved_is_shown_at_once(page: Page, scene: Scene) -> None:
    """The host is not asked for it again: until it answers, the old version would be shown."""
    await page.goto(await address_of(scene))
    await field(page, CUSTOMER).fill("$.userId")
    await page.get_by_role("button", name="Save", exact=True).click()
    save_it = page.get_by_role("dialog").get_by_role("button", name="Save", exact=True)
    await expect(save_it).to_be_enabled()
    asked: list[str] = []
    page.on("request", lambda request: asked.append(f"{request.method} {request.url}"))
    await save_it.click()
    await expect(page.get_by_text("The mapping is saved")).to_be_visible()
    await expect(field(page, CUSTOMER)).to_have_value("$.userId")
    assert [each for each in asked if each.startswith("GET") and "/subscriptions/" in each] == []
    # The button to save is disabled again, and cannot have the focus back.
    await expect(page.locator("#main")).to_be_focused()


async def test_a_saved_change_is_undone_by_one_click(page: Page, scene: Scene) -> None:
    """The notice offers it for a while."""
    await page.goto(await address_of(scene))
    await field(page, CUSTOMER).fill("$.userId")
    await save(page)
    await page.get_by_role("button", name="Undo").click()
    await expect(page.get_by_text("The change is undone")).to_be_visible()
    assert (await saved(scene))[CUSTOMER] == {"@path": "$.properties.cid"}


async def test_a_slow_answer_never_replaces_newer_text(page: Page, scene: Scene) -> None:
    """Answers that come late, and out of order, leave the text and the conditions as typed."""
    await page.goto(await address_of(scene))

    async def late(route: Route) -> None:
        await asyncio.sleep(random.uniform(0.05, 0.4))
        await route.continue_()

    await page.route("**/api/triggers/*", late)
    text = page.get_by_label("Trigger as text (FQL)")
    wanted = 'type = "track" and event = "billing_event" and userId != null'
    await text.press("ControlOrMeta+a")
    await text.press_sequentially(wanted, delay=15)
    await expect(page.get_by_label("Field of condition 3")).to_have_value("userId")
    await expect(text).to_have_value(wanted)
