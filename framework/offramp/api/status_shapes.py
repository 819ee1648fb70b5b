"""Types of the answer about the state of the host, for the API's documentation."""

from __future__ import annotations

from typing import Literal, TypedDict

from offramp.api.shapes import LatencyShape, Time
from offramp.web.health import DegradedShape, PausedShape


class CircuitBreakerShape(TypedDict):
    """Whether the host holds an instance back, and why; closed means that it does not."""

    #: `closed`: requests are sent; `open`: none is sent; `half-open`: one event is tried.
    state: Literal["closed", "open", "half-open"]
    #: `failures`, `credentials`, `grant`, `retry_after` or `middleware`; `None` if it is closed.
    reason: str | None
    message: str | None
    #: What can be done about it.
    remedy: str | None
    #: When the next request may be sent, if it is open.
    until: Time | None


class SourceStatus(TypedDict):
    """Counts of one source."""

    name: str
    enabled: bool
    #: Until when events of a disabled source are stored, as filtered; it may be over.
    kept_until: Time | None
    accepted: int
    duplicate: int
    #: Events that the collector refused since the host started.
    refused: int


class InstanceStatus(TypedDict):
    """One instance; without a circuit breaker it does not run."""

    name: str
    destination: str
    enabled: bool
    #: Whether it is paused, by itself or its source.
    paused: bool
    #: Whether it sends to an emulator on this machine, and nothing to the partner.
    sandbox: bool
    circuit_breaker: CircuitBreakerShape | None
    #: The most requests at the same time; `None` if it does not run.
    concurrency: int | None


class SubscriptionStatus(TypedDict):
    """One subscription, also a deleted one that has deliveries; counts are since `since`."""

    id: str
    #: `None` if it was deleted.
    instance: str | None
    #: `False` if it was deleted.
    configured: bool
    enabled: bool
    #: Whether it is paused, by itself, its instance or its source.
    paused: bool
    running: bool
    waiting: int
    retrying: int
    leased: int
    accepted: int
    delivered: int
    filtered: int
    rejected: int
    expired: int
    replayed: int
    latency: LatencyShape | None


class DestinationStatus(TypedDict):
    """What became of one destination."""

    slug: str
    #: `listed`: it is built once somebody asks for it; `failed`: it is left out; `missing`: no
    #: plugin in use declares it.
    state: Literal["listed", "built", "failed", "missing"]
    #: The plugin whose destination is offered; `None` if none is.
    plugin: str | None
    #: The plugins that declare it too, as a fallback that is not offered.
    fallbacks: list[str]
    #: Why it is not offered; `None` if it is.
    reason: str | None
    #: The instances that are configured for it.
    instances: list[str]


class CatalogStatus(TypedDict):
    """The destinations of all plugins: how many are built, wait to be built, or are left out."""

    built: int
    listed: int
    failed: int
    #: Those that instances use, that are offered instead of a fallback, or that are left out.
    destinations: list[DestinationStatus]


class SumsShape(TypedDict):
    """Whether accepted = ends + in flight, for every subscription."""

    ok: bool
    faults: list[str]


class UnknownPathShape(TypedDict):
    """A path that no endpoint has, asked for since the host started; its events are lost."""

    method: str
    #: Without its query; parts that may be write keys are masked.
    path: str
    #: Method and path of the endpoint that the sender probably means.
    nearest: str
    requests: int
    last_at: Time


class StatusShape(TypedDict):
    """The state of the host."""

    version: str
    revision: int
    now: Time
    started_at: Time
    since: Time
    #: What does not run as configured; empty if all is well.
    degraded: list[DegradedShape]
    paused: list[PausedShape]
    sums: SumsShape
    catalog: CatalogStatus
    sources: list[SourceStatus]
    instances: list[InstanceStatus]
    subscriptions: list[SubscriptionStatus]
    #: The last 50 paths, latest first.
    unknown_paths: list[UnknownPathShape]
