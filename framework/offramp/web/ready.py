"""An answer that is the same for everybody, so that its bytes are made but once a second."""

from __future__ import annotations

import time
from collections.abc import Mapping
from email.utils import formatdate

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import SERVER_SOFTWARE


class ReadyAnswer(web.StreamResponse):
    """A 200 whose bytes are ready, so that sending it is cheaper than making a `web.Response`.

    One object serves any number of requests, so it has no state of theirs, and must not be
    changed. Whom it does not suit gets an ordinary response.
    """

    def __init__(self, body: bytes, headers: Mapping[str, str]) -> None:
        super().__init__(headers=headers)
        # In the order in which aiohttp writes them.
        more = {hdrs.CONTENT_LENGTH: str(len(body)), hdrs.DATE: "", hdrs.SERVER: SERVER_SOFTWARE}
        lines = [f"{name}: {value}" for name, value in [*headers.items(), *more.items()]]
        head = "\r\n".join(["HTTP/1.1 200 OK", *lines, "", ""]).encode()
        before, date, after = head.partition(b"Date: ")
        self._parts = before + date, after + body
        self._text = b""
        self._second = 0

    @staticmethod
    def suits(request: web.BaseRequest) -> bool:
        """Whether a request wants no header that others do not want, and stays connected."""
        return (
            request.version == HttpVersion11
            and request.keep_alive
            and hdrs.ORIGIN not in request.headers
        )

    @property
    def keep_alive(self) -> bool:
        """Whether the connection stays open: `suits` saw to it."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Send it whole, and wait while the client reads too slowly."""
        second = int(time.time())
        if second != self._second:
            before, after = self._parts
            self._second = second
            self._text = before + formatdate(second, usegmt=True).encode() + after
        writer = request.writer
        await writer.write(self._text)
        await writer.drain()
        return writer

    async def write_eof(self, data: bytes = b"") -> None:
        """Do nothing: it was sent whole."""
