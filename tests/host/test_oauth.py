"""OAuth 2, operated: connects, refreshes, lost answers and withdrawn grants, at a real server."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import aiohttp
import pytest
from tests.api.granted import CLIENT_SECRET, SLUG
from tests.host.calls import PATIENCE, accept, ask, track
from tests.host.granting import GRANT, connect, consent, grant_of, hosting, server
from tests.waiting import until

from offramp import _json
from offramp.errors import StorageError
from offramp.host.refreshing import TokenRefresher
from offramp.host.run import Host
from offramp.storage import DATABASE_FILE
from offramp.testing import AuthorizationServer

LOOPBACK = "http://127.0.0.1:8976/callback"


@pytest.fixture
def partner() -> Iterator[AuthorizationServer]:
    """A partner that takes each refresh token once."""
    with server() as running:
        yield running


async def test_a_code_with_pkce_connects_and_events_leave_that_waited(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """Nothing is sent before; afterwards the events that waited are delivered."""
    async with hosting(tmp_path, partner.url) as host:
        await accept(host, "m1")
        await until(lambda: host.engine.held)
        [found] = await degraded(host)
        assert found["kind"] == "grant"
        assert f"offramp connect {SLUG}" in found["detail"]
        begun = await ask(host, "POST", f"{GRANT}/authorize", {"redirect_uri": LOOPBACK})
        query = parse_qs(urlsplit(begun["authorize_url"]).query)
        assert query["code_challenge_method"] == ["S256"]
        assert query["scope"] == ["contacts.write"]
        code = await code_of(begun["authorize_url"])
        body = {"code": code, "state": begun["state"]}
        grant = (await ask(host, "POST", f"{GRANT}/code", body))["grant"]
        assert (grant["state"], grant["scopes"]) == ("connected", ["contacts.write"])
        assert partner.requests[0]["code_verifier"]
        assert await host.wait_until_idle(timeout=PATIENCE)
        assert partner.taken == [b'["m1"]']
        assert await degraded(host) == []
        await ask(host, "POST", f"{GRANT}/code", body, status=409)


async def test_a_browser_finishes_its_own_connect_only(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """The callback needs the cookie of who began it, works once, and shows no token."""
    async with hosting(tmp_path, partner.url) as host:
        async with signed_in(host) as browser:
            url = await begin(host, browser)
            status, page = await consent(url)  # another browser, with another state each time
            assert (status, "another browser" in page) == (403, True)
            back = await callback_of(browser, url)
            async with browser.get(back, allow_redirects=False) as answer:
                assert answer.status == 303, await answer.text()
                assert answer.headers["Location"] == f"/#/destinations/{SLUG}/settings"
                assert answer.headers["Referrer-Policy"] == "no-referrer"
                assert "Max-Age=0" in answer.headers["Set-Cookie"]
            async with browser.get(back) as answer:
                assert (answer.status, "used already" in await answer.text()) == (400, True)
            assert (await shown_to(host, browser))["last_connect"]["error"] is None
            async with signed_in(host) as other:
                assert (await shown_to(host, other))["last_connect"] is None
            await connect(host, partner)
            assert (await shown_to(host, browser))["last_connect"] is None
        assert (await grant_of(host))["state"] == "connected"
        audit = (await ask(host, "GET", "audit-log?kind=grant"))["rows"]
        assert [(each["id"], each["what"]) for each in audit] == [
            (SLUG, "changed"),
            (SLUG, "added"),
        ]


async def test_why_a_connect_failed_is_told_to_who_began_it(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """What the partner says is in no address, where anybody could put it, and is cut short."""
    async with hosting(tmp_path, partner.url) as host, signed_in(host) as browser:
        partner.refuse_consent("access_denied", f"the person said no {'x' * 1000}")
        back = await callback_of(browser, await begin(host, browser))
        async with browser.get(back, allow_redirects=False) as answer:
            assert answer.headers["Location"] == f"/#/destinations/{SLUG}/settings"
        error = (await shown_to(host, browser))["last_connect"]["error"]
        assert "access_denied: the person said no" in error
        assert len(error) < 400
        await begin(host, browser)
        assert (await shown_to(host, browser))["last_connect"] is None


async def test_who_signs_out_ends_the_connects_that_were_begun(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """The browser still has the cookie of the connect, and yet connects nothing."""
    async with hosting(tmp_path, partner.url) as host, signed_in(host) as browser:
        back = await callback_of(browser, await begin(host, browser))
        async with browser.delete(f"{host.url}/api/sessions/current") as answer:
            assert answer.status == 200
        async with browser.get(back) as answer:
            assert (answer.status, "You signed out" in await answer.text()) == (403, True)
        assert (await grant_of(host))["state"] == "not_connected"


async def test_without_a_console_the_callback_is_a_page(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """A browser that used the API alone is told there; markup of the partner stays text."""
    async with hosting(tmp_path, partner.url, console=False) as host, signed_in(host) as browser:
        partner.refuse_consent("<b>no</b>")
        async with browser.get(await begin(host, browser)) as answer:
            assert answer.status == 400
            assert "&lt;b&gt;no&lt;/b&gt;" in await answer.text()
        async with browser.get(await begin(host, browser)) as answer:
            assert (answer.status, "is connected" in await answer.text()) == (200, True)


async def test_a_console_at_an_address_of_its_own_is_come_back_to(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """Its redirect URI is there too, and not at the public URL, which senders use."""
    public = "http://events.example"
    at = hosting(tmp_path, partner.url, console="127.0.0.1:0", public_url=public)
    async with at as host:
        own = host.console_url or ""
        async with signed_in(host, own) as browser:
            back = await callback_of(browser, await begin(host, browser, own))
            assert back.startswith(f"{own}/api/oauth/callback?")
            async with browser.get(back, allow_redirects=False) as answer:
                assert answer.headers["Location"] == f"{own}/#/destinations/{SLUG}/settings"
        assert (await grant_of(host))["state"] == "connected"


async def test_a_connect_of_a_command_is_not_finished_by_a_browser(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """Whoever opens the link of somebody else connects nothing: the page only shows what to do."""
    async with hosting(tmp_path, partner.url) as host:
        begun = await ask(host, "POST", f"{GRANT}/authorize")
        status, page = await consent(begun["authorize_url"])
        assert (status, "paste it there" in page) == (200, True)
        assert (await grant_of(host))["state"] == "not_connected"
        elsewhere = {"redirect_uri": "https://elsewhere.example/callback"}
        await ask(host, "POST", f"{GRANT}/authorize", elsewhere, status=422)


async def test_a_refresh_is_stored_before_it_is_used_and_survives_a_start(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """A 401 leads to one refresh; the next start knows the new token, and no file tells it."""
    async with hosting(tmp_path, partner.url) as host:
        await connect(host, partner)
        partner.expire()
        await track(host, "m1")
        assert partner.taken == [b'["m1"]']
        assert partner.refreshes == 2
    files = (tmp_path / DATABASE_FILE).read_bytes()
    assert b"refresh-" not in files
    assert CLIENT_SECRET.encode() not in files
    async with hosting(tmp_path, partner.url) as host:
        partner.expire()
        await track(host, "m2")
        assert partner.taken == [b'["m1"]', b'["m2"]']
        assert (await ask(host, "GET", "audit-log?kind=instance"))["rows"][0]["revision"] == 1


async def test_the_old_token_is_tried_again_where_the_answer_was_lost(tmp_path: Path) -> None:
    """A partner that takes a token twice goes on; events are neither lost nor rejected."""
    with server(repeats=1) as partner:
        async with hosting(tmp_path, partner.url) as host:
            await connect(host, partner)
            partner.expire()
            partner.lose_answers()
            await track(host, "m1")
            assert partner.taken == [b'["m1"]']
            first, again, *_ = (each["refresh_token"] for each in partner.requests[1:])
            assert first == again
            assert (await grant_of(host))["state"] == "connected"


async def test_a_grant_that_the_partner_refuses_holds_the_instance(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """After a lost answer a strict partner refuses: events wait, the reason says what happened."""
    async with hosting(tmp_path, partner.url) as host:
        await connect(host, partner)
        partner.expire()
        partner.lose_answers()
        await accept(host, "m1")
        await until(lambda: any(hold.code == "grant" for hold in host.engine.held.values()))
        grant = await grant_of(host)
        assert grant["state"] == "gone"
        assert "invalid_grant" in grant["message"]
        assert "never came or was not stored" in grant["message"]
        assert partner.taken == []
        asked = len(partner.requests)
        await accept(host, "m2")
        await connect(host, partner)
        assert len(partner.requests) == asked + 1
        assert await host.wait_until_idle(timeout=PATIENCE)
        assert sorted(id_ for body in partner.taken for id_ in _json.loads(body)) == ["m1", "m2"]
        status = await ask(host, "GET", "status")
        assert [each["rejected"] for each in status["subscriptions"]] == [0]


async def test_tokens_are_refreshed_before_they_expire_also_while_paused(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """A paused instance keeps its grant; nothing has to be sent for it."""
    async with hosting(tmp_path, partner.url, paused=True) as host:
        partner.expires_in = 0.2
        await connect(host, partner)
        before = partner.refreshes
        partner.expires_in = 3600.0
        refresher = TokenRefresher(lambda: host.engine.snapshot.runtimes, host.context.clock)

        def refreshed() -> bool:
            refresher.look()
            return partner.refreshes > before

        await until(refreshed)
        assert (await grant_of(host))["state"] == "connected"


async def test_many_that_need_a_token_make_one_refresh(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """One-time tokens would be lost otherwise; a caller that gives up does not end the refresh."""
    async with hosting(tmp_path, partner.url) as host:
        await connect(host, partner)
        runtime = host.engine.snapshot.runtimes[SLUG]
        stale, before = runtime.auth, partner.refreshes
        impatient = asyncio.create_task(runtime.refresh(stale))
        await asyncio.sleep(0)
        impatient.cancel()
        assert all(await asyncio.gather(*(runtime.refresh(stale) for _ in range(20))))
        assert partner.refreshes == before + 1


async def test_an_answer_that_cannot_be_stored_is_kept_until_it_can(
    tmp_path: Path, partner: AuthorizationServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A full disk between answer and store costs no grant: the token is stored later."""
    async with hosting(tmp_path, partner.url) as host:
        await connect(host, partner)
        runtime, store = host.engine.snapshot.runtimes[SLUG], host.context.grants._store
        write, written = store.write, []

        async def full(work: Any) -> Any:
            written.append(work)
            if len(written) == 2:
                raise StorageError("the disk is full")
            return await write(work)

        monkeypatch.setattr(store, "write", full)
        with pytest.raises(Exception, match="cannot be stored"):
            await runtime.refresh(runtime.auth)
        asked = partner.refreshes
        assert await runtime.refresh(runtime.auth)
        assert partner.refreshes == asked
        await track(host, "m1")
        assert partner.taken == [b'["m1"]']


async def test_disconnect_revokes_and_holds(tmp_path: Path, partner: AuthorizationServer) -> None:
    """The partner is told, and the tokens are gone here; also those of a deleted instance."""
    async with hosting(tmp_path, partner.url) as host:
        await connect(host, partner)
        ended = await ask(host, "DELETE", GRANT)
        assert (ended["revoked"], len(partner.revoked)) == (True, 1)
        assert (await grant_of(host))["state"] == "not_connected"
        await connect(host, partner)
        await ask(host, "POST", "sealing-keys/rotate", {"drop_old_keys": True})
        partner.expire()
        await track(host, "m1")
        await ask(host, "DELETE", f"instances/{SLUG}?confirm=true")
        assert host.context.grants.get(SLUG, SLUG) is None


async def test_client_credentials_need_no_person(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """Without a refresh token, the app asks again."""
    async with hosting(tmp_path, partner.url) as host:
        await ask(host, "POST", f"{GRANT}/client-credentials")
        partner.expire()
        await track(host, "m1")
        assert partner.taken == [b'["m1"]']
        assert [each["grant_type"] for each in partner.requests] == ["client_credentials"] * 2


@asynccontextmanager
async def signed_in(host: Host, url: str = "") -> AsyncIterator[aiohttp.ClientSession]:
    """A browser in which somebody is signed in to the console at a URL."""
    url = url or host.url
    jar = aiohttp.CookieJar(unsafe=True)
    async with aiohttp.ClientSession(cookie_jar=jar, headers={"Origin": url}) as browser:
        await browser.post(f"{url}/api/sessions", json={"token": host.token.value})
        yield browser


async def begin(host: Host, browser: aiohttp.ClientSession, url: str = "") -> str:
    """Begin a connect in a browser; where a person grants access."""
    async with browser.post(f"{url or host.url}/api/{GRANT}/authorize", json={}) as answer:
        found: str = (await answer.json())["authorize_url"]
        return found


async def callback_of(browser: aiohttp.ClientSession, authorize_url: str) -> str:
    """Where the partner sends the browser back to."""
    async with browser.get(authorize_url, allow_redirects=False) as answer:
        return answer.headers["Location"]


async def shown_to(host: Host, browser: aiohttp.ClientSession) -> dict[str, Any]:
    """The grant as a browser gets it."""
    async with browser.get(f"{host.url}/api/{GRANT}") as answer:
        found: dict[str, Any] = (await answer.json())["grant"]
        return found


async def degraded(host: Host) -> list[dict[str, Any]]:
    """What the status lists as degraded."""
    return list((await ask(host, "GET", "status"))["degraded"])


async def code_of(authorize_url: str) -> str:
    """The code with which the partner sends the browser back."""
    async with (
        aiohttp.ClientSession() as session,
        session.get(authorize_url, allow_redirects=False) as answer,
    ):
        return parse_qs(urlsplit(answer.headers["Location"]).query)["code"][0]
