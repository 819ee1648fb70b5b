"""The Settings tab: a form made from a declaration, secrets that are kept or replaced, the test."""

from __future__ import annotations

import json
import re
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from playwright.async_api import Page, expect
from pytest_asyncio import fixture
from tests.console import crm
from tests.console.checks import assert_accessible, assert_fits, refresh
from tests.console.scene import Scene, playing

from offramp.plugins import load_catalog, load_plugins

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADDRESS = "/#/destinations/people/settings"
BODY = {"name": "people", "destination": "crm", "source": "shop", "enabled": False}


@fixture(loop_scope="session")
async def scene(tmp_path: Path, bundle: None) -> AsyncIterator[Scene]:
    """A host that offers the destination with every kind of setting, and an instance of it."""
    async with playing(tmp_path, catalog=load_catalog(load_plugins(extra=[crm]))) as scene:
        await scene.call("POST", "sources", {"name": "shop", "write_key": "wk-shop"})
        await scene.call("POST", "instances", BODY)
        yield scene


async def settings_of(scene: Scene) -> dict[str, Any]:
    """What is saved, secrets in clear text."""
    _, config = await scene.host.context.configs.load()
    return dict(config.instances["people"].settings)


async def test_what_is_entered_is_saved_with_its_type(page: Page, scene: Scene) -> None:
    """A number stays one, a list and JSON are read; what is left alone is left out."""
    await page.goto(ADDRESS)
    await page.get_by_label("Region").select_option("Europe")
    await page.get_by_label("API Key").fill(crm.GOOD_KEY)
    await page.get_by_label("Batch limit").fill("250")
    await page.get_by_label("Verbose").check()
    await page.get_by_role("group", name="Scopes").get_by_label("write").check()
    await page.get_by_label("Tags").fill("a\nb c")
    await page.get_by_label("Headers").fill('{"n": 12345678901234567890}')
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_text("and the destination is enabled")).to_be_visible()
    assert await settings_of(scene) == {
        "region": "eu",
        "apiKey": crm.GOOD_KEY,
        "batchLimit": 250,
        "verbose": True,
        "scopes": ["write"],
        "tags": ["a", "b c"],
        "headers": {"n": 12345678901234567890},
    }


async def test_a_text_that_may_be_empty_is_saved_empty(page: Page, scene: Scene) -> None:
    """A cleared box is the empty text, not the default; one that was never touched is left out."""
    await scene.call("PATCH", "instances/people", {"settings": {"apiKey": crm.GOOD_KEY}})
    await page.goto(ADDRESS)
    suffix = page.get_by_label("Suffix")
    await expect(suffix).to_have_attribute("placeholder", "-crm (default)")
    await page.get_by_label("Batch limit").fill("7")
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_text("The settings are saved", exact=True)).to_be_visible()
    assert "suffix" not in await settings_of(scene)
    await page.reload()  # without the message of the save
    await suffix.fill("x")
    await suffix.clear()
    await page.get_by_label("Batch limit").clear()
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_text("The settings are saved", exact=True)).to_be_visible()
    assert await settings_of(scene) == {"apiKey": crm.GOOD_KEY, "suffix": ""}
    await page.reload()
    await expect(suffix).to_have_value("")
    await expect(suffix).to_have_attribute("placeholder", "Empty")


async def test_a_setting_is_asked_for_where_another_says_so(page: Page) -> None:
    """Another way to sign in hides the key, and shows what that way needs."""
    await page.goto(ADDRESS)
    await expect(page.get_by_label("API Key (required)")).to_be_visible()
    await expect(page.get_by_label("Client ID")).to_have_count(0)
    await page.get_by_label("Sign-in").select_option("oauth")
    await expect(page.get_by_label("API Key")).to_have_count(0)
    await expect(page.get_by_label("Client ID")).to_be_visible()


async def test_each_fault_stands_beside_its_field(page: Page) -> None:
    """The first field with a fault gets the focus; nothing that was entered is lost."""
    await page.goto(ADDRESS)
    await page.get_by_label("Batch limit").fill("many")
    await page.get_by_label("Headers").fill("{oops")
    await page.get_by_role("button", name="Save changes").click()
    key, limit = page.get_by_label("API Key"), page.get_by_label("Batch limit")
    await expect(key).to_be_focused()
    await expect(key).to_have_attribute("aria-invalid", "true")
    await expect(limit).to_have_attribute("aria-invalid", "true")
    await expect(limit).to_have_value("many")
    await expect(page.get_by_label("Headers")).to_have_value("{oops")
    await assert_accessible(page)
    await assert_fits(page)


async def test_a_secret_is_kept_until_it_is_replaced(page: Page, scene: Scene) -> None:
    """Saving another setting keeps it; it is never shown, and never in the browser's storage."""
    saved = {"apiKey": "key-that-is-wrong", "verbose": True}
    await scene.call("PATCH", "instances/people", {"settings": saved, "enabled": True})
    await page.goto(ADDRESS)
    key = page.get_by_label("API Key")
    await expect(key).to_have_value("***rong")
    await page.get_by_label("Batch limit").fill("7")
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_text("The settings are saved")).to_be_visible()
    assert await settings_of(scene) == {**saved, "batchLimit": 7}
    await page.get_by_role("button", name="Replace").click()
    await expect(key).to_be_focused()
    await key.fill(crm.GOOD_KEY)
    await expect(key).to_have_attribute("type", "password")
    stored = await page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert crm.GOOD_KEY not in stored
    await page.get_by_role("button", name="Save changes").click()
    await expect(key).to_have_value(f"***{crm.GOOD_KEY[-4:]}")
    assert (await settings_of(scene))["apiKey"] == crm.GOOD_KEY


async def test_what_was_entered_survives_a_reload_but_no_secret_does(page: Page) -> None:
    """A draft is shown as such, and can be discarded."""
    await page.goto(ADDRESS)
    await page.get_by_label("Batch limit").fill("9")
    await page.get_by_label("API Key").fill(crm.GOOD_KEY)
    await page.reload()
    await expect(page.get_by_label("Batch limit")).to_have_value("9")
    await expect(page.get_by_label("API Key")).to_have_value("")
    await page.get_by_role("button", name="Discard changes").click()
    await expect(page.get_by_label("Batch limit")).to_have_value("")


@pytest.mark.parametrize(
    ("key", "title", "message"),
    [
        (crm.GOOD_KEY, "The connection works", "The partner accepts the credentials."),
        ("bad-key", "The credentials are refused", "The workspace does not know this key."),
    ],
)
async def test_the_connection_is_tested_with_what_is_saved(
    page: Page, scene: Scene, key: str, title: str, message: str
) -> None:
    """The partner's answer is shown; before the key is saved there is nothing to test."""
    await page.goto(ADDRESS)
    test = page.get_by_role("button", name="Test connection")
    await expect(page.get_by_text("Enter API Key first, and save.")).to_be_visible()
    await expect(test).to_be_disabled()
    await page.get_by_label("API Key").fill(key)
    await expect(page.get_by_text("Save your changes first")).to_be_visible()
    await page.get_by_role("button", name="Save changes").click()
    await test.click()
    await expect(page.get_by_text(title)).to_be_visible()
    await expect(page.get_by_text(message)).to_be_visible()
    await assert_accessible(page)


async def test_somebody_elses_change_is_told_before_it_is_overwritten(
    page: Page, scene: Scene
) -> None:
    """Their version can be taken instead."""
    await page.clock.install()
    await page.goto(ADDRESS)
    await page.get_by_label("Batch limit").fill("9")
    await scene.call("PATCH", "instances/people", {"settings": {"batchLimit": 300}})
    await refresh(page)
    await expect(page.get_by_text("Somebody else has changed these settings")).to_be_visible()
    await page.get_by_role("button", name="Discard mine, show theirs").click()
    await expect(page.get_by_label("Batch limit")).to_have_value("300")


async def test_a_change_of_something_else_is_no_conflict(page: Page, scene: Scene) -> None:
    """A newer revision of the configuration that left these settings alone is taken as the base."""
    await page.goto(ADDRESS)
    await page.get_by_label("Batch limit").fill("9")
    await scene.call("POST", "sources", {"name": "other"})
    await page.get_by_label("API Key").fill(crm.GOOD_KEY)
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_text("and the destination is enabled")).to_be_visible()
    assert (await settings_of(scene))["batchLimit"] == 9


async def test_a_description_is_text_with_a_little_markdown(page: Page) -> None:
    """Bold is bold; an element in it stays text."""
    await page.goto(ADDRESS)
    await expect(page.get_by_text("Under Developer, <i>not</i> under Team.")).to_be_visible()
    await expect(page.locator("form i")).to_have_count(0)


async def test_with_the_sandbox_no_credentials_are_needed(page: Page, scene: Scene) -> None:
    """An instance that sends to its destination's emulator is enabled without a token."""
    body = {"name": "billing", "destination": "metronome-actions", "source": "shop"}
    await scene.call("POST", "instances", {**body, "enabled": False})
    await page.goto("/#/destinations/billing/settings")
    await expect(page.get_by_label("API Token (required)")).to_be_visible()
    await page.get_by_label("Send to the sandbox").check()
    await expect(page.get_by_label("API Token (required)")).to_have_count(0)
    await page.get_by_role("button", name="Save changes").click()
    await expect(page.get_by_text("and the destination is enabled")).to_be_visible()
    await expect(page.get_by_text("Sandbox", exact=True)).to_be_visible()
    instance = (await scene.call("GET", "instances/billing"))["instance"]
    assert (instance["sandbox"], instance["enabled"], instance["settings"]) == (True, True, {})


async def test_a_preview_shows_each_request_and_where_it_ends(page: Page, scene: Scene) -> None:
    """An action that searches before it writes, and then needs the partner's own answer."""
    await scene.call("PATCH", "instances/people", {"settings": {"apiKey": crm.GOOD_KEY}})
    await page.goto("/#/destinations/people/mappings/new?action=upsertPerson")
    event = {"type": "identify", "userId": "u1", "messageId": "m1"}
    await page.locator(".sample-text").fill(json.dumps(event))
    request = page.get_by_label("Request", exact=True)
    await expect(request).to_contain_text("GET https://crm.example/search?user=u1")
    await expect(request).to_contain_text("POST https://crm.example/people")
    await expect(page.get_by_text("As if the destination answered each request")).to_be_visible()
    await expect(page.get_by_text("the plugin raised KeyError: 'id'")).to_be_visible()


async def test_a_constant_of_a_field_with_choices_is_one_of_a_list(page: Page) -> None:
    """In the field itself, and in what is made of several values; others cannot be typed."""
    await page.goto("/#/destinations/people/mappings/new?action=upsertPerson")
    await page.get_by_label("Kind of Stage", exact=True).select_option("text")
    stage = page.get_by_role("combobox", name="Stage", exact=True)
    await expect(stage.locator("option")).to_have_text(["Choose …", "A lead", "A customer"])
    await stage.select_option("A customer")
    await expect(stage.locator("option")).to_have_text(["A lead", "A customer"])
    await page.get_by_label("Kind of Stage", exact=True).select_option("if")
    await page.get_by_role("combobox", name="Stage, else", exact=True).select_option("A lead")
    await page.get_by_label("Kind of Stage", exact=True).select_option("json")
    written = page.get_by_label("Stage, JSON")
    await expect(written).to_have_value(re.compile('"then": "won",\\s+"else": "lead"'))
