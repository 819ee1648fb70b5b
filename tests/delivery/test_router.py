"""Which subscriptions want an event, and the reason told to those that do not."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from random import Random
from typing import Any

import attrs
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offramp import _json
from offramp.delivery import router as router_module
from offramp.delivery.incoming import Incoming
from offramp.delivery.router import (
    BROKEN,
    NO_MATCH,
    SWITCHED_OFF,
    Binding,
    Router,
    make_router,
)
from offramp.fql import compile_trigger
from offramp.queue import EventBatch, Route

NAMES = ("metering", "Metering (Actions)")


def bound(name: str, trigger: str | None) -> Binding:
    if trigger is None:
        return Binding(id=name, matches=None, names=NAMES, reads=frozenset())
    compiled = compile_trigger(trigger)
    return Binding(
        id=name,
        matches=compiled.matches_struct,
        names=NAMES,
        needs=compiled.needs,
        reads=compiled.reads,
    )


ROUTER = make_router(
    [
        ("site", bound("tracks", 'type = "track"')),
        ("site", bound("pages", 'type = "page"')),
        ("site", bound("broken", None)),
        ("shop", bound("shop", 'type = "track"')),
    ],
    {"key-of-site": "site", "key-of-shop": "shop"},
)


def routed(router: Router, event: dict[str, Any]) -> Route:
    """The route of a whole event in the source `site`."""
    routes = router.of("site")
    return routes.route(routes.reader.of(event))


def test_each_subscription_of_the_source_is_asked() -> None:
    """An event goes where the trigger matches; the others get a reason; other sources nothing."""
    route = routed(ROUTER, {"type": "track"})
    assert route.subscriptions == ("tracks",)
    assert route.filtered == {NO_MATCH: ["pages"], BROKEN: ["broken"]}


@pytest.mark.parametrize(
    ("integrations", "sent"),
    [
        ({}, True),
        ({"All": True}, True),
        ({"All": False}, False),
        ({"All": False, "Metering (Actions)": True}, True),
        ({"All": False, "metering": {"option": 1}}, True),
        ({"Metering (Actions)": False}, False),
        ({"metering": False, "All": True}, False),
        ({"metering (actions)": False}, True),
        ("nonsense", True),
        ({"All": None}, True),
    ],
)
def test_the_integrations_object_switches_destinations_off(integrations: Any, sent: bool) -> None:
    """`All` and the destination's name decide as at Segment: case matters, the name goes first."""
    route = routed(ROUTER, {"type": "track", "integrations": integrations})
    assert route.subscriptions == (("tracks",) if sent else ())
    assert sent or "tracks" in route.filtered[SWITCHED_OFF]


@pytest.mark.parametrize(
    ("key", "source"),
    [("key-of-site", "site"), ("key-of-shop", "shop"), ("", None), ("other", None), ("ключ", None)],
)
def test_a_write_key_names_its_source(key: str, source: str | None) -> None:
    """Every key finds its own source, and any other text finds none."""
    assert ROUTER.source_of(key) == source


TRIGGERS = [
    'type = "track"',
    'type = "page" or type = "track"',
    'type in ["page", "screen"]',
    'event = "a"',
    'event = "b" and type = "track"',
    'event = "a" or event = "b"',
    'event = "a" or type = "page"',
    'event in ["a", "c"] and event = "c"',
    'event = "a" and event = "b"',
    '!(event = "a")',
    'event != "a"',
    "length(event) = 1",
    'properties.event = "a"',
    'userId = "u" and (event = "a" and type = "track")',
]
EVENTS: list[dict[str, Any]] = [
    {"type": kind, "event": name, "userId": "u", "properties": {"event": name}}
    for kind in ("track", "page", "identify", None, 5)
    for name in ("a", "b", "c", "other", "", None, 7, ["a"])
]


def test_the_index_asks_whoever_might_match() -> None:
    """The index changes no answer: every trigger decides as it does when it is asked directly."""
    router = make_router([("site", bound(trigger, trigger)) for trigger in TRIGGERS], {})
    for event in [*EVENTS, *EVENTS]:
        route = routed(router, event)
        wanted = tuple(each for each in TRIGGERS if compile_trigger(each).matches(event))
        assert route.subscriptions == wanted
        others = [each for each in TRIGGERS if each not in wanted]
        assert route.filtered == ({NO_MATCH: others} if others else {})


def test_events_of_the_same_ways_share_one_answer() -> None:
    """A source with many subscriptions does not write the same list for every event."""
    first, second = ({"type": "track", "messageId": each} for each in "ab")
    assert routed(ROUTER, first) is routed(ROUTER, second)


PATHS = ["type", "event", "userId", "properties.plan", "properties.plan.name", "properties.list.0"]
TEXTS = ["a", "b", "c", ""]
CONDITIONS = st.sampled_from(PATHS).flatmap(
    lambda path: (
        st.sampled_from([f'{path} = "{text}"' for text in TEXTS])
        | st.just(f'{path} in ["a", "c"]')
        | st.just(f"{path} = 1")
        | st.just(f'contains({path}, "a")')
    )
)
MADE_TRIGGERS = st.recursive(
    CONDITIONS,
    lambda inner: (
        st.lists(inner, min_size=2, max_size=3).map(lambda of: f"({' and '.join(of)})")
        | st.lists(inner, min_size=2, max_size=3).map(lambda of: f"({' or '.join(of)})")
        | inner.map(lambda of: f"!({of})")
    ),
    max_leaves=5,
)
VALUES = st.sampled_from([*TEXTS, 1, None, True, ["a", "c"], {"name": "a"}, {"name": 1}])
MADE_EVENTS = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(("type", "event", "userId"), VALUES),
        "properties": st.dictionaries(st.sampled_from(["plan", "list"]), VALUES) | VALUES,
    },
)


@settings(deadline=None)
@given(st.lists(MADE_TRIGGERS, max_size=30), st.lists(MADE_EVENTS, max_size=10))
def test_the_index_changes_no_answer(triggers: list[str], events: list[dict[str, Any]]) -> None:
    """Whatever triggers ask for, at whatever paths: each decides as it does by itself."""
    compiled = [compile_trigger(each) for each in triggers]
    router = make_router([("site", bound(str(n), each)) for n, each in enumerate(triggers)], {})
    for event in events:
        wanted = tuple(str(n) for n, each in enumerate(compiled) if each.matches(event))
        assert routed(router, event).subscriptions == wanted


def test_of_triggers_on_one_name_few_are_asked() -> None:
    """Where all ask for one event, the texts that they ask for beside it tell them apart."""
    asked: list[str] = []

    def watched(name: str, trigger: str) -> Binding:
        def matches(_: dict[str, Any]) -> bool:
            asked.append(name)
            return False

        return attrs.evolve(bound(name, trigger), matches=matches)

    router = make_router(
        [
            ("site", watched(f"{n}", f'event = "a" and properties.plan = "p{n}"'))
            for n in range(1_000)
        ]
        + [("site", watched("any", 'event = "a" and properties.n > 1'))],
        {},
    )
    routed(router, {"type": "track", "event": "a", "properties": {"plan": "p7"}})
    assert sorted(asked) == ["7", "any"]


def test_lists_of_texts_at_many_paths_do_not_multiply_the_index(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """A trigger has at most one entry for each text of one of its lists, whatever else it needs."""
    entries = 0
    index = router_module._Index

    def counted(self: Any, candidates: Any) -> None:
        nonlocal entries
        entries += len(candidates)
        made(self, candidates)

    made = index.__init__
    monkeypatch.setattr(index, "__init__", counted)
    paths, texts, random = ("event", "userId", "properties.a", "properties.b"), 12, Random(1)
    triggers = [
        " and ".join(
            f"{path} in {json.dumps(random.sample([f't{n}' for n in range(24)], texts))}"
            for path in paths
        )
        for _ in range(20)
    ]
    make_router([("site", bound(str(n), each)) for n, each in enumerate(triggers)], {})
    assert entries <= len(triggers) * (texts + 1)


def test_thousands_of_unlike_triggers_make_no_deep_index() -> None:
    """If each path separates only two of them, all are evaluated, without nested indexes."""
    triggers = [f'properties.p{n // 2} = "{n % 2}"' for n in range(4_000)]
    router = make_router([("site", bound(str(n), each)) for n, each in enumerate(triggers)], {})
    assert routed(router, {"properties": {"p7": "1"}}).subscriptions == ("15",)


INTEGRATIONS: list[Any] = [{}, {"All": False}, {"metering": False, "All": True}, "nonsense"]


def gathered(router: Router, source: str, events: Iterable[dict[str, Any]]) -> EventBatch:
    """The batch that events of a source make."""

    async def store(_: Incoming) -> Sequence[bool]:
        return []

    incoming = Incoming(router.of(source), store)
    for each in events:
        incoming.add_whole({"messageId": "m", "type": "track", **each}, b"{}")
    return incoming.batch(source, 0.0)


def test_a_batch_is_routed_as_its_events_are() -> None:
    """Each event has the index of its route; a route occurs once, however many events have it."""
    router = make_router([("site", bound(trigger, trigger)) for trigger in TRIGGERS], {})
    events = [{**each, "integrations": off} for each in EVENTS for off in INTEGRATIONS] * 2
    batch = gathered(router, "site", events)
    routes = batch.routes
    assert [routes[index] for index in batch.route_of] == [routed(router, each) for each in events]
    assert len({id(route) for route in routes}) == len(routes) < len(events) / 4
    assert all(one != other for at, one in enumerate(routes) for other in routes[:at])
    assert not gathered(router, "site", []).routes
    [nowhere] = gathered(router, "nowhere", events).routes
    assert (nowhere.subscriptions, nowhere.filtered) == ((), {})


def test_an_event_is_routed_by_what_is_read_of_it() -> None:
    """The reader of a source reads what its triggers and the `integrations` object need."""
    router = make_router([("site", bound(trigger, trigger)) for trigger in TRIGGERS], {})
    routes = router.of("site")
    for each in EVENTS:
        for off in INTEGRATIONS:
            event = {**each, "integrations": off, "properties": {**each["properties"], "a": [1]}}
            read = routes.reader.read(_json.dumps(event))
            assert "a" not in read.properties
            assert routes.route(read) == routed(router, event)


def test_a_reader_is_kept_while_nothing_else_is_read() -> None:
    """A change of the configuration makes a new router, and mostly no new reader."""
    first, second, other = (
        make_router([("site", bound("x", trigger))], {}).of("site").reader
        for trigger in ('event = "a"', 'event = "b"', 'properties.a = "b"')
    )
    assert first is second
    assert first is not other
    # The broken one reads nothing.
    assert ROUTER.of("site").reader is ROUTER.of("nowhere").reader
