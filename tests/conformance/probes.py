"""Events on which two readings of a trigger part ways, if they ever do."""

from __future__ import annotations

import random
from collections.abc import Iterator
from contextlib import suppress
from copy import deepcopy
from decimal import Decimal
from typing import Any

from tests.conformance.kinds import Case

from offramp.fql import SegmentError, parse, parse_as_segment

#: Stands for a path that an event lacks.
ABSENT = object()
MIXED_EVENTS = 250
#: How often what is written itself stands among its neighbours.
COPIES = 12
#: What any path may hold.
_ANYTHING: tuple[Any, ...] = (ABSENT, None, True, False, "", "zzz", [], {}, 7)
ROOTS = {"event-type": "type", "event": "event", "name": "name", "userId": "userId"}
OBJECTS = {"event-property": "properties", "event-trait": "traits", "event-context": "context"}

Values = dict[tuple[str, ...], list[Any]]


def probing(trigger: str, count: int = MIXED_EVENTS) -> Case:
    """A case that puts a trigger to every kind of event that its conditions could tell apart."""
    return {"kind": "match", "trigger": trigger, "events": list(_events(_values(trigger), count))}


def _events(values: Values, count: int) -> Iterator[dict[str, Any]]:
    chosen = random.Random(0)
    for keys, options in values.items():
        for option in options:
            yield _event({keys: option})
    outer = {keys for keys in values for other in values if keys == other[: len(keys)] != other}
    for number in range(count):
        # What a trigger names itself stands at the end, and holds more often than the rest.
        first = len(_ANYTHING) if number % 2 else 0
        # An object cannot be something else and hold something as well.
        left = outer if number % 4 < 2 else ()
        yield _event(
            {
                keys: chosen.choice(options[first:])
                for keys, options in values.items()
                if keys not in left
            }
        )


def _event(found: dict[tuple[str, ...], Any]) -> dict[str, Any]:
    event: dict[str, Any] = {}
    for keys, value in found.items():
        if value is ABSENT:
            continue
        inside = event
        for key in keys[:-1]:
            inside = inside.setdefault(key, {})
            if not isinstance(inside, dict):
                break
        else:
            inside[keys[-1]] = deepcopy(value)
    return event


def _values(trigger: str) -> Values:
    """What each path of a trigger, read either way, may well be."""
    values: Values = {}
    constants: set[str] = set()
    trees: list[Any] = [parse(trigger)]
    with suppress(SegmentError):
        trees.append(parse_as_segment(trigger))
    for tree in trees:
        _walk(tree, values, constants)
    # What stands behind another path may have slipped there.
    every = [value for constant in sorted(constants) for value in _around(constant)]
    every += [_meant(constant) for constant in sorted(constants)] * COPIES
    every += sorted(constants) * COPIES
    return {keys: [*options, *(every or _ANYTHING)] for keys, options in values.items()}


def _walk(node: Any, values: Values, constants: set[str]) -> None:
    if isinstance(node, list):
        for item in node:
            _walk(item, values, constants)
        return
    if not isinstance(node, dict):
        return
    for keys in _paths(node):
        values.setdefault(keys, list(_ANYTHING))
    if "value" in node:
        written = node["value"] if isinstance(node["value"], list) else [node["value"]]
        constants.update(_text(item) for item in written)
    for key, item in node.items():
        if key != "value":
            _walk(item, values, constants)


def _paths(node: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    kind = node.get("type")
    if kind in ROOTS:
        yield (ROOTS[kind],)
        return
    name = node.get("path", node.get("name"))
    if not isinstance(name, str):
        return
    root = (OBJECTS[kind],) if kind in OBJECTS else ()
    yield (*root, *_nested(name))
    yield (*root, *(part for part in name.replace("\\", "").split(".") if part))


def _nested(name: str) -> list[str]:
    hidden = name.replace("\\\\", "\0").replace("\\.", "\1")
    return [part.replace("\1", ".").replace("\0", "\\") for part in hidden.split(".")]


def _text(value: Any) -> str:
    if isinstance(value, dict):
        return str(value["decimal"])
    return str(value).lower() if isinstance(value, bool) else str(value)


def _meant(constant: str) -> Any:
    """A constant as the value that it may stand for."""
    return {"true": True, "false": False, "null": None}.get(constant, constant)


def _around(constant: str) -> list[Any]:
    """A constant and its neighbours, as texts and as numbers."""
    plain = constant.strip("'")
    ends = (plain.rstrip("*"), plain.lstrip("*"), plain[1:], plain[:-1], plain.strip("*"))
    made: list[Any] = [constant, plain, *ends]
    made += [f"{text}z" for text in (constant, *ends)] + [f"z{text}" for text in (constant, *ends)]
    try:
        number = Decimal(constant)
    except ArithmeticError:
        return made
    return [*made, number, number + 1, number - 1] if number.is_finite() else made
