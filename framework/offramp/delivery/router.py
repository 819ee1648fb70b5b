"""Which subscriptions want an event: decided from the configuration held in memory."""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final

import attrs

#: The trigger is false for this event. Named as in Segment's delivery overview.
NO_MATCH: Final = "NO_MATCHING_MAPPING"
#: The subscription's trigger cannot be compiled any more. Named as at Segment.
BROKEN: Final = "INVALID_SETTINGS"
#: The event's `integrations` object switches the destination off. Named as at Segment.
SWITCHED_OFF: Final = "FILTERED_BY_INTEGRATIONS_OBJECT"


@attrs.frozen(kw_only=True, eq=False)
class Lane:
    """One enabled subscription as the router sees it."""

    id: str
    #: `None` where the trigger cannot be compiled, so that nothing is known to match.
    matches: Callable[[dict[str, Any]], bool] | None
    #: The names by which an event's `integrations` object may speak of the destination.
    names: tuple[str, ...]


@attrs.frozen(kw_only=True)
class Routed:
    """Where one event goes, and why it does not go elsewhere (reason -> lanes)."""

    lanes: tuple[str, ...]
    filtered: Mapping[str, Sequence[str]]


@attrs.frozen(kw_only=True, eq=False)
class Router:
    """The enabled subscriptions of every source; replaced whole when the configuration changes."""

    lanes: Mapping[str, Sequence[Lane]]
    #: Write key -> source.
    keys: Mapping[str, str]

    def source_of(self, write_key: str) -> str | None:
        """The source that a write key belongs to; the time taken tells nothing of the keys."""
        found = None
        given = write_key.encode()
        for key, source in self.keys.items():
            if hmac.compare_digest(key.encode(), given):
                found = source
        return found

    def route(self, source: str, event: dict[str, Any]) -> Routed:
        """Ask every subscription of the source whether it wants the event."""
        wanted = []
        filtered: dict[str, list[str]] = {}
        integrations = event.get("integrations")
        for lane in self.lanes.get(source, ()):
            if integrations and not _allowed(integrations, lane.names):
                filtered.setdefault(SWITCHED_OFF, []).append(lane.id)
            elif lane.matches is None:
                filtered.setdefault(BROKEN, []).append(lane.id)
            elif lane.matches(event):
                wanted.append(lane.id)
            else:
                filtered.setdefault(NO_MATCH, []).append(lane.id)
        return Routed(lanes=tuple(wanted), filtered=filtered)


def make_router(lanes: Iterable[tuple[str, Lane]], keys: Mapping[str, str]) -> Router:
    """A router over `(source, lane)` pairs, and write key -> source."""
    by_source: dict[str, list[Lane]] = defaultdict(list)
    for source, lane in lanes:
        by_source[source].append(lane)
    return Router(lanes=dict(by_source), keys=dict(keys))


def _allowed(integrations: Any, names: tuple[str, ...]) -> bool:
    if not isinstance(integrations, Mapping):
        return True
    for name in names:
        if name in integrations:
            return bool(integrations[name])
    return integrations.get("All") is not False
