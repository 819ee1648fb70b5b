"""The bundle of the console, a browser, and a host that it is signed in to."""

from __future__ import annotations

import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import hatch_build
import pytest
from playwright.async_api import Browser, BrowserContext, Page, async_playwright, expect
from pytest_asyncio import fixture
from tests.console.checks import HEIGHT, WIDTHS
from tests.console.chromium import Chromium, find_chromium
from tests.console.scene import Scene, playing
from tests.console.watch import Watch
from tests.once import one_at_a_time

#: Milliseconds for what should take few.
PATIENCE_MS = 10_000
#: Pages are our own, and root or a container may have no sandbox.
ARGUMENTS = ("--no-sandbox", "--disable-gpu")


@pytest.fixture(scope="session")
def bundle() -> None:
    """Build the console unless it is fresh; `make test` has done so already."""
    with one_at_a_time("bundle"):
        if not hatch_build.is_fresh():
            hatch_build.build()


@pytest.fixture(scope="session")
def chromium(pytestconfig: pytest.Config) -> Chromium:
    """The browser of this machine, or one that is fetched."""
    capture = pytestconfig.pluginmanager.getplugin("capturemanager")

    def progress(text: str) -> None:
        with capture.global_and_fixture_disabled():
            sys.stderr.write(f"\n{text}\n")  # a worker has no other way to the terminal

    with one_at_a_time("chromium"):
        return find_chromium(progress)


@fixture(loop_scope="session", scope="session")
async def browser(chromium: Chromium) -> AsyncIterator[Browser]:
    """One browser for all tests."""
    expect.set_options(timeout=PATIENCE_MS)
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(
            executable_path=chromium.path, args=ARGUMENTS, env={**chromium.environment}
        )
        yield browser
        await browser.close()


@fixture(loop_scope="session")
async def scene(
    tmp_path: Path, bundle: None, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[Scene]:
    """A host without any configuration, and an emulator that its destination sends to."""
    async with playing(tmp_path) as scene:
        monkeypatch.setenv("METRONOME_BASE_URL", scene.emulator.url)
        yield scene


@fixture(loop_scope="session")
async def watch(scene: Scene) -> Watch:
    """Watches every context of the test."""
    return Watch(scene.url)


@asynccontextmanager
async def new_context(
    browser: Browser, scene: Scene, watch: Watch, **options: Any
) -> AsyncIterator[BrowserContext]:
    """A browser of one person, who has never seen the host unless the options say so."""
    context = await browser.new_context(
        base_url=scene.url,
        viewport={"width": WIDTHS[-1], "height": HEIGHT},
        locale="en-GB",
        timezone_id="UTC",
        reduced_motion="reduce",
        **options,
    )
    context.set_default_timeout(PATIENCE_MS)
    watch.follow(context)
    yield context
    await context.close()


@fixture(loop_scope="session")
async def context(browser: Browser, scene: Scene, watch: Watch) -> AsyncIterator[BrowserContext]:
    """A browser that has never seen the host; at its end, nothing may have been reported."""
    async with new_context(browser, scene, watch) as context:
        yield context
    watch.check()


@fixture(loop_scope="session")
async def visitor(context: BrowserContext) -> Page:
    """A page that is not signed in, and shows nothing yet."""
    return await context.new_page()


@fixture(loop_scope="session")
async def page(visitor: Page, scene: Scene) -> Page:
    """A page that is signed in, and shows nothing yet."""
    answer = await visitor.context.request.post(
        "/api/sessions", data={"token": scene.host.token.value}
    )
    assert answer.ok, await answer.text()
    return visitor
