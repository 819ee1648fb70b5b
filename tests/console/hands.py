"""Two ways to use a page: by mouse, and by keyboard alone. Controls are found by role and name."""

from __future__ import annotations

from typing import Protocol

import attrs
from playwright.async_api import Locator, Page, expect

#: Steps of the Tab key after which a control counts as not reachable.
MOST_TABS = 150
#: Milliseconds after which a list of Chromium takes what is typed as the beginning of a label.
TYPE_AHEAD_MS = 1_100


class Hands(Protocol):
    """What a person does with the controls of a page."""

    async def press(self, control: Locator) -> None:
        """Press a button, follow a link, turn a switch."""

    async def write(self, box: Locator, text: str) -> None:
        """Write a text in the place of the one that is there."""

    async def choose(self, box: Locator, label: str) -> None:
        """Choose one of a list by its label."""

    async def pick(self, menu: Locator, item: str) -> None:
        """Open a menu, and choose an item of it."""

    async def take(self, box: Locator, variable: str) -> None:
        """Take a variable of the sample event in a value picker."""


@attrs.frozen
class Mouse:
    """Clicks on everything; text is typed."""

    page: Page

    async def press(self, control: Locator) -> None:
        """Click."""
        await control.click()

    async def write(self, box: Locator, text: str) -> None:
        """Click into the box, mark what is there, and type."""
        await box.click()
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.type(text)

    async def choose(self, box: Locator, label: str) -> None:
        """Open the list of the browser, which no page can draw, and click."""
        await box.select_option(label=label)

    async def pick(self, menu: Locator, item: str) -> None:
        """Click twice."""
        await menu.click()
        await self.page.get_by_role("menuitem", name=item).click()

    async def take(self, box: Locator, variable: str) -> None:
        """Click on the variable in the tree that opens."""
        await box.click()
        await self.page.get_by_role("option", name=f"$.{variable}, ").click()


@attrs.frozen
class Keyboard:
    """Tab leads to each control; nothing is clicked, and nothing is focused by a script."""

    page: Page

    async def press(self, control: Locator) -> None:
        """Go there, and press Enter."""
        await self._go(control)
        await self.page.keyboard.press("Enter")

    async def tick(self, box: Locator) -> None:
        """Go to a checkbox, and turn it by the space bar."""
        await self._go(box)
        await self.page.keyboard.press("Space")

    async def write(self, box: Locator, text: str) -> None:
        """Go there, mark what is there, and type."""
        await self._go(box)
        await self.page.keyboard.press("ControlOrMeta+a")
        await self.page.keyboard.type(text)

    async def choose(self, box: Locator, label: str) -> None:
        """Go there, and type the beginning of the label, as lists of browsers take it."""
        if await _has_focus(box):
            # What was typed before is over.
            await self.page.wait_for_timeout(TYPE_AHEAD_MS)
        await self._go(box)
        await self.page.keyboard.type(label)
        await expect(box.locator("option:checked")).to_have_text(label)

    async def pick(self, menu: Locator, item: str) -> None:
        """Open it by Enter, and go to the item by the arrow keys."""
        await self.press(menu)
        entry = self.page.get_by_role("menuitem", name=item)
        await expect(self.page.get_by_role("menuitem").first).to_be_focused()
        for _ in range(await self.page.get_by_role("menuitem").count()):
            if await _has_focus(entry):
                break
            await self.page.keyboard.press("ArrowDown")
        await expect(entry).to_be_focused()
        await self.page.keyboard.press("Enter")

    async def take(self, box: Locator, variable: str) -> None:
        """Type what it is called, and take the first that is found by Enter."""
        await self.write(box, f"$.{variable}")
        option = self.page.get_by_role("option", name=f"$.{variable}, ", selected=True)
        await expect(option).to_be_visible()
        await self.page.keyboard.press("Enter")
        await expect(box).to_have_attribute("aria-expanded", "false")

    async def _go(self, control: Locator) -> None:
        await expect(control).to_be_visible()
        for _ in range(MOST_TABS):
            if await _has_focus(control):
                return
            await self.page.keyboard.press("Tab")
        raise AssertionError(f"{control} cannot be reached with the Tab key")


async def _has_focus(control: Locator) -> bool:
    return bool(await control.evaluate("element => element === document.activeElement"))
