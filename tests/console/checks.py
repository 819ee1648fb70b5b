"""What every page of the console has to hold: accessible, and readable at every width."""

from __future__ import annotations

from functools import cache
from typing import Any, Literal

from playwright.async_api import Page
from tests.console.chromium import INSTALLED

#: WCAG 2.2, levels A and AA, and what axe-core recommends beside it.
TAGS = ("wcag2a", "wcag2aa", "wcag21a", "wcag21aa", "wcag22aa", "best-practice")
THEMES: tuple[Literal["light", "dark"], ...] = ("light", "dark")
#: A phone, a tablet, a laptop; in CSS pixels.
WIDTHS = (360, 768, 1280)
HEIGHT = 800

#: Milliseconds after which a page has read again what changes by itself.
REFRESH_MS = 5_500


async def refresh(page: Page) -> None:
    """Let the time pass after which a page reads again; its clock is installed before it opens."""
    await page.clock.fast_forward(REFRESH_MS)


async def assert_accessible(page: Page) -> None:
    """Fail with what axe-core finds on the page as it is, in the light and in the dark theme."""
    # The document stays the same from page to page.
    if not await page.evaluate("'axe' in window"):
        await page.evaluate(_axe())
    found = []
    for theme in THEMES:
        await page.emulate_media(color_scheme=theme)
        violations = await page.evaluate(
            "tags => axe.run({ runOnly: tags }).then(result => result.violations)", TAGS
        )
        found += [f"{theme}: {_text(violation)}" for violation in violations]
    await page.emulate_media(color_scheme="light")
    assert not found, "\n" + "\n".join(found)


async def assert_fits(page: Page) -> None:
    """Fail where the page is wider than its window, at any of the widths."""
    wide = []
    for width in WIDTHS:
        await page.set_viewport_size({"width": width, "height": HEIGHT})
        needed = await page.evaluate("document.documentElement.scrollWidth")
        if needed > width:
            wide.append(f"{needed} pixels in a window of {width}: {await page.evaluate(_WIDEST)}")
    await page.set_viewport_size({"width": WIDTHS[-1], "height": HEIGHT})
    assert not wide, "\n".join(wide)


#: The innermost elements that reach beyond the window.
_WIDEST = """() => [...document.querySelectorAll("body *")]
  .filter((each) => each.getBoundingClientRect().right > innerWidth + 1 && !each.children.length)
  .slice(0, 5).map((each) => each.outerHTML.slice(0, 120))"""


@cache
def _axe() -> str:
    return (INSTALLED / "node_modules" / "axe-core" / "axe.min.js").read_text()


def _text(violation: dict[str, Any]) -> str:
    nodes = "\n".join(
        f"    {node['html'][:160]}\n      {node['failureSummary']}" for node in violation["nodes"]
    )
    return f"{violation['id']} ({violation['impact']}): {violation['help']}\n{nodes}"
