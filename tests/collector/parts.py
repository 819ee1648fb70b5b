"""A bare socket, for what no HTTP client would send."""

from __future__ import annotations

import asyncio


async def heard(url: str, data: bytes) -> bytes:
    """What a bare socket is answered."""
    host, port = url.removeprefix("http://").split(":")
    reader, writer = await asyncio.open_connection(host, int(port))
    try:
        writer.write(data)
        await writer.drain()
        return await asyncio.wait_for(reader.read(64 * 1024), timeout=5)
    finally:
        writer.close()
        await writer.wait_closed()
