"""An application on an address of this machine, for tests."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, Final

from aiohttp import web

from offramp.config import EgressSettings
from offramp.host.listen import bind, serve
from offramp.http import LOOPBACK

#: Lets a host send to partners on this machine.
LOCAL_EGRESS: Final = EgressSettings(allow=LOOPBACK)
#: The rule of that.
LOCAL: Final = LOCAL_EGRESS.rule


@asynccontextmanager
async def listening(
    app: web.Application, host: str = "127.0.0.1", port: int = 0, **options: Any
) -> AsyncIterator[str]:
    """Bind and serve; yields the URL."""
    with bind(host, port) as sockets:
        async with serve(app, sockets, **options) as url:
            yield url
