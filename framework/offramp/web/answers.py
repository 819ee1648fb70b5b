"""Responses of the collector, to accepted and refused requests, as Segment's SDKs read them."""

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
    """A 200 that is prepared as bytes once, so that sending it is cheaper than a `web.Response`.

    One object answers any number of requests, so it holds nothing of a request and must not be
    changed. A request that it does not suit is answered with an ordinary response.
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
        """Whether the prepared headers suit a request: no CORS, and the connection is kept."""
        return (
            request.version == HttpVersion11
            and request.keep_alive
            and hdrs.ORIGIN not in request.headers
        )

    @property
    def keep_alive(self) -> bool:
        """Whether the connection stays open: always, as `suits` checks it."""
        return True

    async def prepare(self, request: web.BaseRequest) -> AbstractStreamWriter:
        """Send the whole response, and wait while the client reads too slowly."""
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
        """Do nothing: `prepare` sent the whole response."""


_JSON_HEADERS: Mapping[str, str] = {"Content-Type": "application/json"}
_SUCCESS = b'{"success":true}'
_READY_SUCCESS = ReadyAnswer(_SUCCESS, _JSON_HEADERS)


class RefusedError(Exception):
    """A refused request: status, code, and a message that says what to do.

    With `retry_after` (seconds) the client should send the request again; without it, the events
    of the request are discarded. `source` is the sending source, if it is known already.
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
        """Make the HTTP response."""
        return failure(self.status, self.code, self.message, retry_after=self.retry_after)


def success(request: web.Request) -> web.StreamResponse:
    """Answer that everything was accepted."""
    if _READY_SUCCESS.suits(request):
        return _READY_SUCCESS
    return web.Response(body=_SUCCESS, headers=_JSON_HEADERS)


def partial(accepted: int, rejected: Sequence[Mapping[str, Any]]) -> web.Response:
    """Answer that some events of a batch were accepted and others not.

    The status is 200: with any other, SDKs drop the accepted events or send them again.
    """
    return data({"success": True, "accepted": accepted, "rejected": rejected})


def data(body: Any, status: HTTPStatus = HTTPStatus.OK) -> web.Response:
    """Answer with a JSON body."""
    return web.Response(status=status, body=_json.dumps(body), headers=_JSON_HEADERS)


def failure(
    status: HTTPStatus, code: str, message: str, *, retry_after: float | None = None
) -> web.Response:
    """Answer that nothing was accepted; `retry_after` (seconds) if the client should send again."""
    # Segment's Python SDK logs `code` and `message` from the top level of an error's body.
    error = {"code": code, "message": message}
    response = data({"success": False, **error, "error": error}, status)
    if retry_after is not None:
        seconds = str(max(math.ceil(retry_after), 1))
        response.headers["Retry-After"] = seconds
        if status == HTTPStatus.TOO_MANY_REQUESTS:
            response.headers["X-RateLimit-Reset"] = seconds
    return response
