"""A host that offers dynamic fields and a save hook, and beside it the partner that has lists."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.console.scene import SOURCE, Scene, playing
from tests.delivery import lists

from offramp import OutgoingRequest

#: A transport ends after it; this one takes no time.
PATIENCE = timedelta(seconds=1)
TOKEN = "token-of-the-lists"
EDITOR = "/#/destinations/lists/mappings/new?action=addMember"


@asynccontextmanager
async def playing_lists(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> AsyncIterator[tuple[Scene, lists.Lists]]:
    """The host with an instance of the destination, and what its partner answers from."""
    partner = lists.Lists()

    async def answer(request: web.Request) -> web.Response:
        body = await request.read()
        outgoing = OutgoingRequest(
            method=request.method, url=str(request.url), headers={}, body=body, timeout=PATIENCE
        )
        response = await partner(outgoing)
        return web.Response(status=response.status, body=response.body)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with TestServer(app) as server:
        monkeypatch.setattr(lists, "URL", str(server.make_url("")).rstrip("/"))
        async with playing(folder, catalog=lists.lists_catalog()) as scene:
            await scene.add_source()
            body = {"name": "lists", "destination": "lists", "source": SOURCE}
            await scene.call("POST", "instances", {**body, "settings": {"token": TOKEN}})
            yield scene, partner
