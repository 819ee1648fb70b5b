"""What the collector answers, good or bad, in the shapes that Segment's SDKs read."""

from __future__ import annotations

import math
import time
from collections.abc import Mapping, Sequence
from email.utils import formatdate
from http import HTTPStatus
from typing import Any

from aiohttp import HttpVersion11, hdrs, web
from aiohttp.abc import AbstractStreamWriter
from aiohttp.http import SERVER_SOFTWARE

from offramp import _json


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


_JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}
_SUCCESS = b'{"success":true}'
_READY_SUCCESS = ReadyAnswer(_SUCCESS, _JSON_HEADERS)


class RefusedError(Exception):
    """A request that is not served: its status, a code, and a message that says what to do.

    With `retry_after` (seconds) sending it again will help; without, what it holds is discarded.
    `source` is who sent it, where that is known already.
    """

    def __init__(
        self,
        status: HTTPStatus,
        code: str,
        message: str,
        *,
        retry_after: float | None = None,
        source: str | None = None,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.code = code
        self.message = message
        self.retry_after = retry_after
        self.source = source

    def answer(self) -> web.Response:
        """The same as a response."""
        return failure(self.status, self.code, self.message, retry_after=self.retry_after)


def success(request: web.Request) -> web.StreamResponse:
    """Answer that everything was accepted."""
    if _READY_SUCCESS.suits(request):
        return _READY_SUCCESS
    return web.Response(body=_SUCCESS, headers=_JSON_HEADERS)


def partial(accepted: int, rejected: Sequence[Mapping[str, Any]]) -> web.Response:
    """Answer that some events of a batch were accepted and others not.

    The status stays 200: with any other, SDKs would drop the accepted events or send them again.
    """
    return data({"success": True, "accepted": accepted, "rejected": rejected})


def data(body: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Answer with a JSON body."""
    return web.Response(status=status, body=_json.dumps(body), headers=_JSON_HEADERS)


def failure(
    status: HTTPStatus, code: str, message: str, *, retry_after: float | None = None
) -> web.Response:
    """Answer that nothing was accepted; `retry_after` (seconds) where sending again will help."""
    # Segment's Python SDK logs `code` and `message` from the top level of an error's body.
    error = {"code": code, "message": message}
    response = data({"success": False, **error, "error": error}, status)
    if retry_after is not None:
        seconds = str(max(math.ceil(retry_after), 1))
        response.headers["Retry-After"] = seconds
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            response.headers["X-RateLimit-Reset"] = seconds
    return response
