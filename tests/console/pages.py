"""The pages of the console, and when one of them is loaded."""

from __future__ import annotations

from urllib.parse import quote

from playwright.async_api import Page, expect
from tests.console.scene import INSTANCE, SLUG, SOURCE

_MAPPINGS = f"destinations/{quote(INSTANCE)}/mappings"
#: Address -> its heading; `{id}` is that of the mapping.
PAGES = {
    "": "Home",
    "sources": "Sources",
    f"sources/{SOURCE}": SOURCE,
    "catalog": "Catalog",
    f"catalog/{SLUG}": "Metronome (Actions)",
    f"catalog/{SLUG}/add": "Metronome (Actions)",
    "destinations": "Destinations",
    f"destinations/{quote(INSTANCE)}/settings": INSTANCE,
    _MAPPINGS: INSTANCE,
    f"{_MAPPINGS}/{{id}}": "Billing events",
    f"{_MAPPINGS}/new?action=sendEvent": "New mapping",
    "nowhere": "Not found",
}
#: Returns once no request has ended for 350 ms: pages wait up to 300 before they ask while typing.
_QUIET = """() => new Promise((done) => {
  let seen = -1, still = 0;
  const timer = setInterval(() => {
    const now = performance.getEntriesByType("resource").length;
    still = now === seen ? still + 1 : 0;
    seen = now;
    if (still < 7) return;
    clearInterval(timer);
    done();
  }, 50);
})"""


async def open_page(page: Page, address: str) -> None:
    """Open a page, and wait until all of it was loaded."""
    await page.goto(f"/#/{address}")
    await expect(page.get_by_role("heading", level=1)).to_be_visible()
    await settle(page)


async def settle(page: Page) -> None:
    """Wait until a page asks the host for nothing more."""
    await page.evaluate("performance.setResourceTimingBufferSize(10000)")
    await page.evaluate(_QUIET)
    await expect(page.locator(".loading")).to_have_count(0)
