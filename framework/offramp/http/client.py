"""The request client that an action gets: options, middleware, checks and a record."""

from __future__ import annotations

import asyncio
import base64
import sys
import time
from collections.abc import Callable, Coroutine, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any, Final, Generic, TypeVar, Unpack
from urllib.parse import urlencode

import attrs

from offramp.definition import (
    AudienceDetails,
    AuthTokens,
    Cache,
    Form,
    Handler,
    Middleware,
    OutgoingRequest,
    RequestOptions,
    Response,
    SendOptions,
    audience_membership,
    dumps,
    parse_retry_after,
)
from offramp.errors import HTTPError
from offramp.http.address import check_address, credentials_apart
from offramp.http.cache import MemoryCache
from offramp.http.exchange import MAX_EARLIER, Exchange, kept, record
from offramp.http.made import MadeRequest, MadeRequests
from offramp.http.masking import Mask, readable

S = TypeVar("S")

#: Source: the time-out of Segment's request client.
DEFAULT_TIMEOUT: Final = timedelta(seconds=10)
USER_AGENT: Final = "Offramp"
#: Most characters of a partner's answer that an error message quotes.
QUOTED_CHARACTERS: Final = 500
FORM_TYPE: Final = "application/x-www-form-urlencoded"
REDIRECTS: Final = range(300, 400)


def compose(middleware: Sequence[Middleware], handler: Handler) -> Handler:
    """One handler made of a handler and its middleware; the first middleware is outermost."""
    for layer in reversed(middleware):
        handler = _layer(layer, handler)
    return handler


def _layer(layer: Middleware, handler: Handler) -> Handler:
    async def send(outgoing: OutgoingRequest) -> Response:
        return await layer(outgoing, handler)

    return send


def _utc_now() -> datetime:
    return datetime.now(UTC)


@attrs.define(kw_only=True)
class Client(Generic[S]):
    """Sends the requests of one action call (see `offramp.Request`) and records them.

    `handler` is the composed middleware over a transport.
    """

    handler: Handler
    #: Name of the instance, and id of the subscription.
    instance: str = ""
    subscription: str | None = None
    settings: S
    mask: Mask = str
    #: Makes what is handed to the handler; it knows what is the same for all requests of a call.
    make_outgoing: Callable[..., OutgoingRequest] = attrs.field(default=OutgoingRequest, repr=False)
    #: The destination's `extend_request`; `None` if nothing is added to the requests.
    extend: Callable[[OutgoingRequest], RequestOptions] | None = attrs.field(
        default=None, repr=False
    )
    auth: AuthTokens | None = None
    #: What the action is called with.
    payloads: Sequence[Any] = attrs.field(default=(), repr=False)
    mapping: Mapping[str, Any] = attrs.field(factory=dict, repr=False)
    sync_mode: str | None = None
    hook_outputs: Mapping[str, Mapping[str, Any]] = attrs.field(factory=dict, repr=False)
    explaining: bool = False
    cache: Cache = attrs.field(factory=MemoryCache, repr=False)
    #: Reads the events behind the payloads, once a plugin asks for them.
    read_events: Callable[[], Sequence[Mapping[str, Any]]] = attrs.field(default=tuple, repr=False)
    #: Reads the audience that an event names; `None` where the destination has no audiences.
    read_audience: Callable[[Mapping[str, Any]], AudienceDetails | None] | None = attrs.field(
        default=None, repr=False
    )
    now: Callable[[], datetime] = attrs.field(default=_utc_now, repr=False)
    exchanges: list[Exchange] = attrs.field(factory=list, init=False)
    _dropped: int = attrs.field(default=0, init=False, repr=False)
    made: MadeRequests = attrs.field(factory=MadeRequests, init=False, repr=False)
    _events: Sequence[Mapping[str, Any]] | None = attrs.field(default=None, init=False, repr=False)

    @property
    def events(self) -> Sequence[Mapping[str, Any]]:
        """The events behind the payloads, in the same order."""
        if self._events is None:
            self._events = self.read_events()
        return self._events

    @property
    def audience(self) -> AudienceDetails | None:
        """The audience that the events name; see `offramp.Request.audience`."""
        if self.read_audience is None or not self.events:
            return None
        return self.read_audience(self.events[0])

    @property
    def audience_memberships(self) -> Sequence[bool | None]:
        """Whether the user of each payload joins or leaves the audience."""
        return [audience_membership(event, self.sync_mode) for event in self.events]

    def show(
        self, payloads: Sequence[Any], read_events: Callable[[], Sequence[Mapping[str, Any]]]
    ) -> None:
        """Show other payloads and events from now on, for a call with some of them."""
        self.payloads, self.read_events, self._events = payloads, read_events, None

    # These are not coroutine functions, so that each notes the request, and the line that made
    # it, even if nobody awaits it.
    def send(
        self, method: str, url: str, **options: Unpack[SendOptions]
    ) -> Coroutine[Any, Any, Response]:
        """Send a request and read the whole answer; see `offramp.Request.send`."""
        return self._make(method, url, options)

    def get(self, url: str, **options: Unpack[SendOptions]) -> Coroutine[Any, Any, Response]:
        """`send("GET", url, ...)`."""
        return self._make("GET", url, options)

    def post(self, url: str, **options: Unpack[SendOptions]) -> Coroutine[Any, Any, Response]:
        """`send("POST", url, ...)`."""
        return self._make("POST", url, options)

    def put(self, url: str, **options: Unpack[SendOptions]) -> Coroutine[Any, Any, Response]:
        """`send("PUT", url, ...)`."""
        return self._make("PUT", url, options)

    def patch(self, url: str, **options: Unpack[SendOptions]) -> Coroutine[Any, Any, Response]:
        """`send("PATCH", url, ...)`."""
        return self._make("PATCH", url, options)

    def delete(self, url: str, **options: Unpack[SendOptions]) -> Coroutine[Any, Any, Response]:
        """`send("DELETE", url, ...)`."""
        return self._make("DELETE", url, options)

    def _make(self, method: str, url: str, options: SendOptions) -> Coroutine[Any, Any, Response]:
        _refuse_wrong(options)
        caller = sys._getframe(2)  # noqa: SLF001 - the caller of `send`, `get` and so on
        made = MadeRequest(method=method, url=url, code=caller.f_code, line=caller.f_lineno)
        made.coroutine = self._send(made, **options)
        self.made.add(made)
        return made.coroutine

    async def _send(self, made: MadeRequest, **options: Unpack[SendOptions]) -> Response:
        begun = self.made.begin(made)
        try:
            response = await self._exchange(self._outgoing(made, options))
            if options.get("check", True):
                self._expect_success(response)
        except (Exception, asyncio.CancelledError) as error:
            self.made.fail(made, error)
            raise
        self.made.succeed(begun)
        return response

    def _outgoing(self, made: MadeRequest, given: SendOptions) -> OutgoingRequest:
        """The request as it is handed to the handler, with what the destination adds to it."""
        address, authorization = credentials_apart(made.url)
        kind, body = _body(given)
        headers = {**kind, **(given.get("headers") or {})}

        def outgoing(options: RequestOptions) -> OutgoingRequest:
            url = _with_params(address, {**options.params, **(given.get("params") or {})})
            check_address(url)
            defaults = {"User-Agent": USER_AGENT}
            if authorization is not None:
                defaults["Authorization"] = authorization
            return self.make_outgoing(
                method=made.method,
                url=url,
                headers=_laid_over(defaults, _basic(options), options.headers, headers),
                body=body,
                timeout=given.get("timeout") or options.timeout or DEFAULT_TIMEOUT,
                payloads=self.payloads,
                auth=self.auth,
            )

        asked = outgoing(RequestOptions())
        return asked if self.extend is None else outgoing(self.extend(asked))

    async def _exchange(self, outgoing: OutgoingRequest) -> Response:
        started = time.perf_counter()
        response = error = None
        try:
            response = await self.handler(outgoing)
        except BaseException as raised:
            error = raised
            raise
        finally:
            seconds = time.perf_counter() - started
            self._keep(
                record(outgoing, mask=self.mask, response=response, error=error, seconds=seconds)
            )
        return response

    def _keep(self, exchange: Exchange) -> None:
        self.exchanges.append(exchange)
        if len(self.exchanges) > MAX_EARLIER + 1:
            del self.exchanges[0]
            self._dropped += 1

    def kept(self) -> Exchange | None:
        """The record of the call's requests: the last, with earlier ones within limits."""
        return kept(self.exchanges, dropped=self._dropped)

    def _expect_success(self, response: Response) -> None:
        if response.ok:
            return
        raise HTTPError(
            response.status,
            url=self.mask(response.url),
            body=self.mask(response.text)[:QUOTED_CHARACTERS],
            headers=response.headers,
            location=self._location(response),
            retry_after=parse_retry_after(_header(response.headers, "retry-after"), now=self.now()),
        )

    def _location(self, response: Response) -> str | None:
        """A redirect's target, masked and cut; the operator may want to set that address."""
        if response.status not in REDIRECTS:
            return None
        location = _header(response.headers, "location")
        return None if location is None else readable(self.mask(location))[:QUOTED_CHARACTERS]


def _basic(options: RequestOptions) -> dict[str, str]:
    if options.username is None:
        return {}
    pair = f"{options.username}:{options.password or ''}"
    return {"Authorization": "Basic " + base64.b64encode(pair.encode()).decode()}


def _laid_over(*layers: Mapping[str, str]) -> dict[str, str]:
    # Header names are case-insensitive: `content-type` replaces `Content-Type`.
    merged = {name.lower(): (name, value) for layer in layers for name, value in layer.items()}
    return dict(merged.values())


def _header(headers: Mapping[str, str], name: str) -> str | None:
    return next((value for key, value in headers.items() if key.lower() == name), None)


def _with_params(url: str, params: Form) -> str:
    query = encode_form(params)
    return f"{url}{'&' if '?' in url else '?'}{query}" if query else url


def _refuse_wrong(options: SendOptions) -> None:
    """Raise `TypeError` for an option that does not exist, and for two bodies."""
    known = SendOptions.__annotations__
    unknown = [name for name in options if name not in known]
    if unknown:
        raise TypeError(f"a request has no option {unknown[0]!r}; there are {', '.join(known)}")
    bodies: list[str] = [name for name in ("json", "form") if name in options]
    if options.get("data") is not None:
        bodies.append("data")
    if len(bodies) > 1:
        raise TypeError(f"a request has one body: give {' or '.join(bodies)}")


def _body(options: SendOptions) -> tuple[dict[str, str], bytes | None]:
    """The header that says what a body is, and its bytes."""
    if "json" in options:
        return {"Content-Type": "application/json"}, dumps(options["json"])
    if "form" in options:
        return {"Content-Type": FORM_TYPE}, encode_form(options["form"]).encode()
    data = options.get("data")
    return {}, data.encode() if isinstance(data, str) else data


def encode_form(form: Form) -> str:
    """Write names and values as `application/x-www-form-urlencoded`, in their order.

    Numbers and booleans are written as in JSON, half a surrogate pair as U+FFFD; None is left out.
    Raises `TypeError` for an object and for any other value.
    """
    return urlencode(
        [
            (name, text)
            for name, value in form.items()
            for each in (value if isinstance(value, list | tuple) else [value])
            if (text := _form_text(name, each)) is not None
        ]
    )


def _form_text(name: str, value: object) -> str | None:
    if value is None or isinstance(value, str):
        return None if value is None else readable(value)
    if isinstance(value, bool | int | float | Decimal):
        return dumps(value).decode()
    kind = type(value).__name__
    raise TypeError(f"{name!r} of a form or a query is a {kind}: write it as a text or a number")
