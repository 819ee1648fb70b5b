"""The steps of the guide that the console is made after, word for word, for any pair of hands."""

from __future__ import annotations

import re
from collections.abc import Awaitable, Callable
from typing import TypeAlias

from playwright.async_api import Locator, Page, expect
from tests.console.hands import Hands
from tests.console.scene import INSTANCE, METRONOME_TOKEN, SOURCE

#: Field -> the variable that the guide's mapping takes it from.
FIELDS = {
    "customer_id": "properties.cid",
    "timestamp": "properties.ts",
    "event_type": "properties.t",
    "properties": "properties.data",
}
PRESET, ACTION = "Send track events to Metronome", "Send Event"
#: Called with the name of what is to be seen at this moment.
Look: TypeAlias = Callable[[str], Awaitable[object]]


async def set_up(page: Page, hands: Hands, look: Look) -> None:
    """Initial setup, steps 1 to 3, from the list of destinations on."""
    # From the Segment Destinations page, click Add Destination.
    await hands.press(page.get_by_role("link", name="Add Destination"))
    # Search for and select Metronome (Actions) within the Destinations Catalog.
    await expect(page.get_by_role("heading", name="Destinations Catalog")).to_be_visible()
    await hands.write(page.get_by_label("Search destinations"), "Metronome (Actions)")
    await look("catalog")
    await hands.press(page.get_by_role("link", name="Metronome (Actions)"))
    # Click on Configure Metronome (Actions), select the source you'd like to connect to ...
    await hands.press(page.get_by_role("link", name="Configure Metronome (Actions)"))
    await hands.choose(page.get_by_label("Source"), SOURCE)
    # ... and give the destination a name (for example, Metronome Instance #1).
    await expect(page.get_by_label("Destination name")).to_have_value("Metronome Instance #1")
    await look("configure")
    await hands.press(page.get_by_role("button", name="Create destination"))
    # Enter your Metronome API token on the Settings pane in the API Token box and save changes.
    await expect(page.get_by_role("heading", level=1, name=INSTANCE)).to_be_visible()
    await hands.write(page.get_by_label("API Token"), METRONOME_TOKEN)
    await hands.press(page.get_by_role("button", name="Save changes"))
    await expect(page.get_by_text("saved, and the destination is enabled")).to_be_visible()
    await hands.press(page.get_by_role("button", name="Test connection"))
    await expect(page.get_by_text("The connection works")).to_be_visible()
    await look("settings")


async def map_fields(page: Page, hands: Hands, look: Look) -> None:
    """Data field mapping, from the Settings tab of the new destination on."""
    # Click on the Mappings tab. You have a set of mappings by default.
    await hands.press(page.get_by_role("link", name="Mappings"))
    await expect(rows_of(page)).to_have_count(1)
    await look("mappings")
    # To add to or change them, choose Edit Mapping from the ellipsis dropdown.
    await hands.pick(rows_of(page).get_by_role("button", name="More about"), "Edit Mapping")
    # It is required to specify a mapping even if the property name does not differ.
    customer = page.get_by_role("combobox", name="customer_id", exact=True)
    await expect(customer).to_have_value("$.context.groupId")
    await hands.choose(page.get_by_label("Kind of customer_id"), "Nothing")
    missing = page.get_by_role("alert").filter(has_text="All mappings are required")
    await expect(missing).to_be_visible()
    await expect(page.get_by_role("button", name="Save", exact=True)).to_be_disabled()
    await look("required")
    await hands.choose(page.get_by_label("Kind of customer_id"), "Event variable")
    for field, variable in FIELDS.items():
        await hands.take(page.get_by_role("combobox", name=field, exact=True), variable)
    await expect(page.get_by_label("Value of customer_id")).to_have_text('"533c3db43f22"')
    request = page.get_by_label("Request", exact=True)
    await expect(request).to_contain_text('"customer_id": "533c3db43f22"')
    await look("fields")
    await hands.press(page.get_by_role("button", name="Save", exact=True))
    dialog = page.get_by_role("dialog", name="Save mapping")
    await expect(dialog.get_by_role("row", name=re.compile("customer_id"))).to_be_visible()
    await look("save")
    await hands.press(dialog.get_by_role("button", name="Save"))
    await expect(page.get_by_text("The mapping is saved")).to_be_visible()
    await turn_on(page, hands, PRESET)


async def add_trigger(page: Page, hands: Hands, look: Look) -> None:
    """Additional Destination Actions, from the Mappings tab on."""
    # Create additional triggers and mappings by clicking on the New Mapping button.
    await hands.press(page.get_by_role("button", name="New Mapping"))
    await hands.press(page.get_by_role("dialog").get_by_role("link", name=ACTION))
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
    await hands.take(page.get_by_role("combobox", name="customer_id", exact=True), "properties.cid")
    await look("trigger")
    await hands.press(page.get_by_role("button", name="Save", exact=True))
    await hands.press(page.get_by_role("dialog").get_by_role("button", name="Save"))
    await expect(page.get_by_text("The mapping is saved")).to_be_visible()
    await turn_on(page, hands, ACTION)


async def turn_on(page: Page, hands: Hands, name: str) -> None:
    """Go back to the list, and turn a mapping on."""
    await hands.press(page.get_by_role("link", name=INSTANCE))
    switch = page.get_by_role("switch", name=f"Enable {name}", exact=True)
    await hands.press(switch)
    await expect(switch).to_be_checked()


def rows_of(page: Page) -> Locator:
    """The mappings of the instance that is shown."""
    return page.get_by_role("list", name="Mappings").get_by_role("listitem")
