"""Events made so that a trigger wants them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from offramp.event import EVENT_TYPES
from offramp.fql import compile_trigger
from offramp.fql.numeric import number_from_json
from offramp.fql.tree import ORDERS, Node, condition_keys, is_condition
from offramp.js.numbers import parse_number
from offramp.testing.backwards import put
from offramp.testing.events import create_test_event

Placing = tuple[tuple[str, ...], Any]

#: Calls in the order of how often they are meant where a trigger does not say.
_KINDS: Final = ("track", *sorted(EVENT_TYPES - {"track"}))

_MET_BY_THE_VALUE: Final = frozenset(
    {"=", "number_equals", "contains", "starts_with", "ends_with", ">=", "<="}
)
_FIXED: Final = {"is_true": True, "is_false": False, "exists": "something"}


def event_types_wanted(trigger: str) -> list[str]:
    """The types of calls that a trigger wants some event of, as far as such can be made."""
    return [kind for kind in _KINDS if satisfy(trigger, create_test_event(type=kind)) is not None]


def satisfy(trigger: str, event: Mapping[str, Any]) -> dict[str, Any] | None:
    """A copy of an event, changed so that a trigger wants it; nothing where none could be made.

    The event keeps its type. Tries the conditions one after the other, which is enough for
    triggers of plain comparisons; functions and comparisons of two paths are left as they are.
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
    """Each way to make a condition true, as values to place."""
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
    """The constant of a condition; a number where one stands there in another form."""
    if operator in ORDERS and isinstance(value, str):
        return parse_number(value)
    if isinstance(value, list):
        return [_read(operator, item) for item in value]
    return number_from_json(value) if isinstance(value, dict) else value


def _value(operator: str, value: Any) -> Any:
    """What makes a condition true; nothing where the event may stay as it is."""
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
