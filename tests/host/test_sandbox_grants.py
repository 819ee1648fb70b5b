"""An instance in its sandbox leaves the partner's grant alone: unused, not refreshed, and kept."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import attrs
import pytest
from aiohttp import web
from tests.api.granted import SLUG, Settings, granted
from tests.host.calls import ask, track
from tests.host.granting import GRANT, connect, hosting, server
from tests.listening import listening

from offramp import AuthTokens, Request, RunningSandbox, Sandbox
from offramp.host.instances import SANDBOX_TOKENS
from offramp.host.refreshing import TokenRefresher
from offramp.testing import AuthorizationServer

SANDBOX_BEARER = f"Bearer {SANDBOX_TOKENS.access_token}"


@attrs.define
class Emulator:
    """A sandbox that keeps who asked for what, and refuses as many requests as it is told to."""

    refusals: int = 0
    heard: list[tuple[str, str]] = attrs.field(factory=list)

    async def take(self, request: web.Request) -> web.Response:
        self.heard.append((request.path, request.headers.get("Authorization", "")))
        if request.path == "/token":
            return web.json_response({"access_token": "second-of-the-sandbox"})
        self.refusals -= 1
        return web.Response(status=401 if self.refusals >= 0 else 200)

    @asynccontextmanager
    async def start(self) -> AsyncIterator[RunningSandbox]:
        """Listen."""
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self.take)
        async with listening(app) as url:
            yield RunningSandbox(url=url, received=list)

    def sandbox(self) -> Sandbox:
        """As a destination declares it."""
        return Sandbox(label="Emulator", description="Keeps.", settings={}, start=self.start)


@pytest.fixture
def partner() -> Iterator[AuthorizationServer]:
    """The real partner, with one-time refresh tokens."""
    with server() as running:
        yield running


async def refresh(request: Request[Settings]) -> AuthTokens:
    """A refresh of the destination's own, at an address of its partner."""
    answer = await request.post(f"{request.settings.address}/token")
    return AuthTokens(access_token=answer.json()["access_token"])


async def test_the_grant_is_neither_used_nor_refreshed(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """Its token is never sent, however the sandbox answers; outside of it, it is as it was."""
    emulator = Emulator(refusals=1)
    destination = granted(sandbox=emulator.sandbox())
    async with hosting(tmp_path, partner.url, destination=destination) as host:
        await connect(host, partner)
        before = host.context.grants.get(SLUG, SLUG)
        asked = len(partner.requests)
        await ask(host, "PATCH", f"instances/{SLUG}", {"sandbox": True})
        # The grant's access token would have to be refreshed by then.
        later = TokenRefresher(lambda: host.engine.snapshot.runtimes, lambda: time.time() + 1e6)
        later.look()
        await track(host, "m1")
        assert len(partner.requests) == asked
        assert partner.taken == []
        assert set(emulator.heard) == {("/resource", SANDBOX_BEARER)}
        assert host.context.grants.get(SLUG, SLUG) is before
        refused = await ask(host, "POST", f"{GRANT}/refresh", status=409)
        assert "uses a sandbox, which needs no grant" in refused["detail"]
        await ask(host, "DELETE", GRANT, status=409)


async def test_a_refresh_of_the_destinations_own_stays_in_the_sandbox(
    tmp_path: Path, partner: AuthorizationServer
) -> None:
    """After a 401 it asks the emulator, and what that gives is stored nowhere."""
    emulator = Emulator(refusals=1)
    destination = granted(sandbox=emulator.sandbox(), refresh_access_token=refresh)
    tokens = {"access_token": "access-of-the-partner", "refresh_token": "refresh-of-the-partner"}
    async with hosting(tmp_path, partner.url, destination=destination) as host:
        await ask(host, "POST", f"{GRANT}/tokens", tokens)
        before: Any = host.context.grants.get(SLUG, SLUG)
        asked = len(partner.requests)
        await ask(host, "PATCH", f"instances/{SLUG}", {"sandbox": True})
        await track(host, "m1")
        assert [path for path, _ in emulator.heard] == ["/resource", "/token", "/resource"]
        assert emulator.heard[-1][1] == "Bearer second-of-the-sandbox"
        assert len(partner.requests) == asked
        assert host.context.grants.get(SLUG, SLUG) is before
