"""What does not run although the host accepts events: as the API, `/readyz` and metrics show it."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from typing import Literal, TypeAlias, TypedDict

import attrs


@attrs.frozen(kw_only=True)
class Degraded:
    """One part of the host that does not run as configured."""

    #: The kind of problem, which is also the label of its metric.
    kind: str
    #: JSON pointer of the part, such as `#/instances/billing`.
    pointer: str
    #: Cause and remedy, for callers with a token: it may quote the configuration.
    detail: str
    #: The same for callers without a token: it quotes nothing of the configuration.
    public_detail: str


class DegradedShape(TypedDict):
    """One part of the host that does not run as configured, and why."""

    #: The kind of problem, such as `instance`; the metric `offramp_degraded` counts by it.
    kind: str
    #: JSON pointer of the part, such as `#/instances/billing`.
    pointer: str
    #: Cause and remedy.
    detail: str


class PausedShape(TypedDict):
    """A source, an instance or a subscription that a person paused."""

    kind: Literal["source", "instance", "subscription"]
    id: str
    #: ISO 8601, UTC.
    since: str
    #: Deliveries that wait for it: not tried yet, or to be tried again.
    waiting: int


#: Lists all that is paused.
FindPaused: TypeAlias = Callable[[], Awaitable[Sequence[PausedShape]]]


async def nothing_paused() -> Sequence[PausedShape]:
    """Find nothing: for a host without a configuration."""
    return ()


#: Lists all that does not run.
FindDegraded: TypeAlias = Callable[[], Awaitable[Sequence[Degraded]]]


async def nothing_degraded() -> Sequence[Degraded]:
    """Find nothing: for a host whose health nobody watches."""
    return ()


def degraded_shape(found: Degraded, *, public: bool) -> DegradedShape:
    """The JSON of one entry, for callers with or without a token."""
    detail = found.public_detail if public else found.detail
    return {"kind": found.kind, "pointer": found.pointer, "detail": detail}
