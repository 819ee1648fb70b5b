"""The requests that were sent to the partner, and its answers, unmasked for tests."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import attrs
import pytest

from offramp import _json
from offramp.definition import UNSET, Handler, OutgoingRequest, Response


@attrs.frozen(kw_only=True)
class RecordedRequest:
    """One request as it was sent, after all middleware; secrets are not masked."""

    method: str
    url: str
    headers: Mapping[str, str] = attrs.field(repr=False)
    body: bytes = attrs.field(default=b"", repr=False)

    @property
    def json(self) -> Any:
        """The body parsed; raises `ValueError` if it is not JSON.

        A fraction is a `float`, so that tests can compare with `1.5`, or a `Decimal` if a float
        would lose digits.
        """
        return _comparable(_json.loads(self.body))

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")

    @property
    def params(self) -> dict[str, str]:
        """The query parameters of the URL."""
        return dict(parse_qsl(urlsplit(self.url).query, keep_blank_values=True))

    def header(self, name: str) -> str | None:
        """A header's value, by its name in any case."""
        wanted = name.lower()
        return next((v for key, v in self.headers.items() if key.lower() == wanted), None)


@attrs.frozen(kw_only=True)
class RecordedExchange:
    """A request, and the partner's answer or the error that replaced it."""

    request: RecordedRequest
    response: Response | None = None
    error: BaseException | None = None

    @property
    def method(self) -> str:
        """The request's method."""
        return self.request.method

    @property
    def url(self) -> str:
        """The request's URL."""
        return self.request.url

    @property
    def headers(self) -> Mapping[str, str]:
        """The request's headers."""
        return self.request.headers

    @property
    def json(self) -> Any:
        """The request's body parsed; raises `ValueError` if it is not JSON."""
        return self.request.json

    @property
    def status(self) -> int | None:
        """The answer's status; None if there was no answer."""
        return None if self.response is None else self.response.status


@attrs.frozen(kw_only=True)
class Answer:
    """The answer of a scripted partner: a status and a body, or an exception instead."""

    status: int = 200
    #: Sent as JSON.
    payload: Any = UNSET
    #: Sent as it is, if there is no `payload`.
    body: bytes | str = b""
    headers: Mapping[str, str] = attrs.field(factory=dict)
    #: What is written beside the status; None for the usual words, `OK` or `Not Found`.
    reason: str | None = None
    #: Raised instead of an answer: `TimeoutError()`, `aiohttp.ClientConnectionError()`.
    exception: BaseException | None = None

    @property
    def content(self) -> bytes:
        """The body in bytes."""
        if self.payload is not UNSET:
            return _json.dumps(self.payload)
        return self.body.encode() if isinstance(self.body, str) else self.body


def _comparable(value: Any) -> Any:
    match value:
        case Decimal():
            near = float(value)
            return near if Decimal(repr(near)) == value else value
        case list():
            return [_comparable(item) for item in value]
        case dict():
            return {key: _comparable(item) for key, item in value.items()}
        case _:
            return value


def recording(transport: Handler, exchanges: list[RecordedExchange]) -> Handler:
    """A transport that adds every exchange to a list."""

    async def send(outgoing: OutgoingRequest) -> Response:
        request = RecordedRequest(
            method=outgoing.method,
            url=outgoing.url,
            headers=dict(outgoing.headers),
            body=outgoing.body or b"",
        )
        try:
            response = await transport(outgoing)
        except BaseException as error:
            exchanges.append(RecordedExchange(request=request, error=error))
            raise
        exchanges.append(RecordedExchange(request=request, response=response))
        return response

    return send


def raise_test_faults(exchanges: Iterable[RecordedExchange]) -> None:
    """Fail the test if the partner has failed it, whatever the plugin made of the exception."""
    __tracebackhide__ = True
    for exchange in exchanges:
        if isinstance(exchange.error, pytest.fail.Exception):
            raise exchange.error
