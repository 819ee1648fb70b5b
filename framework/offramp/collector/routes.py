"""The collector: Segment's tracking API, from the request to events that are stored."""

from __future__ import annotations

from collections import Counter
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, TypeAlias

import attrs
import msgspec
from aiohttp import web

from offramp._json import Projection
from offramp.collector.batches import Envelope, open_batch
from offramp.collector.callers import Gate, mask
from offramp.collector.cors import preflight
from offramp.collector.endpoints import Serve, make_endpoint
from offramp.collector.intake import Intake
from offramp.collector.limits import Deadline, Limits, RateLimit
from offramp.collector.messages import EventMaker, Rejection, parse, refuse
from offramp.collector.metrics import CollectorMetrics
from offramp.delivery.incoming import Incoming
from offramp.errors import EventError, describe_type
from offramp.event import Arrival, Discard
from offramp.queue import Clock
from offramp.web.answers import RefusedError, data, partial, success
from offramp.web.bodies import read_body
from offramp.web.callers import caller_address
from offramp.web.completion import new_id as make_id

#: Endpoints for one event -> the event's type. The browser SDK uses the letters.
SINGLE_ENDPOINTS: Final = {
    "track": "track",
    "identify": "identify",
    "page": "page",
    "screen": "screen",
    "group": "group",
    "alias": "alias",
    "t": "track",
    "i": "identify",
    "p": "page",
    "s": "screen",
    "g": "group",
    "a": "alias",
}
#: Endpoints for batches. Browser and mobile SDKs use `b`, the Java and Ruby SDKs `import`.
BATCH_ENDPOINTS: Final = ("batch", "b", "import")
#: Where SDKs send metrics about themselves; they are accepted and dropped.
SDK_METRICS_ENDPOINT: Final = "m"
#: Browsers send the write key within the event.
_WRITE_KEY: Final = Projection(frozenset({("writeKey",)}))


Take: TypeAlias = Callable[[web.Request, bytes], Awaitable[web.StreamResponse]]


def collector_routes(  # noqa: PLR0913 - all but the first are options, by keyword
    intake: Intake,
    *,
    metrics: CollectorMetrics,
    limits: Limits | None = None,
    public_url: str | None = None,
    proxies: int = 0,
    clock: Clock | None = None,
    new_id: Callable[[], str] = make_id,
) -> list[web.RouteDef]:
    """Make the routes of the tracking API below `/v1/`, each also with a trailing slash.

    `public_url` is the URL by which browsers reach the collector, if it is behind a proxy;
    `proxies` is the number of proxies whose X-Forwarded-For is trusted. While the `clock` is in
    doubt, it corrects no time of a sender.
    """
    limits = limits or Limits()
    rate = limits.requests_per_second
    collector = _Collector(
        intake=intake,
        metrics=metrics,
        limits=limits,
        public_url=public_url,
        proxies=proxies,
        clock=clock or Clock(),
        new_id=new_id,
        maker=EventMaker(limits=limits),
        deadline=Deadline(limits.accept_seconds),
        gate=Gate(
            find=intake.source_of,
            find_closed=intake.closed_source_of,
            rate=None if rate is None else RateLimit(rate, limits.burst),
        ),
    )
    posts: dict[str, Serve] = {SDK_METRICS_ENDPOINT: collector.drop}
    posts |= {
        name: collector.single_endpoint(name, kind) for name, kind in SINGLE_ENDPOINTS.items()
    }
    posts |= {name: collector.batch_endpoint(name) for name in BATCH_ENDPOINTS}
    routes = []
    for name, serve in posts.items():
        routes += _both("POST", f"/v1/{name}", collector.endpoint(name, serve))
    settings = collector.endpoint("settings", collector.settings)
    routes += _both("GET", "/v1/projects/{write_key}/settings", settings)
    return routes


def _both(method: str, path: str, endpoint: Serve) -> list[web.RouteDef]:
    return [
        web.route(verb, place, handler)
        for place in (path, f"{path}/")
        for verb, handler in ((method, endpoint), ("OPTIONS", preflight))
    ]


@attrs.frozen(kw_only=True)
class _Collector:
    intake: Intake
    metrics: CollectorMetrics
    limits: Limits
    public_url: str | None
    proxies: int
    clock: Clock
    new_id: Callable[[], str]
    maker: EventMaker
    deadline: Deadline
    gate: Gate

    def endpoint(self, name: str, serve: Serve) -> Serve:
        metrics = self.metrics.endpoint(name)
        return make_endpoint(name, serve, metrics=metrics, on_refused=self.on_refused)

    def reading(self, name: str, take: Take, *, bound: int, code: Discard) -> Serve:
        """Make an endpoint that reads a body of at most `bound` bytes and hands it to `take`."""
        count = self.metrics.body_bytes(name)
        seconds = self.limits.read_seconds

        async def serve(request: web.Request) -> web.StreamResponse:
            body = await read_body(request, bound=bound, code=code, seconds=seconds)
            count.total += len(body)
            return await take(request, body)

        return serve

    def single_endpoint(self, name: str, kind: str) -> Serve:
        async def take(request: web.Request, text: bytes) -> web.StreamResponse:
            arrival = self.arrival(request, kind)
            incoming = self.take_quickly(request, text, arrival)
            await self.store(incoming or self.take_one(request, text, arrival))
            return success(request)

        bound = self.limits.max_event_bytes
        return self.reading(name, take, bound=bound, code=Discard.EVENT_TOO_LARGE)

    def take_quickly(self, request: web.Request, text: bytes, arrival: Arrival) -> Incoming | None:
        """Take an event without writing it anew; `None` if that is not possible."""
        source = self.gate.known(request) or self.gate.of_key(_write_key_in(text))
        if source is None:
            return None
        incoming = self.intake.open(source)
        made = self.maker.quick(text, arrival, incoming.reader)
        if made is None:
            return None
        self.gate.admit(source)
        incoming.add(*made)
        return incoming

    def take_one(self, request: web.Request, text: bytes, arrival: Arrival) -> Incoming:
        """Take an event, or say what is wrong with it."""
        source: str | None = None
        try:
            message = parse(text)
            if not isinstance(message, dict):
                detail = f"the body is {describe_type(message)}; send one event, an object"
                raise RefusedError(HTTPStatus.BAD_REQUEST, Discard.BAD_REQUEST, detail)
            source = self.gate.enter(request, message.get("writeKey"))
            incoming = self.intake.open(source)
            incoming.add_whole(*self.maker.one(message, text, arrival))
        except EventError as error:
            raise refuse(error, source) from None
        return incoming

    def batch_endpoint(self, name: str) -> Serve:
        bound = self.limits.max_batch_bytes
        return self.reading(name, self.take_batch, bound=bound, code=Discard.BATCH_TOO_LARGE)

    async def take_batch(self, request: web.Request, body: bytes) -> web.StreamResponse:
        source: str | None = None
        try:
            batch = open_batch(body)
            source = self.gate.enter(request, _text_or_none(batch.write_key))
            arrival, added_bytes = self.arrival_of(request, batch)
        except EventError as error:
            raise refuse(error, source) from None
        incoming = self.intake.open(source)
        rejected = self.maker.many(batch.batch, arrival, incoming, added_bytes=added_bytes)
        if incoming:
            await self.store(incoming)
        elif not rejected:
            self.count_refused(source, Discard.EMPTY_BATCH, 1)
        if not rejected:
            return success(request)
        return self.report(source, len(incoming), rejected)

    def report(self, source: str, accepted: int, rejected: list[Rejection]) -> web.Response:
        reasons: Counter[str] = Counter()
        for rejection in rejected:
            reasons[rejection.reason] += rejection.count
        for reason, count in reasons.items():
            self.count_refused(source, reason, count)
        return partial(accepted, [rejection.as_data() for rejection in rejected])

    def arrival(self, request: web.Request, kind: str | None, **shared: Any) -> Arrival:
        address = caller_address(request, self.proxies)
        return Arrival(
            kind=kind,
            received_at=datetime.fromtimestamp(self.clock(), UTC),
            new_id=self.new_id,
            ip=address,
            clock_trusted=self.clock.doubt is None,
            **shared,
        )

    def arrival_of(self, request: web.Request, batch: Envelope) -> tuple[Arrival, int]:
        """What a batch's events have in common, and the bytes that it adds to each of them."""
        parts = bytes(batch.sent_at), bytes(batch.context), bytes(batch.integrations)
        arrival = self.arrival(
            request,
            None,
            sent_at=_text_or_none(batch.sent_at),
            batch_context=self.maker.shared(parts[1], "$.context"),
            batch_integrations=self.maker.shared(parts[2], "$.integrations"),
        )
        return arrival, sum(len(part) for part in parts if part != b"null")

    async def store(self, incoming: Incoming) -> None:
        with self.deadline:
            fresh = await incoming.store()
        accepted = sum(fresh)
        self.metrics.accepted.total += accepted
        self.metrics.duplicates.total += len(fresh) - accepted

    def on_refused(self, request: web.Request, refused: RefusedError) -> None:
        if request.method == "POST":
            source = refused.source or self.gate.known(request)
            self.count_refused(source, refused.code, 1)

    def count_refused(self, source: str | None, reason: str, count: int) -> None:
        self.intake.refuse(source, reason, count)
        self.metrics.refused(reason, count)

    async def drop(self, request: web.Request) -> web.StreamResponse:
        return success(request)

    async def settings(self, request: web.Request) -> web.Response:
        """Answer a browser SDK with its settings, which it requests first: where to send events."""
        key = request.match_info["write_key"]
        if self.gate.of_key(key) is None:
            message = f"no source has the write key {mask(key)}"
            raise RefusedError(HTTPStatus.NOT_FOUND, Discard.UNKNOWN_SOURCE, message)
        scheme, host = request.scheme, request.host
        if self.public_url is not None:
            scheme, _, host = self.public_url.rstrip("/").partition("://")
        integration = {"apiKey": key, "apiHost": f"{host}/v1", "protocol": scheme}
        return data({"integrations": {"Segment.io": integration}})


def _write_key_in(text: bytes) -> Any:
    """Find the write key in the text of an event; `None` also if the text cannot be read."""
    try:
        message = _WRITE_KEY.read(text)
    except (ValueError, ArithmeticError):
        return None
    return message.get("writeKey") if isinstance(message, dict) else None


def _text_or_none(value: msgspec.Raw) -> str | None:
    """Read a text beside the events of a batch; `None` if it is not a string, without an error."""
    try:
        text = parse(bytes(value))
    except EventError:
        return None
    return text if isinstance(text, str) else None
