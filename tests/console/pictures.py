"""Takes the pictures of the documentation, while the guide is followed: `make pictures`."""

from __future__ import annotations

import asyncio
import os
import tempfile
from collections.abc import Callable, Mapping
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

import hatch_build
from playwright.async_api import Locator, Page, async_playwright, expect
from tests.console.chromium import find_chromium
from tests.console.conftest import ARGUMENTS, PATIENCE_MS, new_context
from tests.console.guide import add_trigger, map_fields, set_up
from tests.console.hands import Mouse
from tests.console.pages import open_page, settle
from tests.console.scene import Scene, billing_event, playing
from tests.console.watch import Watch

IMAGES: Final = Path(__file__).parents[2] / "docs" / "images"
#: CSS pixels; the width is that of a small laptop.
WIDTH, HEIGHT, TALL = 1280, 800, 1480
MARGIN: Final = 12
#: So long ago is everything that was sent, for the clock of the browser.
AGO: Final = timedelta(minutes=5)
OWN, FOREIGN = "bob@company.com", "ann@example.org"


async def take(page: Page, name: str) -> None:
    """Take one picture of what is to be seen: a part of the page, or the window."""
    await settle(page)
    await page.evaluate("document.activeElement?.blur()")
    # What was said of an earlier step is no part of this one.
    await page.evaluate("document.querySelector('.toasts').style.visibility = 'hidden'")
    path = IMAGES / f"{name}.png"
    if name in PARTS:
        await PARTS[name](page).screenshot(path=path, animations="disabled")
    else:
        await page.set_viewport_size({"width": WIDTH, "height": await needed_height(page)})
        await page.evaluate("scrollTo(0, 0)")
        await page.screenshot(path=path, animations="disabled")
        await page.set_viewport_size({"width": WIDTH, "height": HEIGHT})
    await page.evaluate("document.querySelector('.toasts').style.visibility = ''")


def card(heading: str) -> Callable[[Page], Locator]:
    """The card with a heading."""
    return lambda page: page.locator(".card").filter(has=page.get_by_role("heading", name=heading))


#: Pictures of a part of the page.
PARTS: Final[Mapping[str, Callable[[Page], Locator]]] = {
    "trigger": card("Select events to map and send"),
    "required": card("Map fields"),
    "save": lambda page: page.get_by_role("dialog"),
}


async def needed_height(page: Page) -> int:
    """As much of the window as the page fills, in CSS pixels."""
    filled: int = await page.evaluate(
        """Math.ceil(Math.max(...[...document.querySelectorAll("main *, dialog")]
          .map((each) => each.getBoundingClientRect().bottom)) + scrollY)"""
    )
    return min(max(filled + 2 * MARGIN, HEIGHT // 2), TALL)


async def follow(page: Page, scene: Scene) -> None:
    """Follow the guide from the first page on, and take a picture at each step."""

    async def look(name: str) -> None:
        await take(page, name)

    async def send(number: int, user: str) -> None:
        ts = datetime.now(UTC).replace(hour=0, minute=10, second=25, microsecond=0)
        event = billing_event(ts=ts.isoformat().replace("+00:00", ".000Z"))
        await scene.track("billing_event", event, user=user, message_id=f"evt-{number}")

    await open_page(page, "")
    await look("first-run")
    await scene.add_source()
    await send(1, OWN)
    await send(2, FOREIGN)
    await page.clock.set_fixed_time(datetime.now(UTC) + AGO)
    await open_page(page, "destinations")
    mouse = Mouse(page)
    await set_up(page, mouse, look)
    await map_fields(page, mouse, look)
    await add_trigger(page, mouse, look)
    await send(3, FOREIGN)
    await page.reload()
    await look("delivered")


def main() -> None:
    """Run from the command line."""
    asyncio.run(_main())


async def _main() -> None:
    if not hatch_build.is_fresh():
        hatch_build.build()
    IMAGES.mkdir(exist_ok=True)
    chromium = find_chromium(print)
    expect.set_options(timeout=PATIENCE_MS)
    with tempfile.TemporaryDirectory() as folder:
        async with playing(Path(folder)) as scene, async_playwright() as playwright:
            os.environ["METRONOME_BASE_URL"] = scene.emulator.url
            browser = await playwright.chromium.launch(
                executable_path=chromium.path, args=ARGUMENTS, env={**chromium.environment}
            )
            watch = Watch(scene.url)
            async with new_context(browser, scene, watch) as context:
                token = scene.host.token.value
                await context.request.post("/api/sessions", data={"token": token})
                await follow(await context.new_page(), scene)
            watch.check()
            await browser.close()


if __name__ == "__main__":
    main()
