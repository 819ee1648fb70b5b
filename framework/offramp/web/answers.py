"""What the collector answers, good or bad, in the shapes that Segment's SDKs read."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from http import HTTPStatus
from typing import Any

from aiohttp import web

from offramp import _json
from offramp.web.ready import ReadyAnswer

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
