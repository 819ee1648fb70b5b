"""The guide that the console is made after, followed word for word, by mouse and by keyboard."""

from __future__ import annotations

import re
from urllib.parse import quote

import pytest
from playwright.async_api import Locator, Page, expect
from tests.console.checks import assert_accessible
from tests.console.hands import Hands, Keyboard, Mouse
from tests.console.scene import INSTANCE, METRONOME_TOKEN, SOURCE, Scene, billing_event

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: Field -> the variable that the guide's mapping takes it from.
FIELDS = {
    "customer_id": "properties.cid",
    "timestamp": "properties.ts",
    "event_type": "properties.t",
    "properties": "properties.data",
}
OWN, FOREIGN = "bob@company.com", "ann@example.org"


@pytest.fixture(params=[Mouse, Keyboard], ids=["mouse", "keyboard"])
def hands(request: pytest.FixtureRequest, page: Page) -> Hands:
    made: Hands = request.param(page)
    return made


async def test_the_guide(page: Page, scene: Scene, hands: Hands) -> None:
    """From the list of destinations to an event that Metronome stores, mapped as the guide says."""
    await scene.add_source()
    await scene.track("billing_event", billing_event(), user=FOREIGN)
    await page.goto("/#/destinations")
    await set_up(page, hands)
    await map_fields(page, hands)
    await turn_on(page, hands, "Send track events to Metronome")
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
    await scene.add_instance()
    [preset] = (await scene.call("GET", "subscriptions"))["subscriptions"]
    await scene.call("DELETE", f"subscriptions/{quote(preset['id'], safe='')}")
    await scene.track("billing_event", billing_event(), user=OWN)
    await scene.track("billing_event", billing_event(), user=FOREIGN)
    await page.goto(f"/#/destinations/{quote(INSTANCE)}/mappings")
    # Create additional triggers and mappings by clicking on the New Mapping button.
    await hands.press(page.get_by_role("button", name="New Mapping"))
    await hands.press(page.get_by_role("dialog").get_by_role("link", name="Send Event"))
    # Create a condition: only when the User ID field ... does not contain @company.com.
    await hands.press(page.get_by_role("button", name="Add condition"))
    await hands.choose(page.get_by_label("Field of condition 2"), "User ID")
    await hands.choose(page.get_by_label("Operator of condition 2"), "does not contain")
    await hands.write(page.get_by_label("Value of condition 2"), "@company.com")
    await expect(page.get_by_label("Trigger as text (FQL)")).to_have_value(
        'type = "track" and !contains(userId, "@company.com")'
    )
    await expect(page.get_by_text("1 of the latest 2 events matches")).to_be_visible()
    await expect(page.get_by_text("do not match").first).to_be_visible()
    await assert_accessible(page)
    await hands.take(page.get_by_role("combobox", name="customer_id", exact=True), "properties.cid")
    await hands.press(page.get_by_role("button", name="Save", exact=True))
    await hands.press(page.get_by_role("dialog").get_by_role("button", name="Save"))
    await expect(page.get_by_text("The mapping is saved")).to_be_visible()
    await turn_on(page, hands, "Send Event")
    await scene.track("billing_event", billing_event(), user=OWN)
    wanted = await scene.track("billing_event", billing_event(), user=FOREIGN)
    assert [each.transaction_id for each in scene.emulator.events] == [wanted]


def rows_of(page: Page) -> Locator:
    """The mappings of the instance that is shown."""
    return page.get_by_role("list", name="Mappings").get_by_role("listitem")


async def set_up(page: Page, hands: Hands) -> None:
    """Initial setup, steps 1 to 3."""
    # From the Segment Destinations page, click Add Destination.
    await hands.press(page.get_by_role("link", name="Add Destination"))
    # Search for and select Metronome (Actions) within the Destinations Catalog.
    await expect(page.get_by_role("heading", name="Destinations Catalog")).to_be_visible()
    await hands.write(page.get_by_label("Search destinations"), "Metronome (Actions)")
    await hands.press(page.get_by_role("link", name="Metronome (Actions)"))
    # Click on Configure Metronome (Actions), select the source you'd like to connect to ...
    await hands.press(page.get_by_role("link", name="Configure Metronome (Actions)"))
    await hands.choose(page.get_by_label("Source"), SOURCE)
    # ... and give the destination a name (for example, Metronome Instance #1).
    await expect(page.get_by_label("Destination name")).to_have_value("Metronome Instance #1")
    await hands.press(page.get_by_role("button", name="Create destination"))
    # Enter your Metronome API token on the Settings pane in the API Token box and save changes.
    await expect(page.get_by_role("heading", level=1, name=INSTANCE)).to_be_visible()
    await hands.write(page.get_by_label("API Token"), METRONOME_TOKEN)
    await hands.press(page.get_by_role("button", name="Save changes"))
    await expect(page.get_by_text("The settings are saved")).to_be_visible()
    await hands.press(page.get_by_role("button", name="Test connection"))
    await expect(page.get_by_text("The connection works")).to_be_visible()


async def map_fields(page: Page, hands: Hands) -> None:
    """Data field mapping."""
    # Click on the Mappings tab. You have a set of mappings by default.
    await hands.press(page.get_by_role("link", name="Mappings"))
    rows = rows_of(page)
    await expect(rows).to_have_count(1)
    # To add to or change them, choose Edit Mapping from the ellipsis dropdown.
    await hands.pick(rows.get_by_role("button", name="More about"), "Edit Mapping")
    # It is required to specify a mapping even if the property name does not differ.
    customer = page.get_by_role("combobox", name="customer_id", exact=True)
    await expect(customer).to_have_value("$.context.groupId")
    await hands.choose(page.get_by_label("Kind of customer_id"), "Nothing")
    await expect(
        page.get_by_role("alert").filter(has_text="All mappings are required")
    ).to_be_visible()
    await expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    await hands.choose(page.get_by_label("Kind of customer_id"), "Event variable")
    for field, variable in FIELDS.items():
        await hands.take(page.get_by_role("combobox", name=field, exact=True), variable)
    await expect(page.get_by_label("Value of customer_id")).to_have_text('"533c3db43f22"')
    await expect(page.get_by_label("Request", exact=True)).to_contain_text(
        '"customer_id": "533c3db43f22"'
    )
    await assert_accessible(page)
    await hands.press(page.get_by_role("button", name="Save", exact=True))
    dialog = page.get_by_role("dialog", name="Save mapping")
    await expect(dialog.get_by_role("row", name=re.compile("customer_id"))).to_be_visible()
    await hands.press(dialog.get_by_role("button", name="Save"))
    await expect(page.get_by_text("The mapping is saved")).to_be_visible()


async def turn_on(page: Page, hands: Hands, name: str) -> None:
    """Go back to the list, and turn a mapping on."""
    await hands.press(page.get_by_role("link", name=INSTANCE))
    switch = page.get_by_role("switch", name=f"Enable {name}")
    await hands.press(switch)
    await expect(switch).to_be_checked()
