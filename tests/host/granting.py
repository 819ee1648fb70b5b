"""A host whose one instance sends to a partner with OAuth 2 on this machine."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiohttp
from tests.api.granted import CLIENT_SECRET, INSTANCE, SLUG, granted_catalog
from tests.host.calls import SOURCES, ask
from tests.listening import LOCAL_EGRESS

from offramp import Destination
from offramp.config import Config, Document, HostSettings, parse_config
from offramp.host.run import Host, run_host
from offramp.testing import AuthorizationServer

GRANT = f"instances/{SLUG}/grant"


def server(**options: Any) -> AuthorizationServer:
    """A partner with one-time refresh tokens."""
    return AuthorizationServer(client_secret=CLIENT_SECRET, **options)


def document(url: str, **changes: Any) -> dict[str, Any]:
    """One instance of the partner at an address."""
    instance = {
        "destination": SLUG,
        "source": "site",
        "settings": {"address": url},
        "oauth": INSTANCE["oauth"],
        "subscriptions": [{"name": "all", "action": "send", "trigger": 'type = "track"'}],
        **changes,
    }
    return {"sources": SOURCES, "instances": {SLUG: instance}}


@asynccontextmanager
async def hosting(
    folder: Path,
    url: str,
    *,
    destination: Destination | None = None,
    console: bool | str = True,
    public_url: str | None = None,
    **changes: Any,
) -> AsyncIterator[Host]:
    """A host on a data folder."""
    catalog = granted_catalog(destination)
    settings = HostSettings(
        port=0, egress_settings=LOCAL_EGRESS, console=console, public_url=public_url
    )

    def written(current: Config) -> Config:
        data = Document(data=document(url, **changes))
        return parse_config(data, catalog, current=current).config

    async with run_host(written, catalog, settings, folder=folder) as host:
        yield host


async def connect(host: Host, partner: AuthorizationServer, scope: str = "") -> str:
    """Connect with a refresh token that was obtained elsewhere; that token."""
    token = partner.new_refresh_token(scope)
    await ask(host, "POST", f"{GRANT}/tokens", {"refresh_token": token})
    return token


async def grant_of(host: Host) -> dict[str, Any]:
    """The grant as the API shows it."""
    answer = await ask(host, "GET", GRANT)
    found: dict[str, Any] = answer["grant"]
    return found


async def consent(authorize_url: str) -> tuple[int, str]:
    """Grant access as a person in a browser does; status and text of the page at the end."""
    async with aiohttp.ClientSession() as session, session.get(authorize_url) as answer:
        return answer.status, await answer.text()
