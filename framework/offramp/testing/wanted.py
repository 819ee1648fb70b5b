"""Changes events so that a trigger matches them."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from typing import Any, Final

from offramp.event import EVENT_TYPES
from offramp.fql import compile_trigger
from offramp.fql.numeric import number_from_json
from offramp.fql.tree import ORDERS, Node, condition_keys, is_condition
from offramp.js.numbers import parse_number
from offramp.testing.backwards import put
from offramp.testing.events import create_test_event

Placing = tuple[tuple[str, ...], Any]

#: Types of events, the most usual first, for triggers that do not name one.
_KINDS: Final = ("track", *sorted(EVENT_TYPES - {"track"}))

_MET_BY_THE_VALUE: Final = frozenset(
    {"=", "number_equals", "contains", "starts_with", "ends_with", ">=", "<="}
)
_FIXED: Final = {"is_true": True, "is_false": False, "exists": "something"}


def event_types_wanted(trigger: str) -> list[str]:
    """The types of events for which an event can be made that a trigger matches."""
    return [kind for kind in _KINDS if satisfy(trigger, create_test_event(type=kind)) is not None]


def made_to_match(
    trigger: str | None, make: Callable[..., dict[str, Any]]
) -> dict[str, Any] | None:
    """An event of `make`, which takes a `type`, that a trigger matches; None if that fails.

    Without a trigger, every event matches.
    """
    if trigger is None:
        return make()
    tried = (satisfy(trigger, make(type=kind)) for kind in event_types_wanted(trigger))
    return next((event for event in tried if event is not None), None)


def satisfy(trigger: str, event: Mapping[str, Any]) -> dict[str, Any] | None:
    """A copy of an event, changed so that a trigger matches it; None if that fails.

    The event keeps its type. The conditions are tried one after the other, which is enough for
    triggers with plain comparisons; functions and comparisons of two paths are not tried.
    """
    compiled = compile_trigger(trigger)
    for placings in _ways(compiled.tree):
        made = create_test_event(**event)
        for keys, value in placings:
            if keys != ("type",):
                put(made, keys, value)
        if compiled(made):
            return made
    return None


def _ways(node: Node) -> Iterator[list[Placing]]:
    """Each way to make a condition true, as values to put into the event."""
    if node["type"] == "group":
        children = node["children"]
        if node["operator"] == "or":
            for child in children:
                yield from _ways(child)
        else:
            yield from _all_of(children)
    elif is_condition(node):
        value = _value(node["operator"], _read(node["operator"], node.get("value")))
        yield [] if value is None else [(condition_keys(node), value)]
    else:
        yield []


def _all_of(children: list[Node]) -> Iterator[list[Placing]]:
    if not children:
        yield []
        return
    for first in _ways(children[0]):
        for rest in _all_of(children[1:]):
            yield [*first, *rest]


def _read(operator: str, value: Any) -> Any:
    """The constant of a condition, with an exact number or a numeric text as a number."""
    if operator in ORDERS and isinstance(value, str):
        return parse_number(value)
    if isinstance(value, list):
        return [_read(operator, item) for item in value]
    return number_from_json(value) if isinstance(value, dict) else value


def _value(operator: str, value: Any) -> Any:
    """The value that makes a condition true; None if the event may stay as it is."""
    match operator:
        case ">" | "<" if value is None:
            return None
        case ">":
            return value + 1
        case "<":
            return value - 1
        case "in":
            return value[0] if value else None
        case _ if operator in _MET_BY_THE_VALUE:
            return value
        case _:
            return _FIXED.get(operator)
