"""The frame of the console's pages: signing in and out, keyboard, themes, a lost connection."""

from __future__ import annotations

import gzip
import statistics
import time

import pytest
from playwright.async_api import Browser, BrowserContext, Page, expect
from tests.console.checks import THEMES, assert_accessible, assert_fits, refresh
from tests.console.scene import Scene
from tests.console.watch import Watch

from offramp.console.serving import STATIC

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: Compressed bytes of everything that a browser loads before the first page shows.
MOST_BUNDLE_BYTES = 150_000
#: Seconds from the address to the first page, on this machine, with nothing cached.
MOST_FIRST_PAGE_SECONDS = 1.0
COLD_STARTS = 5
#: How the outline of what has the focus is drawn.
FOCUS = "(() => { const s = getComputedStyle(document.activeElement); return s.outlineStyle; })()"


async def test_the_token_signs_in_once_and_signing_out_ends_it(visitor: Page, scene: Scene) -> None:
    """A wrong token is refused with what to do; the right one is kept as a session alone."""
    await visitor.goto("/")
    token = visitor.get_by_label("API token")
    await expect(token).to_be_focused()
    await token.fill("not-the-token")
    await visitor.keyboard.press("Enter")
    await expect(visitor.get_by_role("alert")).to_contain_text("no token of the host")
    await assert_accessible(visitor)
    await assert_fits(visitor)
    await token.fill(scene.host.token.value)
    await visitor.get_by_role("button", name="Sign in").click()
    await expect(visitor.get_by_role("heading", level=1, name="Get started")).to_be_visible()
    [cookie] = await visitor.context.cookies()
    assert (cookie.get("httpOnly"), cookie.get("sameSite")) == (True, "Strict")
    assert scene.host.token.value not in str(await visitor.context.storage_state())
    await visitor.reload()
    await visitor.get_by_role("button", name="Sign out").click()
    await expect(visitor.get_by_role("heading", name="Sign in to Offramp")).to_be_visible()
    await visitor.reload()
    await expect(visitor.get_by_role("heading", name="Sign in to Offramp")).to_be_visible()


async def test_a_code_signs_in_once(visitor: Page, scene: Scene) -> None:
    """What `offramp console` opens: the code leaves the address, and works no second time."""
    code = (await scene.call("POST", "sessions/codes"))["code"]
    await visitor.goto(f"/#/?code={code}")
    await expect(visitor.get_by_role("heading", level=1, name="Get started")).to_be_visible()
    assert code not in visitor.url
    await visitor.context.clear_cookies()
    await visitor.goto("about:blank")
    await visitor.goto(f"/#/?code={code}")
    await expect(visitor.get_by_role("alert")).to_contain_text("run `offramp console` again")


async def test_who_was_signed_out_comes_back_to_the_same_page(page: Page, scene: Scene) -> None:
    """An expired session asks for the token, and then shows what was asked for."""
    await page.goto("/#/catalog")
    await expect(page.get_by_role("heading", level=1, name="Catalog")).to_be_visible()
    await page.context.clear_cookies()
    await page.goto("/#/sources")
    await page.get_by_label("API token").fill(scene.host.token.value)
    await page.get_by_role("button", name="Sign in").click()
    await expect(page.get_by_role("heading", level=1, name="Sources")).to_be_visible()


async def test_pages_come_with_a_policy_that_lets_nothing_in(visitor: Page) -> None:
    """No script, style or frame from elsewhere, and none inside the page."""
    answer = await visitor.goto("/")
    assert answer is not None
    policy = (await answer.all_headers())["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy


async def test_the_theme_is_that_of_the_system(visitor: Page) -> None:
    """Light on dark where the system says so, and the other way round."""
    shades = []
    for theme in THEMES:
        await visitor.emulate_media(color_scheme=theme)
        await visitor.goto("/")
        shades.append(await visitor.evaluate("getComputedStyle(document.body).backgroundColor"))
    light, dark = (sum(map(int, shade.strip("rgb()").split(","))) for shade in shades)
    assert light > dark + 300


async def test_by_keyboard_the_content_comes_first_and_each_stop_is_seen(page: Page) -> None:
    """A page opens at its heading; before that are the navigation, and a link that passes it."""
    await page.goto("/#/catalog")
    await expect(page.get_by_role("heading", level=1, name="Catalog")).to_be_focused()
    skip = page.get_by_role("link", name="Skip to the content")
    stops = ["Sign out", "Catalog", "Destinations", "Sources", "Home"]
    for name in stops:
        await page.keyboard.press("Shift+Tab")
        await expect(page.locator(":focus")).to_have_text(name)
        assert await page.evaluate(FOCUS) != "none", name
    await page.keyboard.press("Shift+Tab")
    await expect(skip).to_be_focused()
    await expect(skip).to_be_in_viewport()
    await page.keyboard.press("Enter")
    await expect(page.get_by_role("main")).to_be_focused()
    assert page.url.endswith("#/catalog")


async def test_a_lost_connection_is_shown_until_the_host_is_back(
    page: Page, scene: Scene, watch: Watch
) -> None:
    """What was loaded stays in view, and the page goes on by itself."""
    await page.clock.install()
    await page.goto("/#/catalog")
    await expect(page.get_by_role("listitem").filter(has_text="Metronome")).to_be_visible()
    watch.is_host_stopped = True
    await scene.stop()
    # A page that does not read again by itself.
    await page.get_by_role("link", name="Metronome (Actions)").click()
    lost = page.get_by_text("The host does not answer. What you entered is kept.")
    await expect(lost).to_be_visible()
    await scene.start()
    await refresh(page)
    await expect(lost).to_be_hidden()
    await page.get_by_role("button", name="Try again").click()
    await expect(page.get_by_role("button", name="Try again")).to_be_hidden()


async def test_a_browser_loads_little(bundle: None) -> None:
    """All of script, style and page, compressed as they are sent."""
    files = [STATIC / name for name in ("index.html", "app.js", "app.css")]
    assert sum(len(gzip.compress(path.read_bytes())) for path in files) <= MOST_BUNDLE_BYTES


async def test_the_first_page_shows_within_a_second(
    browser: Browser, context: BrowserContext, page: Page, scene: Scene
) -> None:
    """From the address to the page, signed in, in a browser that has cached nothing."""
    state = await context.storage_state()
    took = []
    for _ in range(COLD_STARTS):
        cold = await browser.new_context(base_url=scene.url, storage_state=state)
        opened = await cold.new_page()
        started = time.perf_counter()
        await opened.goto("/")
        await opened.get_by_role("heading", level=1, name="Get started").wait_for()
        took.append(time.perf_counter() - started)
        await cold.close()
    assert statistics.median(took) < MOST_FIRST_PAGE_SECONDS, took
