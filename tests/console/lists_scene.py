"""A host with an instance of a destination that has lists, and beside it the partner."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from types import ModuleType

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.console.scene import SOURCE, Scene, playing

from offramp import OutgoingRequest, Response

#: A transport ends after it; this one takes no time.
PATIENCE = timedelta(seconds=1)
TOKEN = "token-of-the-lists"
EDITOR = "/#/destinations/lists/mappings/new?action=addMember"


@asynccontextmanager
async def playing_lists(
    folder: Path,
    monkeypatch: pytest.MonkeyPatch,
    of: ModuleType,
    partner: Callable[[OutgoingRequest], Awaitable[Response]],
) -> AsyncIterator[Scene]:
    """The host with the destination of a module, and the partner at the address of that module."""

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
        monkeypatch.setattr(of, "URL", str(server.make_url("")).rstrip("/"))
        async with playing(folder, catalog=of.lists_catalog()) as scene:
            await scene.add_source()
            body = {"name": "lists", "destination": "lists", "source": SOURCE}
            await scene.call("POST", "instances", {**body, "settings": {"token": TOKEN}})
            yield scene
