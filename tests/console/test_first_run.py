"""The first page of a new host: five steps from nothing to the first delivered event."""

from __future__ import annotations

import re
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Locator, Page, expect
from tests.console.checks import assert_accessible, assert_fits, refresh
from tests.console.hands import Hands, Keyboard, Mouse
from tests.console.pages import open_page, settle
from tests.console.scene import (
    INSTANCE,
    METRONOME_TOKEN,
    PATIENCE,
    SLUG,
    SOURCE,
    Scene,
    billing_event,
)

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: Notes each title that the page has, one after another.
TITLES = """window.titles = []; new MutationObserver(() => {
  const title = document.querySelector("h1")?.textContent;
  if (title && title !== titles.at(-1)) titles.push(title);
}).observe(document, { subtree: true, childList: true, characterData: true });"""


@pytest.mark.parametrize("hands_of", [Mouse, Keyboard], ids=["mouse", "keyboard"])
async def test_five_steps_lead_to_a_delivered_event(
    page: Page, scene: Scene, hands_of: type[Mouse | Keyboard]
) -> None:
    """With the destination's own emulator, the key that is shown, and the real SDK."""
    hands: Hands = hands_of(page)
    await page.clock.install()
    await page.goto("/")
    await expect(page.get_by_role("heading", level=1, name="Get started")).to_be_visible()
    await hands.write(page.get_by_label("Source name"), "website")
    await hands.press(page.get_by_role("button", name="Create source"))
    await expect(step(page, "Add a destination")).to_be_visible()
    await assert_accessible(page)
    await assert_fits(page)
    await hands.press(page.get_by_role("button", name="Try it with Metronome emulator"))
    await expect(step(page, "Send an event")).to_be_visible()
    code = page.get_by_label("Code", exact=True)
    await hands.choose(page.get_by_label("SDK"), "Python")
    await expect(code).to_contain_text("write_key")
    await assert_accessible(page)
    await assert_fits(page)
    [key] = re.findall(r"write_key\s*=\s*['\"]([^'\"]+)['\"]", await code.inner_text())
    await scene.track("Order Completed", {"plan": "pro"}, write_key=key)
    await refresh(page)
    await expect(step(page, "Enable a mapping")).to_be_visible()
    await expect(page.get_by_text("matches 1 of the latest 1 event")).to_be_visible()
    await assert_accessible(page)
    await hands.press(page.get_by_role("button", name="Enable"))
    await expect(step(page, "See it delivered")).to_be_visible()
    await hands.press(page.get_by_role("button", name="Send a test event"))
    await expect(page.get_by_role("list", name="Deliveries")).to_be_visible()
    assert await scene.host.wait_until_idle(timeout=PATIENCE)
    await refresh(page)
    await expect(page.get_by_text("The first event is delivered")).to_be_visible()
    await expect(page.get_by_label("What the emulator received", exact=True)).to_contain_text(
        "customer_id"
    )
    await assert_accessible(page)
    await assert_fits(page)
    await hands.press(page.get_by_role("button", name="Go to the overview"))
    await expect(page.get_by_role("heading", level=1, name="Home")).to_be_visible()


async def test_a_destination_without_its_settings_is_not_the_second_step(
    page: Page, scene: Scene
) -> None:
    """It is created disabled: an event would go nowhere, and the last step would wait for ever."""
    await scene.add_source()
    body = {"name": INSTANCE, "source": SOURCE, "destination": SLUG, "enabled": False}
    await scene.call("POST", "instances", body)
    await page.goto("/")
    await expect(step(page, "Add a destination")).to_be_visible()
    await assert_accessible(page)
    await page.get_by_role("link", name=f"Enter the settings of {INSTANCE}").click()
    await expect(page.get_by_label("API Token")).to_be_visible()
    await page.get_by_label("API Token").fill(METRONOME_TOKEN)
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_text("and the destination is enabled")).to_be_visible()
    await page.goto("/")
    await expect(step(page, "Send an event")).to_be_visible()


async def test_the_focus_goes_on_to_the_next_step(page: Page) -> None:
    """The form that had it is gone: keyboards and screen readers would begin at the top again."""
    await page.goto("/")
    await page.get_by_label("Source name").fill("website")
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("heading", name="Add a destination")).to_be_focused()


async def test_the_first_page_has_its_title_from_the_start(page: Page) -> None:
    """No other one stands there until the host has answered."""
    await page.add_init_script(TITLES)
    await page.goto("/")
    await expect(page.get_by_role("heading", level=1, name="Get started")).to_be_visible()
    assert await page.evaluate("titles") == ["Get started"]


async def test_the_emulator_gets_an_instance_with_its_mappings_at_once(
    page: Page, scene: Scene
) -> None:
    """One call makes all of it: nothing half made stays where one of several would fail."""
    await scene.add_source()
    asked = requests_of(page)
    await page.goto("/")
    await page.get_by_role("button", name="Try it with Metronome emulator").click()
    await expect(step(page, "Send an event")).to_be_visible()
    changes = [each for each in asked if not each.startswith("GET ")]
    assert changes == [f"POST /api/sandboxes/{SLUG}", "POST /api/instances"]
    [mapping] = (await scene.call("GET", "subscriptions"))["subscriptions"]
    assert not mapping["enabled"]


async def test_after_the_first_run_only_what_changes_is_read_again(
    page: Page, scene: Scene
) -> None:
    """Two calls, however much the catalog holds."""
    await scene.add_instance()
    await scene.track("billing_event", billing_event())
    await page.clock.install()
    await open_page(page, "")
    await expect(page.get_by_role("heading", level=1, name="Home")).to_be_visible()
    await expect(page.get_by_role("definition")).to_have_text(["1", "0", "0"])
    asked = requests_of(page)
    await refresh(page)
    await settle(page)
    assert sorted(asked) == ["GET /api/instances", "GET /api/status"]


def requests_of(page: Page) -> list[str]:
    """What a page asks for from now on: method and path."""
    asked: list[str] = []
    page.on("request", lambda each: asked.append(f"{each.method} {urlsplit(each.url).path}"))
    return asked


def step(page: Page, title: str) -> Locator:
    """The step that comes next, if it is the one with this title."""
    return page.locator("[aria-current=step]").filter(has=page.get_by_role("heading", name=title))
