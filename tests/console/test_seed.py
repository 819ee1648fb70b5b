"""The guide that the console is made after, followed word for word, by mouse and by keyboard."""

from __future__ import annotations

from urllib.parse import quote

import pytest
from playwright.async_api import Page, expect
from tests.console.checks import assert_accessible
from tests.console.guide import Look, add_trigger, map_fields, rows_of, set_up
from tests.console.hands import Hands, Keyboard, Mouse
from tests.console.scene import INSTANCE, Scene, billing_event

pytestmark = pytest.mark.asyncio(loop_scope="session")

OWN, FOREIGN = "bob@company.com", "ann@example.org"


@pytest.fixture(params=[Mouse, Keyboard], ids=["mouse", "keyboard"])
def hands(request: pytest.FixtureRequest, page: Page) -> Hands:
    made: Hands = request.param(page)
    return made


def looking(page: Page, hands: Hands) -> Look:
    """Check at each moment that the page is accessible: once is enough, it is the same page."""

    async def look(_: str) -> None:
        if isinstance(hands, Mouse):
            await assert_accessible(page)

    return look


async def test_the_guide(page: Page, scene: Scene, hands: Hands) -> None:
    """From the list of destinations to an event that Metronome stores, mapped as the guide says."""
    await scene.add_source()
    await scene.track("billing_event", billing_event(), user=FOREIGN)

    await page.goto("/#/destinations")
    await set_up(page, hands, looking(page, hands))
    await map_fields(page, hands, looking(page, hands))
    sent = billing_event()
    transaction = await scene.track("billing_event", sent, user=FOREIGN)
    [stored] = scene.emulator.events
    assert stored.transaction_id == transaction
    assert (stored.customer_id, stored.event_type) == (sent["cid"], sent["t"])
    assert stored.properties == sent["data"]
    # The list counts anew every few seconds; a test need not wait for that.
    await page.reload()
    await expect(rows_of(page).get_by_role("definition").first).to_have_text("1")


async def test_the_guide_on_triggers(page: Page, scene: Scene, hands: Hands) -> None:
    """A mapping of one's own, for the events of all users but those of the own company."""
    mapping = await scene.add_instance()
    await scene.call("DELETE", f"subscriptions/{quote(mapping, safe='')}")
    await scene.track("billing_event", billing_event(), user=OWN)
    await scene.track("billing_event", billing_event(), user=FOREIGN)

    await page.goto(f"/#/destinations/{quote(INSTANCE)}/mappings")
    await add_trigger(page, hands, looking(page, hands))
    await scene.track("billing_event", billing_event(), user=OWN)
    wanted = await scene.track("billing_event", billing_event(), user=FOREIGN)
    assert [each.transaction_id for each in scene.emulator.events] == [wanted]
