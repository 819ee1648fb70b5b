"""An application, listening."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from aiohttp import web

#: Seconds that requests under way may take to end, once the server stops.
SHUTDOWN_SECONDS: Final = 10.0


@asynccontextmanager
async def serve(
    app: web.Application,
    host: str,
    port: int,
    *,
    shutdown_seconds: float = SHUTDOWN_SECONDS,
) -> AsyncIterator[str]:
    """Serve an application and yield its URL; port 0 picks a free one.

    At the end the socket closes first, requests under way finish within `shutdown_seconds`.
    Raises `OSError` if the address cannot be had.
    """
    runner = web.AppRunner(app, shutdown_timeout=shutdown_seconds)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        bound = runner.addresses[0][1]
        name = f"[{host}]" if ":" in host else host
        yield f"http://{name}:{bound}"
    finally:
        await runner.cleanup()
