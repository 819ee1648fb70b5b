"""Sends what a call in the worker wants to send, with the client of the host's call."""

from __future__ import annotations

import base64
import http
from collections.abc import Mapping
from datetime import timedelta
from typing import Any, Final

import attrs

from offramp import DeliveryError, Request, Response

#: The worker's own time-out, of 10 s mostly, ends a request before.
TIMEOUT: Final = timedelta(minutes=5)
#: Headers of the transfer, which aiohttp has undone.
TRANSFER_HEADERS: Final = frozenset(
    {"connection", "content-encoding", "content-length", "keep-alive", "transfer-encoding"}
)


@attrs.frozen(eq=False)
class Fetches:
    """The requests of one call."""

    request: Request[Any]
    #: The errors of those that were not answered, by number.
    failed: dict[int, Exception] = attrs.field(factory=dict, init=False)

    async def send(self, message: Mapping[str, Any]) -> dict[str, Any]:
        """Send one; returns the answer or the failure in the words of the protocol."""
        try:
            response = await self.request.send(
                message["method"],
                message["url"],
                data=_body(message["body"]),
                headers=_headers(message["headers"]),
                timeout=TIMEOUT,
                check=False,
            )
        except Exception as error:  # noqa: BLE001 - raised by the call, unless the action goes on
            self.failed[message["fetch"]] = error
            code = error.code if isinstance(error, DeliveryError) else type(error).__name__
            return {"error": {"message": str(error), "code": code}}
        return _answer(response)

    def gravest(self, number: int | None) -> Exception | None:
        """The error that a failed call stands for, which let that of request `number` through.

        An error that is not the network's says more than what the action made of it, such as that
        of a middleware, or an address that is refused.
        """
        for error in self.failed.values():
            if not isinstance(error, ConnectionError | TimeoutError):
                return error
        return None if number is None else self.failed.get(number)


def _headers(pairs: list[list[str]]) -> dict[str, str]:
    headers: dict[str, str] = {}
    for name, value in pairs:
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    return headers


def _body(body: Mapping[str, str] | None) -> bytes | None:
    if body is None:
        return None
    return body["t"].encode() if "t" in body else base64.b64decode(body["b"])


def _answer(response: Response) -> dict[str, Any]:
    try:
        body = {"t": response.body.decode()}
    except UnicodeDecodeError:
        body = {"b": base64.b64encode(response.body).decode()}
    return {
        "status": response.status,
        "reason": response.reason or _phrase(response.status),
        "url": response.url,
        "headers": [
            [str(name), value]
            for name, value in response.headers.items()
            if name.lower() not in TRANSFER_HEADERS
        ],
        **body,
    }


def _phrase(status: int) -> str:
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return ""
