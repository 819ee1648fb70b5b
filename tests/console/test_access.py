"""OAuth 2 in the Settings tab: the app, a connect at the partner and back, tokens, disconnect."""

from __future__ import annotations

import re
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from playwright.async_api import Locator, Page, expect
from pytest_asyncio import fixture
from tests.api.granted import CLIENT_SECRET, SLUG, granted_catalog
from tests.console.checks import assert_accessible, assert_fits
from tests.console.scene import Scene, playing
from tests.console.watch import Watch

from offramp.testing import AuthorizationServer

pytestmark = pytest.mark.asyncio(loop_scope="session")

ADDRESS = f"/#/destinations/{SLUG}/settings"
APP = {"client_id": "the-client", "client_secret": CLIENT_SECRET}


@pytest.fixture
def partner() -> Iterator[AuthorizationServer]:
    """A partner that takes each refresh token once."""
    with AuthorizationServer(client_secret=CLIENT_SECRET) as running:
        # Another site than that of the console: a browser holds cookies back on the way from there.
        running.url = running.url.replace("127.0.0.1", "localhost")
        yield running


@fixture(loop_scope="session")
async def scene(tmp_path: Path, bundle: None, partner: AuthorizationServer) -> AsyncIterator[Scene]:
    """A host with an instance of the partner that knows no app yet, and an event for it."""
    async with playing(tmp_path, catalog=granted_catalog()) as scene:
        await scene.add_source()
        body = {
            "name": SLUG,
            "destination": SLUG,
            "source": "shop",
            "settings": {"address": partner.url},
            "enabled": True,
        }
        await scene.call("POST", "instances", body)
        yield scene


@pytest.fixture
def watch(watch: Watch, partner: AuthorizationServer) -> Watch:
    """Watches every context; a person may go to the partner."""
    watch.partners.append(partner.url)
    return watch


def access(page: Page) -> Locator:
    """The card that says whether the instance is connected."""
    return page.locator(".card").filter(has=page.get_by_role("heading", name="Access", exact=True))


async def open_settings(page: Page, scene: Scene, **app: str) -> Locator:
    """The Settings tab of an instance with an app; the card of its access."""
    if app:
        await scene.call("PATCH", f"instances/{SLUG}", {"oauth": app})
    await page.goto(ADDRESS)
    await expect(access(page).locator(".badge")).to_be_visible()
    return access(page)


async def test_a_connect_goes_to_the_partner_and_comes_back(
    page: Page, scene: Scene, partner: AuthorizationServer
) -> None:
    """The app is entered and saved; then the page says since when, and until when, it may send."""
    card = await open_settings(page, scene)
    await expect(card.get_by_text("Not connected")).to_be_visible()
    await expect(card.get_by_role("button", name="Connect", exact=True)).to_have_count(0)
    await page.get_by_label("Client ID").fill(APP["client_id"])
    secret = page.get_by_label("Client secret")
    await secret.fill(CLIENT_SECRET)
    await expect(secret).to_have_attribute("type", "password")
    await page.get_by_label("Scopes").fill("contacts.read\ncontacts.write")
    await page.get_by_role("button", name="Save changes").click()
    await expect(card.get_by_text(f"{scene.url}/api/oauth/callback")).to_be_visible()
    await assert_accessible(page)
    await assert_fits(page)
    await card.get_by_role("button", name="Connect", exact=True).click()
    await expect(card.get_by_text(f"{SLUG} is connected")).to_be_visible()
    await expect(page).to_have_url(f"{scene.url}{ADDRESS}")
    await expect(card.locator(".badge")).to_have_text("Connected")
    facts = card.locator(".facts > div")
    await expect(facts.filter(has_text="Since")).to_contain_text("by consent at the partner")
    await expect(facts.filter(has_text="Until")).to_contain_text("the host gets a new token before")
    await expect(facts.filter(has_text="Scopes")).to_contain_text("contacts.read, contacts.write")
    await assert_accessible(page)
    await assert_fits(page)
    [form] = partner.requests
    assert (form["grant_type"], bool(form["code_verifier"])) == ("authorization_code", True)
    stored = await page.evaluate("JSON.stringify([{...sessionStorage}, {...localStorage}])")
    assert CLIENT_SECRET not in stored


async def test_what_the_partner_refuses_is_told_where_the_connect_began(
    page: Page, scene: Scene, partner: AuthorizationServer
) -> None:
    """A person who refuses, and an app that the partner does not know; then it is connected."""
    card = await open_settings(page, scene, **{**APP, "client_secret": "no-longer-valid"})
    connect = card.get_by_role("button", name="Connect", exact=True)
    partner.refuse_consent("access_denied", "Ann said no")
    await connect.click()
    await expect(card.get_by_text(f"{SLUG} was not connected")).to_be_visible()
    await expect(card.get_by_text("access_denied: Ann said no")).to_be_visible()
    await assert_accessible(page)
    await connect.click()
    await expect(card.get_by_text("invalid_client")).to_be_visible()
    await expect(card.get_by_text("Ann said no")).to_have_count(0)
    await page.get_by_role("button", name="Replace").click()
    await expect(connect).to_be_disabled()
    await page.get_by_label("Client secret").fill(CLIENT_SECRET)
    await page.get_by_role("button", name="Save changes").click()
    await expect(connect).to_be_enabled()
    await connect.click()
    await expect(card.locator(".badge")).to_have_text("Connected")
    await expect(card.get_by_text("was not connected")).to_have_count(0)


async def test_tokens_are_entered_and_a_grant_is_given_up(
    page: Page, scene: Scene, partner: AuthorizationServer
) -> None:
    """A token that the partner refuses changes nothing; the partner is told of the end."""
    card = await open_settings(page, scene, **APP)
    await card.get_by_role("button", name="Enter tokens").click()
    dialog = page.get_by_role("dialog", name=f"Connect {SLUG} with tokens")
    token = dialog.get_by_label("Refresh token")
    await expect(token).to_be_focused()
    await dialog.get_by_role("button", name="Connect").click()
    await expect(token).to_have_attribute("aria-invalid", "true")
    await token.fill("a-token-of-yesterday")
    await dialog.get_by_role("button", name="Connect").click()
    await expect(dialog.get_by_text("invalid_grant")).to_be_visible()
    await assert_accessible(page)
    await token.fill(partner.new_refresh_token())
    await dialog.get_by_role("button", name="Connect").click()
    await expect(card.locator(".badge")).to_have_text("Connected")
    await expect(card.get_by_text("by tokens that were entered")).to_be_visible()
    await card.get_by_role("button", name="Disconnect").click()
    await page.get_by_role("dialog").get_by_role("button", name="Disconnect").click()
    await expect(card.locator(".badge")).to_have_text("Not connected")
    await expect(page.get_by_text("and the partner was told")).to_be_visible()
    assert len(partner.revoked) == 1


async def test_a_grant_that_is_gone_says_why_on_every_tab(
    page: Page, scene: Scene, partner: AuthorizationServer
) -> None:
    """Its events wait; the credentials of the app connect it again, and they are delivered."""
    await open_settings(page, scene, **APP)
    body = {"name": "all", "instance": SLUG, "action": "send", "trigger": 'type = "track"'}
    made = (await scene.call("POST", "subscriptions", body))["subscription"]["id"]
    await scene.call("POST", f"subscriptions/{made.replace('/', '%2F')}/enable")
    given = {"refresh_token": partner.new_refresh_token()}
    await scene.call("POST", f"instances/{SLUG}/grant/tokens", given)
    partner.withdraw()
    await scene.host.context.take_event("shop", b'{"type":"track","event":"e","userId":"u1"}')
    await page.goto(f"/#/destinations/{SLUG}/mappings")
    held = page.get_by_role("alert").filter(has_text="holds this destination back")
    await held.get_by_role("link", name="Connect it in its settings").click()
    card = access(page)
    await expect(card.locator(".badge")).to_have_text("Access is gone")
    await expect(card.get_by_role("alert")).to_contain_text("invalid_grant")
    await assert_accessible(page)
    await card.get_by_role("button", name=re.compile("Connect with the app")).click()
    await expect(card.locator(".badge")).to_have_text("Connected")
    assert await scene.host.wait_until_idle(timeout=20)
    assert len(partner.taken) == 1
