"""Destinations that Segment publishes, set up in the console and reached by an event."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from playwright.async_api import Page, expect
from pytest_asyncio import fixture
from tests.console.checks import assert_accessible, assert_fits
from tests.console.scene import SOURCE, Scene, playing
from tests.plugins.small import make_plugin

from offramp.config import Document, configure_plugins
from offramp.plugins import load_catalog, load_plugins
from offramp.testing import LocalPartner

pytestmark = pytest.mark.asyncio(loop_scope="session")

#: The label of a region, as Customer.io has it.
EUROPE = "EU 🇪🇺"
OPTIONS = {"segment": {"destinations": ["actions-slack", "actions-customerio"]}}


def redirecting_to(partner: LocalPartner) -> object:
    """A plugin that sends every request to the partner: its path names the host and the path."""

    async def send(outgoing: Any, handler: Callable[[Any], Awaitable[Any]]) -> Any:
        parts = urlsplit(outgoing.url)
        outgoing.url = f"{partner.url}/{parts.netloc}{parts.path}"
        return await handler(outgoing)

    return make_plugin("redirects", offramp_middleware=lambda destination: [send])


@fixture(loop_scope="session")
async def partner() -> AsyncIterator[LocalPartner]:
    """Slack and Customer.io on this machine."""
    with LocalPartner() as partner:
        partner.post("/hooks.slack.com/services/T/B", body="ok", repeat=True)
        partner.post("/track-eu.customer.io/api/v2/batch", payload={}, repeat=True)
        yield partner


@fixture(loop_scope="session")
async def scene(tmp_path: Path, bundle: None, partner: LocalPartner) -> AsyncIterator[Scene]:
    """A host that offers two of Segment's destinations, and a source."""
    plugins = load_plugins(extra=[redirecting_to(partner)])
    configure_plugins(plugins, Document(data={"plugins": OPTIONS}))
    async with playing(tmp_path, catalog=load_catalog(plugins)) as scene:
        await scene.add_source()
        yield scene


async def add_destination(page: Page, search: str, name: str) -> None:
    """Find a destination in the catalog, and add an instance of it."""
    await page.goto("/#/catalog")
    await page.get_by_label("Search destinations").fill(search)
    await expect(page.get_by_role("status").get_by_text("1 destination found")).to_be_visible()
    await page.get_by_role("link", name=search).click()
    await assert_accessible(page)
    await page.get_by_role("link", name=f"Configure {search}").click()
    await page.get_by_label("Source").select_option(label=SOURCE)
    await page.get_by_label("Destination name").fill(name)
    await page.get_by_role("button", name="Create destination").click()
    await expect(page.get_by_role("heading", level=1, name=name)).to_be_visible()


async def write(page: Page, field: str, kind: str, value: str) -> None:
    """Give a field of a mapping a value of some kind."""
    await page.get_by_label(f"Kind of {field}", exact=True).select_option(label=kind)
    await page.get_by_label(field, exact=True).fill(value)


async def save(page: Page) -> None:
    """Save the mapping that is edited."""
    await page.get_by_role("button", name="Save", exact=True).click()
    await page.get_by_role("dialog").get_by_role("button", name="Save", exact=True).click()
    await expect(page.get_by_text("The mapping is saved")).to_be_visible()


async def turn_on(page: Page, instance: str, mapping: str) -> None:
    """Go back to the mappings of an instance, and turn one on."""
    await page.get_by_role("link", name=instance, exact=True).click()
    switch = page.get_by_role("switch", name=f"Enable {mapping}", exact=True)
    await switch.click()
    await expect(switch).to_be_checked()


async def test_a_mapping_without_a_preset_sends_a_message(
    page: Page, scene: Scene, partner: LocalPartner
) -> None:
    """Slack has neither settings nor presets: two fields are written, and the event arrives."""
    await add_destination(page, "Slack", "chat")
    await page.get_by_role("switch", name="Enable chat").click()
    await page.get_by_role("link", name="Mappings").click()
    await page.get_by_role("button", name="New Mapping").first.click()
    await page.get_by_role("dialog").get_by_role("link", name="Post Message").click()
    missing = page.get_by_role("alert").filter(has_text="All mappings are required")
    await expect(missing.get_by_role("link")).to_have_text(["Webhook URL", "Message"])
    await write(page, "Webhook URL", "Text", "https://hooks.slack.com/services/T/B")
    await write(page, "Message", "Event variable", "$.event")
    await page.keyboard.press("Escape")
    await save(page)
    await turn_on(page, "chat", "Post Message")
    await scene.track("Signed Up", {"plan": "pro"})
    [request] = partner.requests
    assert urlsplit(request.url).path == "/hooks.slack.com/services/T/B"
    assert request.json["text"] == "Signed Up"


async def test_a_preset_sends_an_event_in_the_region_that_is_chosen(
    page: Page, scene: Scene, partner: LocalPartner
) -> None:
    """Customer.io: settings, a choice among them, one of 15 presets, and Segment's batch size."""
    await add_destination(page, "Actions Customerio", "people")
    await page.get_by_label("Site ID").fill("site-of-the-shop")
    await page.get_by_label("API Key").fill("key-of-the-shop")
    await page.get_by_label("Account Region").select_option(label=EUROPE)
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_text("and the destination is enabled")).to_be_visible()
    await assert_accessible(page)
    await page.get_by_role("link", name="Mappings").click()
    await page.get_by_role("link", name="Track Event", exact=True).click()
    await expect(page.get_by_text("Saved: up to 50 events")).to_be_visible()
    await page.get_by_label("Batch Size", exact=True).fill("20")
    await save(page)
    await expect(page.get_by_text("Saved: up to 20 events")).to_be_visible()
    await assert_accessible(page)
    await assert_fits(page)
    await turn_on(page, "people", "Track Event")
    await scene.track("Signed Up", {"plan": "pro"})
    [request] = partner.requests
    assert urlsplit(request.url).path == "/track-eu.customer.io/api/v2/batch"
    [sent] = request.json["batch"]
    assert (sent["name"], sent["attributes"]) == ("Signed Up", {"plan": "pro"})
