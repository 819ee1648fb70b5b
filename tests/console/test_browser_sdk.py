"""Segment's SDK for browsers, unchanged: on a page of another site, sending to a host."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiohttp import web
from playwright.async_api import Browser
from pytest_asyncio import fixture
from tests.console.chromium import INSTALLED
from tests.console.scene import PATIENCE, SOURCE, WRITE_KEY, Scene
from tests.listening import listening

pytestmark = pytest.mark.asyncio(loop_scope="session")

SDK = INSTALLED / "node_modules" / "@segment" / "analytics-next" / "dist" / "umd"
CALLS = 20
#: What a page of the site does.
SCRIPT = """async ([key, url, calls]) => {
  const analytics = AnalyticsNext.AnalyticsBrowser.load({ writeKey: key, cdnURL: url });
  await analytics.page("Docs", "Home");
  await analytics.identify("u1", { plan: "pro" });
  for (let number = 0; number < calls; number += 1) await analytics.track("Counted", { number });
}"""


@fixture(loop_scope="session")
async def site() -> AsyncIterator[str]:
    """A site that loads the SDK."""

    async def show(_: web.Request) -> web.Response:
        page = "<!doctype html><title>Shop</title><script src='/sdk/index.js'></script>"
        return web.Response(text=page, content_type="text/html")

    app = web.Application()
    app.router.add_get("/", show)
    app.router.add_static("/sdk", SDK)
    async with listening(app) as url:
        yield url


async def test_all_that_a_page_sends_arrives(browser: Browser, scene: Scene, site: str) -> None:
    """Each call becomes one event of its type, across origins."""
    await scene.add_source()
    page = await browser.new_page()
    await page.goto(site)
    await page.evaluate(SCRIPT, [WRITE_KEY, scene.url, CALLS])
    await page.goto("about:blank")
    await page.close()
    names: list[str] = []
    async with asyncio.timeout(PATIENCE):
        while len(names) < CALLS + 2:
            events = (await scene.call("GET", f"events?source={SOURCE}&limit=100"))["rows"]
            names = [each["name"] or each["type"] for each in events]
            await asyncio.sleep(0.05)
    assert sorted(names) == sorted(["Home", "identify", *["Counted"] * CALLS])
