"""Which subscriptions want an event: decided from the configuration held in memory.

A source's lanes are indexed by what their triggers make necessary of `event` and `type`, so that
an event asks only those that may match, however many others there are.
"""

from __future__ import annotations

import hmac
from collections import defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

#: The trigger is false for this event. Named as in Segment's delivery overview.
NO_MATCH: Final = "NO_MATCHING_MAPPING"
#: The subscription's trigger cannot be compiled any more. Named as at Segment.
BROKEN: Final = "INVALID_SETTINGS"
#: The event's `integrations` object switches the destination off. Named as at Segment.
SWITCHED_OFF: Final = "FILTERED_BY_INTEGRATIONS_OBJECT"
#: Answers of a source that are kept: one for each set of lanes that events went to.
KEPT_ANSWERS: Final = 1_000


@attrs.frozen(kw_only=True, eq=False)
class Lane:
    """One enabled subscription as the router sees it."""

    id: str
    #: `None` where the trigger cannot be compiled, so that nothing is known to match.
    matches: Callable[[dict[str, Any]], bool] | None
    #: The names by which an event's `integrations` object may speak of the destination.
    names: tuple[str, ...]
    #: The only event names and types for which the trigger can hold; `None` for any.
    events: frozenset[str] | None = None
    types: frozenset[str] | None = None


@attrs.frozen(kw_only=True)
class Routed:
    """Where one event goes, and why it does not go elsewhere (reason -> lanes).

    Events that go the same ways share one of these, so nobody may change it.
    """

    lanes: tuple[str, ...]
    filtered: Mapping[str, Sequence[str]]


_Candidate: TypeAlias = "tuple[int, Callable[[dict[str, Any]], bool]]"


class _Lanes:
    """The lanes of one source."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.all = lanes
        self._by_event: dict[str, list[_Candidate]] = defaultdict(list)
        self._by_type: dict[str, list[_Candidate]] = defaultdict(list)
        self._always: list[_Candidate] = []
        self._answers: dict[tuple[int, ...], Routed] = {}
        for position, lane in enumerate(lanes):
            if lane.matches is not None:
                self._add(lane, (position, lane.matches))

    def _add(self, lane: Lane, candidate: _Candidate) -> None:
        if lane.events is None and lane.types is None:
            self._always.append(candidate)
            return
        index, keys = self._by_event, lane.events
        if keys is None:
            index, keys = self._by_type, lane.types
        for key in keys or ():
            index[key].append(candidate)

    def route(self, event: dict[str, Any]) -> Routed:
        """Ask the candidates; the answer of events that went the same ways before is used again."""
        name, kind = event.get("event"), event.get("type")
        wanted = []
        for position, matches in self._always:
            if matches(event):
                wanted.append(position)
        for position, matches in self._by_event.get(name, ()) if type(name) is str else ():
            if matches(event):
                wanted.append(position)
        for position, matches in self._by_type.get(kind, ()) if type(kind) is str else ():
            if matches(event):
                wanted.append(position)
        key = tuple(wanted)
        answer = self._answers.get(key)
        if answer is None:
            if len(self._answers) >= KEPT_ANSWERS:
                self._answers.clear()
            answer = self._answers[key] = self._answer(frozenset(wanted))
        return answer

    def _answer(self, wanted: frozenset[int]) -> Routed:
        filtered: dict[str, list[str]] = {}
        for position, lane in enumerate(self.all):
            if position not in wanted:
                reason = BROKEN if lane.matches is None else NO_MATCH
                filtered.setdefault(reason, []).append(lane.id)
        lanes = tuple(self.all[position].id for position in sorted(wanted))
        return Routed(lanes=lanes, filtered=filtered)


@attrs.frozen(kw_only=True, eq=False)
class Router:
    """The enabled subscriptions of every source; replaced whole when the configuration changes."""

    #: By source.
    lanes: Mapping[str, _Lanes]
    #: The hash of a write key -> those keys, and their sources.
    keys: Mapping[int, Sequence[tuple[bytes, str]]]

    def source_of(self, write_key: str) -> str | None:
        """The source that a write key belongs to; the time taken tells nothing of the keys.

        A guess is compared only where its whole hash is that of a key, which by then is no guess
        any more, and in constant time even so.
        """
        found = None
        given = write_key.encode()
        for key, source in self.keys.get(hash(write_key), ()):
            if hmac.compare_digest(key, given):
                found = source
        return found

    def route(self, source: str, event: dict[str, Any]) -> Routed:
        """Ask every subscription of the source whether it wants the event."""
        lanes = self.lanes.get(source)
        if lanes is None:
            return Routed(lanes=(), filtered={})
        integrations = event.get("integrations")
        if integrations and isinstance(integrations, Mapping):
            return _route_allowed(lanes.all, integrations, event)
        return lanes.route(event)


def make_router(lanes: Iterable[tuple[str, Lane]], keys: Mapping[str, str]) -> Router:
    """A router over `(source, lane)` pairs, and write key -> source."""
    by_source: dict[str, list[Lane]] = defaultdict(list)
    for source, lane in lanes:
        by_source[source].append(lane)
    by_hash: dict[int, list[tuple[bytes, str]]] = defaultdict(list)
    for key, source in keys.items():
        by_hash[hash(key)].append((key.encode(), source))
    return Router(lanes={source: _Lanes(of) for source, of in by_source.items()}, keys=by_hash)


def _route_allowed(
    lanes: Sequence[Lane], integrations: Mapping[str, Any], event: dict[str, Any]
) -> Routed:
    """Ask each lane that the event's `integrations` object leaves on."""
    wanted = []
    filtered: dict[str, list[str]] = {}
    for lane in lanes:
        if not _allowed(integrations, lane.names):
            filtered.setdefault(SWITCHED_OFF, []).append(lane.id)
        elif lane.matches is None:
            filtered.setdefault(BROKEN, []).append(lane.id)
        elif lane.matches(event):
            wanted.append(lane.id)
        else:
            filtered.setdefault(NO_MATCH, []).append(lane.id)
    return Routed(lanes=tuple(wanted), filtered=filtered)


def _allowed(integrations: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    for name in names:
        if name in integrations:
            return bool(integrations[name])
    return integrations.get("All") is not False
