"""The kinds of question put to both engines: how cases are made, and what ours answers.

A case is one spec (a mapping, a trigger, fields, or a whole action) with several inputs; an answer
is a list with one entry for each input: `{"value": ...}`, or `{"error": ..., "places": [...]}`.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

import attrs
from tests.conformance import events, fields, mappings, metronome, triggers
from tests.conformance.source import Source

from offramp.definition.manifest import fields_from_manifest
from offramp.errors import FaultyError, TransformError
from offramp.fql import SegmentError, compile_trigger, generate, parse_as_segment
from offramp.mapping import compile_mapping
from offramp.payload import compile_check

Case: TypeAlias = dict[str, Any]
Answers: TypeAlias = list[dict[str, Any]]

#: What both engines take for the present moment, in seconds since the epoch.
NOW = 1769862600.0
EVENTS_PER_MAPPING = 2
EVENTS_PER_TRIGGER = 3
RAWS_PER_FIELDS = 5
EVENTS_PER_ACTION = 3


@attrs.frozen(kw_only=True)
class Kind:
    """One kind of case; `inputs` names the key under which a case lists what it is tried with."""

    make: Callable[[Source], Case]
    ours: Callable[[Case], Answers]
    inputs: str | None


def answer(make: Callable[[], Any]) -> dict[str, Any]:
    """What a function gives, or why it does not."""
    try:
        return {"value": make()}
    except FaultyError as error:
        return {"error": str(error), "places": [fault.place for fault in error.faults]}
    except (TransformError, SegmentError) as error:
        return {"error": str(error)}


def _each(make: Callable[[], Callable[[Any], Any]], inputs: list[Any]) -> Answers:
    try:
        run = make()
    except FaultyError as error:
        return [{"error": str(error)} for _ in inputs]
    return [answer(lambda item=item: run(item)) for item in inputs]  # type: ignore[misc]


def make_transform(source: Source) -> Case:
    """A mapping and events."""
    made = [events.event(source) for _ in range(EVENTS_PER_MAPPING)]
    return {"kind": "transform", "mapping": mappings.mapping(source), "events": made}


def our_transform(case: Case) -> Answers:
    return _each(lambda: compile_mapping(case["mapping"], clock=lambda: NOW), case["events"])


def make_match(source: Source) -> Case:
    """A trigger and events."""
    made = [events.event(source) for _ in range(EVENTS_PER_TRIGGER)]
    return {"kind": "match", "trigger": triggers.trigger(source), "events": made}


def our_match(case: Case) -> Answers:
    return _each(lambda: compile_trigger(case["trigger"]), case["events"])


def make_parse(source: Source) -> Case:
    """A trigger, to be read."""
    return {"kind": "parse", "trigger": triggers.trigger(source)}


def our_parse(case: Case) -> Answers:
    return [answer(lambda: parse_as_segment(case["trigger"]))]


def make_generate(source: Source) -> Case:
    """A tree, to be written as text."""
    return {"kind": "generate", "tree": triggers.tree(source)}


def our_generate(case: Case) -> Answers:
    return [answer(lambda: generate(case["tree"]))]


def make_evaluate(source: Source) -> Case:
    """A tree and events, some of which hold what the tree asks for."""
    tree = triggers.tree(source)
    made = [triggers.near(source, tree, events.event(source)) for _ in range(EVENTS_PER_TRIGGER)]
    return {"kind": "evaluate", "tree": tree, "events": made}


def our_evaluate(case: Case) -> Answers:
    return _each(lambda: compile_trigger(case["tree"]), case["events"])


def make_check(source: Source) -> Case:
    """Fields and raw payloads."""
    made = fields.fields(source)
    raws = [fields.raw(source, made) for _ in range(RAWS_PER_FIELDS)]
    return {"kind": "check", "fields": made, "raws": raws, "single": source.chance(80)}


def our_check(case: Case) -> Answers:
    return _each(lambda: compile_check(fields_from_manifest(case["fields"])), case["raws"])


def make_action(source: Source) -> Case:
    """Fields, a mapping that fills them, and events."""
    made = fields.fields(source)
    filled = {key: _filling(source, key) for key in made if source.chance(95)}
    inputs = [events.event(source) for _ in range(EVENTS_PER_ACTION)]
    for event in inputs:
        if source.chance(75):
            event["properties"] = fields.raw(source, made)
    batch = source.chance(20)
    return {"kind": "action", "fields": made, "mapping": filled, "events": inputs, "batch": batch}


def _filling(source: Source, key: str) -> Any:
    """What fills a field: mostly the property of its name, often by way of a directive."""
    path = {"@path": f"$.properties.{key}"}
    match source.below(8):
        case 0 | 1 | 2:
            return path
        case 3:
            return {"@if": {"exists": path, "then": path, "else": mappings.node(source, 1)}}
        case 4:
            return {"@template": f"{{{{properties.{key}}}}}"}
        case 5:
            return {"@excludeWhenNull": {"@literal": path}}
        case _:
            return mappings.node(source, 2)


def our_action(case: Case) -> Answers:
    def make() -> Callable[[Any], Any]:
        transform = compile_mapping(case["mapping"], clock=lambda: NOW)
        check = compile_check(fields_from_manifest(case["fields"]))
        return lambda event: check(transform(event))

    return _each(make, case["events"])


KINDS: dict[str, Kind] = {
    "transform": Kind(make=make_transform, ours=our_transform, inputs="events"),
    "match": Kind(make=make_match, ours=our_match, inputs="events"),
    "parse": Kind(make=make_parse, ours=our_parse, inputs=None),
    "generate": Kind(make=make_generate, ours=our_generate, inputs=None),
    "evaluate": Kind(make=make_evaluate, ours=our_evaluate, inputs="events"),
    "check": Kind(make=make_check, ours=our_check, inputs="raws"),
    "action": Kind(make=make_action, ours=our_action, inputs="events"),
    "metronome": Kind(make=metronome.make, ours=metronome.our_requests, inputs="events"),
}
