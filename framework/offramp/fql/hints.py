"""Warns of what is valid in a trigger but is probably a mistake."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

from offramp.fql import tree
from offramp.fql.generate import write_node, write_value
from offramp.fql.needs import needed_texts
from offramp.js.numbers import parse_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from offramp.fql.tree import Compare, Condition, Node, Operand, Value

#: The values of `type`. Source: Segment's spec; `delete` from SegmentEvent of its actions-core.
_EVENT_TYPES = ("track", "identify", "page", "screen", "group", "alias", "delete")
#: The fields that events have. Source: Segment's "Spec: Common Fields" and its single calls.
_FIELDS = (
    *("type", "event", "name", "userId", "anonymousId", "groupId", "previousId", "messageId"),
    *("properties", "traits", "context", "integrations", "category", "channel", "version"),
    *("timestamp", "originalTimestamp", "receivedAt", "sentAt", "writeKey", "projectId"),
    "_metadata",
)
#: The fields that are texts in every event when triggers run; for tracks, `event` is one too.
_ALWAYS_PRESENT: tuple[tree.Keys, ...] = (
    ("type",),
    ("messageId",),
    ("timestamp",),
    ("receivedAt",),
)
#: Operators beside a negated test of a text that show that missing values were considered.
_ASKS_FOR_PRESENCE = {"and": "exists", "or": "not_exists"}
_CONSTANT_WORDS = frozenset({"true", "false", "null"})


def hints(node: Node) -> list[str]:
    """List the warnings, each once."""
    has_event = needed_texts(node).get(("type",)) == frozenset({"track"})
    present = {*_ALWAYS_PRESENT, *([("event",)] if has_event else [])}
    return list(dict.fromkeys([*_hints(node), *_missing_hints(node, present)]))


def _hints(node: Node) -> Iterator[str]:
    if node["type"] == "group":
        for child in node["children"]:
            yield from _hints(child)
    elif node["type"] == "not":
        yield from _hints(node["child"])
    elif node["type"] == "compare":
        yield from _operand_hints(node["left"])
        yield from _operand_hints(node["right"])
    else:
        yield from _condition_hints(node)


def _missing_hints(node: Node, present: AbstractSet[tree.Keys]) -> Iterator[str]:
    """Warn of a `!` test of a text that events may lack, if the group does not mention that."""
    if node["type"] == "group":
        asks = _ASKS_FOR_PRESENCE[node["operator"]]
        asked_for = {
            tree.condition_keys(each)
            for each in node["children"]
            if tree.is_condition(each) and each["operator"] == asks
        }
        for child in node["children"]:
            yield from _missing_hints(child, present | asked_for)
    elif node["type"] == "not":
        yield from _missing_hints(node["child"], present)
    elif node["operator"] in tree.AFFIRMATIONS and _tested_path(node) not in present:
        plain: Any = {**node, "operator": tree.AFFIRMATIONS[node["operator"]]}
        yield (
            f"`{write_node(node)}` does not match events that have no text there: "
            f"write `!({write_node(plain)})` to match them too"
        )


def _tested_path(node: Condition | Compare) -> tree.Keys:
    """The path whose text a condition or compare tests; empty if it tests a function's result."""
    if tree.is_condition(node):
        return tree.condition_keys(node)
    return tree.split_name(node["left"]["path"]) if tree.is_path(node["left"]) else ()


def _operand_hints(operand: Operand) -> Iterator[str]:
    if tree.is_path(operand):
        yield from _field_hints(tree.split_name(operand["path"]))
    elif tree.is_function(operand):
        for argument in operand["arguments"]:
            yield from _operand_hints(argument)


def _condition_hints(node: Condition) -> Iterator[str]:
    keys = tree.condition_keys(node)
    value = node.get("value")
    yield from _field_hints(keys)
    if node["type"] == "event-type" and node["operator"] in ("=", "!=", "in"):
        yield from _type_hints(value)
    if isinstance(value, str):
        yield from _text_hints(tree.join_keys(keys), node["operator"], value)


def _field_hints(keys: tree.Keys) -> Iterator[str]:
    if keys[0] in _FIELDS:
        return
    started = [field for field in _FIELDS if field.lower().startswith(keys[0].lower())]
    close = difflib.get_close_matches(keys[0], _FIELDS, n=1)
    guess = [*started, *close, f"properties.{tree.join_keys(keys)}"][0]
    yield f"events have no field `{keys[0]}`: did you mean `{guess}`?"


def _type_hints(value: Value | None) -> Iterator[str]:
    for each in value if isinstance(value, list) else [value]:
        if each not in _EVENT_TYPES:
            known = ", ".join(_EVENT_TYPES)
            yield f"no event has the type {write_value(each)}: types are {known}"


def _text_hints(path: str, operator: str, value: str) -> Iterator[str]:
    if operator in tree.ORDERS and parse_number(value) is None:
        yield f"`{path} {operator} {write_value(value)}` never holds: only numbers can be ordered"
    if operator in ("=", "!=") and value != value.lower() and value.lower() in _CONSTANT_WORDS:
        written = write_value(value)
        yield f"`{path}` is compared with the text {written}: the constant is {value.lower()}"
