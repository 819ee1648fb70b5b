"""Finds the subscriptions whose triggers match an event, from the configuration in memory.

The subscriptions of a source are indexed by texts that their triggers require, such as the name
of the event, so that only the triggers that may match are evaluated.
"""

from __future__ import annotations

import hmac
from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import lru_cache
from typing import Any, Final, TypeAlias

import attrs

from offramp._json import Path, StructReader
from offramp.event import READ_OBJECTS, READS, ReadEvent
from offramp.fql import Needs, compile_struct_path
from offramp.fql.tree import Keys
from offramp.queue import Route

#: The trigger is false for this event. Named as in Segment's delivery overview.
NO_MATCH: Final = "NO_MATCHING_MAPPING"
#: The subscription's trigger no longer compiles. Named as at Segment.
BROKEN: Final = "INVALID_SETTINGS"
#: The event's `integrations` object switches the destination off. Named as at Segment.
SWITCHED_OFF: Final = "FILTERED_BY_INTEGRATIONS_OBJECT"
#: Cached routes of a source: one for each set of subscriptions that events went to.
KEPT_ROUTES: Final = 1_000
#: Cached readers: one for each set of paths that a source's triggers read.
KEPT_READERS: Final = 1_000
#: Evaluating this number of triggers costs no more than finding those that may match.
FEW: Final = 4
#: A path is worth an index that leaves at most this share of the candidates; so indexes are few
#: levels deep, however many triggers there are.
MOST_LEFT: Final = 0.9


#: Whether a trigger selects an event.
Matches: TypeAlias = Callable[[ReadEvent], bool]


@attrs.frozen(kw_only=True, eq=False)
class Binding:
    """One enabled subscription as the router sees it."""

    id: str
    #: `None` if the trigger cannot be compiled.
    matches: Matches | None
    #: The names of the destination in an event's `integrations` object.
    names: tuple[str, ...]
    #: Path -> the only texts with which the trigger can match.
    needs: Needs = attrs.field(factory=dict)
    #: What the trigger reads of an event.
    reads: frozenset[Path] = frozenset()


@attrs.frozen(eq=False)
class _Candidate:
    """A subscription whose trigger compiles; `bit` is that of its position in its source."""

    bit: int
    matches: Matches
    needs: Needs


class _Index:
    """An index of candidates by the text at one path of the event; its entries are indexes again.

    If no path separates the candidates, or if they are few, each trigger is evaluated.
    """

    def __init__(self, candidates: Sequence[_Candidate]) -> None:
        path = _best_path(candidates)
        self._asked: list[tuple[int, Matches]] = []
        self._read: Callable[[ReadEvent], Any] | None = None
        self._by_text: dict[str, _Index] = {}
        self._others: _Index | None = None
        if path is None:
            self._asked = [(each.bit, each.matches) for each in candidates]
            return
        self._read = compile_struct_path(path)
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

    def ask(self, event: ReadEvent) -> int:
        """Set the bits of the candidates whose trigger matches."""
        wanted = 0
        for bit, matches in self._asked:
            if matches(event):
                wanted |= bit
        if self._read is None:
            return wanted
        text = self._read(event)
        chosen = self._by_text.get(text) if type(text) is str else None
        if chosen is not None:
            wanted |= chosen.ask(event)
        if self._others is not None:
            wanted |= self._others.ask(event)
        return wanted


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


class SourceRoutes:
    """The subscriptions of one source, and how its events are routed to them."""

    def __init__(
        self, bindings: Sequence[Binding], disabled: Mapping[str, Sequence[str]] | None = None
    ) -> None:
        #: Reason -> the subscriptions that get no event for it.
        self._disabled = disabled or {}
        #: Reads what an event is checked, completed and routed by.
        self.reader = _reader(frozenset(READS).union(*(each.reads for each in bindings)))
        self._bindings = bindings
        #: The bits of those that an event goes to, and of those switched off -> its route.
        self._routes: dict[tuple[int, int], Route] = {}
        self._index = _Index(
            [
                _Candidate(1 << position, each.matches, each.needs)
                for position, each in enumerate(bindings)
                if each.matches is not None
            ]
        )

    def route(self, event: ReadEvent) -> Route:
        """Evaluate the triggers that may match an event that `reader` read."""
        integrations = event.integrations
        if integrations and isinstance(integrations, Mapping):
            return self._route_allowed(event, integrations)
        return self._route(self._index.ask(event), 0)

    def _route_allowed(self, event: ReadEvent, integrations: Mapping[str, Any]) -> Route:
        """Evaluate each trigger that the event's `integrations` object does not switch off."""
        wanted = off = 0
        for position, each in enumerate(self._bindings):
            if not _allowed(integrations, each.names):
                off |= 1 << position
            elif each.matches is not None and each.matches(event):
                wanted |= 1 << position
        return self._route(wanted, off)

    def _route(self, wanted: int, off: int) -> Route:
        """Return the route for a set of subscriptions; the same one for the same set."""
        key = wanted, off
        route = self._routes.get(key)
        if route is None:
            if len(self._routes) >= KEPT_ROUTES:
                self._routes.clear()
            route = self._routes[key] = self._new_route(wanted, off)
        return route

    def _new_route(self, wanted: int, off: int) -> Route:
        filtered = {reason: list(ids) for reason, ids in self._disabled.items()}
        subscriptions = []
        for position, each in enumerate(self._bindings):
            if wanted >> position & 1:
                subscriptions.append(each.id)
                continue
            reason = BROKEN if each.matches is None else NO_MATCH
            if off >> position & 1:
                reason = SWITCHED_OFF
            filtered.setdefault(reason, []).append(each.id)
        return Route(subscriptions=tuple(subscriptions), filtered=filtered)


@attrs.frozen(kw_only=True, eq=False)
class Router:
    """The enabled subscriptions of every source; replaced whole when the configuration changes."""

    #: By name; only those that have subscriptions.
    sources: Mapping[str, SourceRoutes]
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

    def of(self, source: str) -> SourceRoutes:
        """The routes of a source, which has perhaps no subscriptions."""
        return self.sources.get(source, _NO_SUBSCRIPTIONS)


def make_router(
    bindings: Iterable[tuple[str, Binding]],
    keys: Mapping[str, str],
    disabled: Iterable[tuple[str, str, str]] = (),
) -> Router:
    """Make a router of `(source, binding)` pairs and of write key -> source.

    `disabled` are source, reason and id of subscriptions whose events are filtered for that reason.
    """
    by_source: dict[str, list[Binding]] = defaultdict(list)
    off: dict[str, dict[str, list[str]]] = defaultdict(lambda: defaultdict(list))
    for source, reason, subscription in disabled:
        off[source][reason].append(subscription)
    for source, binding in bindings:
        by_source[source].append(binding)
    by_hash: dict[int, list[tuple[bytes, str]]] = defaultdict(list)
    for key, source in keys.items():
        by_hash[hash(key)].append((key.encode(), source))
    sources = {name: SourceRoutes(by_source[name], off.get(name)) for name in [*by_source, *off]}
    return Router(sources=sources, keys=by_hash)


@lru_cache(maxsize=KEPT_READERS)
def _reader(reads: frozenset[Path]) -> StructReader:
    """Make a reader once: most changes of a configuration leave what is read as it was."""
    return StructReader([*READS, *sorted(reads.difference(READS))], objects=READ_OBJECTS)


def _allowed(integrations: Mapping[str, Any], names: tuple[str, ...]) -> bool:
    for name in names:
        if name in integrations:
            return bool(integrations[name])
    return integrations.get("All") is not False


_NO_SUBSCRIPTIONS: Final = SourceRoutes(())
