"""Finds the subscriptions whose triggers match an event, from the configuration in memory.

The subscriptions of a source are indexed by texts that their triggers require, such as the name
of the event, so that only the triggers that may match are evaluated.
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
#: The subscription's trigger no longer compiles. Named as at Segment.
BROKEN: Final = "INVALID_SETTINGS"
#: The event's `integrations` object switches the destination off. Named as at Segment.
SWITCHED_OFF: Final = "FILTERED_BY_INTEGRATIONS_OBJECT"
#: Cached results of a source: one for each set of lanes that events went to.
KEPT_ANSWERS: Final = 1_000
#: Evaluating this number of triggers costs no more than finding those that may match.
FEW: Final = 4
#: A path is worth an index that leaves at most this share of the candidates; so indexes are few
#: levels deep, however many triggers there are.
MOST_LEFT: Final = 0.9


#: Whether a trigger selects an event.
Matches: TypeAlias = Callable[[dict[str, Any]], bool]


@attrs.frozen(kw_only=True, eq=False)
class Lane:
    """One enabled subscription as the router sees it."""

    id: str
    #: `None` if the trigger cannot be compiled.
    matches: Matches | None
    #: The names of the destination in an event's `integrations` object.
    names: tuple[str, ...]
    #: Path -> the only texts with which the trigger can match.
    needs: Needs = attrs.field(factory=dict)


@attrs.frozen(kw_only=True)
class Routed:
    """The lanes that one event goes to, and the others by reason (reason -> lanes).

    Events that go to the same lanes share one object, so it must not be changed.
    """

    lanes: tuple[str, ...]
    filtered: Mapping[str, Sequence[str]]


@attrs.frozen(eq=False)
class _Candidate:
    """A lane whose trigger compiles, by its position among the lanes of its source."""

    position: int
    matches: Matches
    needs: Needs


class _Index:
    """An index of candidates by the text at one path of the event; its entries are indexes again.

    If no path separates the candidates, or if they are few, each trigger is evaluated.
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
            # A list of texts separates it once: at a second path its entries would multiply.
            rest = {k: texts for k, texts in each.needs.items() if k != path and len(texts) <= 1}
            below = attrs.evolve(each, needs=rest)
            for text in each.needs.get(path, ()):
                by_text[text].append(below)
            if path not in each.needs:
                others.append(each)
        self._by_text = {text: _Index(of) for text, of in by_text.items()}
        self._others = _Index(others) if others else None

    def ask(self, event: dict[str, Any], wanted: list[int]) -> None:
        """Add the positions of the candidates whose trigger matches to `wanted`."""
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
    """Find the path whose texts leave the fewest candidates; `None` if no path helps."""
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
    return best if best is not None and left[best] <= MOST_LEFT * len(candidates) else None


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
        """Evaluate the candidates; the result for the same set of lanes is reused."""
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

    #: Source -> its lanes.
    lanes: Mapping[str, _Lanes]
    #: Hash of a write key -> the keys with that hash, and their sources.
    keys: Mapping[int, Sequence[tuple[bytes, str]]]

    def source_of(self, write_key: str) -> str | None:
        """Find the source of a write key; the time it takes does not reveal the keys.

        A key is compared only if its whole hash is that of a known key, and then in constant time.
        """
        found = None
        given = write_key.encode()
        for key, source in self.keys.get(hash(write_key), ()):
            if hmac.compare_digest(key, given):
                found = source
        return found

    def route(self, source: str, event: dict[str, Any]) -> Routed:
        """Find the subscriptions of the source whose triggers match the event."""
        lanes = self.lanes.get(source)
        if lanes is None:
            return Routed(lanes=(), filtered={})
        integrations = event.get("integrations")
        if integrations and isinstance(integrations, Mapping):
            return _route_allowed(lanes.all, integrations, event)
        return lanes.route(event)


def make_router(lanes: Iterable[tuple[str, Lane]], keys: Mapping[str, str]) -> Router:
    """Make a router of `(source, lane)` pairs and of write key -> source."""
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
    """Evaluate each lane that the event's `integrations` object does not switch off."""
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
