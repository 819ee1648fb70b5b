"""Which subscriptions want an event: decided from the configuration held in memory.

A source's lanes are indexed by the texts that their triggers make necessary, such as the event's
name, so that an event asks only those that may match, however many others there are.
"""

from __future__ import annotations

import hmac
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Final, TypeAlias

import attrs

from offramp.fql import Needs, compile_path
from offramp.fql.tree import Keys

#: The trigger is false for this event. Named as in Segment's delivery overview.
NO_MATCH: Final = "NO_MATCHING_MAPPING"
#: The subscription's trigger cannot be compiled any more. Named as at Segment.
BROKEN: Final = "INVALID_SETTINGS"
#: The event's `integrations` object switches the destination off. Named as at Segment.
SWITCHED_OFF: Final = "FILTERED_BY_INTEGRATIONS_OBJECT"
#: Answers of a source that are kept: one for each set of lanes that events went to.
KEPT_ANSWERS: Final = 1_000
#: To ask so many triggers costs no more than to find out which of them may match.
FEW: Final = 4


#: Whether a trigger selects an event.
Matches: TypeAlias = Callable[[dict[str, Any]], bool]


@attrs.frozen(kw_only=True, eq=False)
class Lane:
    """One enabled subscription as the router sees it."""

    id: str
    #: `None` where the trigger cannot be compiled, so that nothing is known to match.
    matches: Matches | None
    #: The names by which an event's `integrations` object may speak of the destination.
    names: tuple[str, ...]
    #: By path, the only texts with which the trigger can hold.
    needs: Needs = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Routed:
    """Where one event goes, and why it does not go elsewhere (reason -> lanes).

    Events that go the same ways share one of these, so nobody may change it.
    """

    lanes: tuple[str, ...]
    filtered: Mapping[str, Sequence[str]]


@attrs.frozen(eq=False)
class _Candidate:
    """A lane whose trigger can be asked, by its position among the lanes of its source."""

    position: int
    matches: Matches
    needs: Needs


class _Index:
    """Candidates, told apart by the text that an event has at one path, and so on below.

    Where nothing tells them apart, or they are few, each is asked.
    """

    def __init__(self, candidates: Sequence[_Candidate]) -> None:
        path = _best_path(candidates)
        self._asked: list[tuple[int, Matches]] = []
        self._read: Callable[[dict[str, Any]], Any] | None = None
        self._by_text: dict[str, _Index] = {}
        self._others: _Index | None = None
        if path is None:
            self._asked = [(each.position, each.matches) for each in candidates]
            return
        self._read = compile_path(path)
        by_text: defaultdict[str, list[_Candidate]] = defaultdict(list)
        others = []
        for each in candidates:
            rest = {key: texts for key, texts in each.needs.items() if key != path}
            for text in each.needs.get(path, ()):
                by_text[text].append(attrs.evolve(each, needs=rest))
            if path not in each.needs:
                others.append(each)
        self._by_text = {text: _Index(of) for text, of in by_text.items()}
        self._others = _Index(others) if others else None

    def ask(self, event: dict[str, Any], wanted: list[int]) -> None:
        """Add the positions of those whose trigger matches."""
        for position, matches in self._asked:
            if matches(event):
                wanted.append(position)
        if self._read is None:
            return
        text = self._read(event)
        chosen = self._by_text.get(text) if type(text) is str else None
        if chosen is not None:
            chosen.ask(event, wanted)
        if self._others is not None:
            self._others.ask(event, wanted)


def _best_path(candidates: Sequence[_Candidate]) -> Keys | None:
    """The path whose texts leave the fewest to be asked; `None` where to ask all is as good."""
    if len(candidates) <= FEW:
        return None
    counts: defaultdict[Keys, Counter[str]] = defaultdict(Counter)
    having: Counter[Keys] = Counter()
    for each in candidates:
        for path, texts in each.needs.items():
            counts[path].update(texts)
            having[path] += 1
    left = {
        path: len(candidates) - having[path] + max(texts.values(), default=0)
        for path, texts in counts.items()
    }
    best = min(left, key=lambda path: left[path], default=None)
    return best if best is not None and left[best] < len(candidates) else None


class _Lanes:
    """The lanes of one source."""

    def __init__(self, lanes: Sequence[Lane]) -> None:
        self.all = lanes
        self._answers: dict[tuple[int, ...], Routed] = {}
        self._index = _Index(
            [
                _Candidate(position, lane.matches, lane.needs)
                for position, lane in enumerate(lanes)
                if lane.matches is not None
            ]
        )

    def route(self, event: dict[str, Any]) -> Routed:
        """Ask the candidates; the answer of events that went the same ways before is used again."""
        wanted: list[int] = []
        self._index.ask(event, wanted)
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
