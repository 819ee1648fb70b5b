"""Offramp's own side of the measurements that run in one process."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any, Final

from benchmarks.wide import wide
from offramp import _json, hookimpl
from offramp._json import Projection, Reads, is_skipped_safely
from offramp.config import Instance, Subscription
from offramp.delivery import Plan, compile_subscription
from offramp.delivery.router import Binding, make_router
from offramp.fql import compile_trigger
from offramp.mapping import compile_mapping
from offramp.payload import compile_check
from offramp.plugins import Catalog, load_catalog, load_plugins
from offramp_metronome.destination import metronome

#: Runs one case once for every event; answers with what came of the first.
Repeat = Callable[[], Any]

#: Fields of a case -> destination and action.
ACTIONS: Final = {"5 fields": (metronome.slug, "sendEvent"), "30 fields": (wide.slug, "sendWide")}


class _Plugin:
    @hookimpl
    def offramp_destinations(self) -> list[Any]:
        """The two destinations that are measured."""
        return [metronome, wide]


def catalog() -> Catalog:
    """The catalog of what is measured."""
    return load_catalog(load_plugins(extra=[_Plugin()], installed=False))


def make_round(question: dict[str, Any]) -> Repeat:
    """Prepare a case, as saving a subscription does, and answer with what is timed."""
    return _MEASUREMENTS[question["measurement"]](question)


def plan_of(question: dict[str, Any]) -> Plan:
    """The compiled subscription of a case."""
    destination, action = ACTIONS[question["action"]]
    subscription = Subscription(
        id="bench/one",
        name="one",
        instance="bench",
        action=action,
        trigger=question["trigger"],
        mapping=question["mapping"],
    )
    instance = Instance(name="bench", source="bench", destination=destination)
    return compile_subscription(subscription, catalog()[destination], instance=instance)


def _no_settings(_: Plan) -> None:
    """What is measured needs no settings to validate."""


def _engine(question: dict[str, Any]) -> Repeat:
    plan = plan_of(question)
    read = _reader(plan.matches.reads, plan.transform.reads)
    texts = [text.encode() for text in question["events"]]

    def run() -> Any:
        now = datetime.now(UTC)
        made = []
        for text in texts:
            event = read(text)
            if plan.matches(event):
                made.append(_json.dumps(plan.payload_of(event, now, _no_settings)[0]))
        return _json.loads(made[0])

    return run


def _route(question: dict[str, Any]) -> Repeat:
    """The engine as a host runs it: every subscription of a source is asked, one matches."""
    plans = {"one": plan_of(question)}
    triggers = {"one": question["trigger"]}
    triggers |= {f"other {n}": trigger for n, trigger in enumerate(question["others"])}
    bindings = [_binding(name, trigger) for name, trigger in triggers.items()]
    routes = make_router([("bench", binding) for binding in bindings], {}).of("bench")
    route, read_of = routes.route, routes.reader.of
    read = _reader(plans["one"].transform.reads, *(binding.reads for binding in bindings))
    texts = [text.encode() for text in question["events"]]

    def run() -> Any:
        now = datetime.now(UTC)
        made = []
        for text in texts:
            event = read(text)
            subscriptions = route(read_of(event)).subscriptions
            made += [
                _json.dumps(plans[subscription].payload_of(event, now, _no_settings)[0])
                for subscription in subscriptions
            ]
        return _json.loads(made[0])

    return run


def _reader(*reads: Reads) -> Callable[[bytes], Any]:
    """Checks an event's text and reads of it what triggers and mapping read, as a host does."""
    known = [each for each in reads if each is not None]
    whole = len(known) < len(reads)
    projection = Projection(None if whole else frozenset().union(*known))

    def read(text: bytes) -> Any:
        return projection.read(text) if is_skipped_safely(text) else _json.loads(text)

    return read


def _binding(name: str, text: str) -> Binding:
    trigger = compile_trigger(text)
    return Binding(
        id=name,
        matches=trigger.matches_struct,
        names=("bench",),
        needs=trigger.needs,
        reads=trigger.reads,
    )


def _transform(question: dict[str, Any]) -> Repeat:
    run, events = compile_mapping(question["mapping"]), _events(question)
    return lambda: _each(run, events)


def _trigger(question: dict[str, Any]) -> Repeat:
    matches, events = compile_trigger(question["trigger"]).matches, _events(question)
    return lambda: _each(matches, events)


def _check(question: dict[str, Any]) -> Repeat:
    transform, events = compile_mapping(question["mapping"]), _events(question)
    _, action = ACTIONS[question["action"]]
    destination = catalog()[ACTIONS[question["action"]][0]]
    check = compile_check(destination.action(action).fields)
    raws = [transform(event) for event in events]
    return lambda: _each(check, raws)


def _each(run: Callable[[Any], Any], values: list[Any]) -> Any:
    made = [run(value) for value in values]
    return made[0]


def _events(question: dict[str, Any]) -> list[dict[str, Any]]:
    return [_json.loads(text) for text in question["events"]]


_MEASUREMENTS: Final[dict[str, Callable[[dict[str, Any]], Repeat]]] = {
    "engine": _engine,
    "route": _route,
    "transform": _transform,
    "trigger": _trigger,
    "check": _check,
}
