"""A partner that takes whatever it is sent: `python -m benchmarks.peers.partner PORT`.

It answers each request with `{}` and counts the events: one, or those in the `batch` of the body.
It does no more, so that it takes as little as it can of the machine that it shares with what is
measured. Its counts are where Metronome's emulator has them.
"""

from __future__ import annotations

import asyncio
import sys
from typing import Any, Final

import uvloop

from offramp import _json

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_CLOSE: Final = b"connection: close"


class Counts:
    """Events and requests so far."""

    events = 0
    requests = 0

    def add(self, body: bytes) -> None:
        """Count a request."""
        self.requests += 1
        found = _json.loads(body)
        self.events += len(found.get("batch", "1"))


class Connection(asyncio.Protocol):
    """Answers one request after the other."""

    def __init__(self, counts: Counts) -> None:
        self._counts = counts
        self._data = b""
        self._transport: Any = None

    def connection_made(self, transport: Any) -> None:
        """Keep the other side."""
        self._transport = transport

    def data_received(self, data: bytes) -> None:
        """Answer, once a request is whole."""
        self._data += data
        head, found, body = self._data.partition(_END_OF_HEAD)
        if not found:
            return
        lower = head.lower()
        at = lower.find(_LENGTH)
        length = int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) < length:
            return
        self._data = b""
        self._transport.write(self._answer(head, body))
        if _CLOSE in lower:
            self._transport.close()

    def _answer(self, head: bytes, body: bytes) -> bytes:
        text = b"{}"
        if head.startswith(b"GET"):
            counts = self._counts
            text = _json.dumps({"events_stored": counts.events, "requests": counts.requests})
        else:
            self._counts.add(body)
        start = b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nContent-Length: "
        return start + str(len(text)).encode() + _END_OF_HEAD + text


async def serve(port: int) -> None:
    """Listen until told to end."""
    counts = Counts()
    loop = asyncio.get_running_loop()
    server = await loop.create_server(lambda: Connection(counts), "127.0.0.1", port)
    await server.serve_forever()


if __name__ == "__main__":
    uvloop.run(serve(int(sys.argv[1])))
