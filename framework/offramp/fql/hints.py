"""What is valid in a trigger but can hardly be meant."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from offramp.fql import tree
from offramp.fql.generate import write_value
from offramp.fql.numeric import parse_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offramp.fql.tree import Condition, Node, Operand, Value

#: What `type` can be. Source: Segment's spec; `delete` from SegmentEvent of its actions-core.
_EVENT_TYPES = ("track", "identify", "page", "screen", "group", "alias", "delete")
#: The fields that events have. Source: Segment's "Spec: Common Fields" and its single calls.
_FIELDS = (
    *("type", "event", "name", "userId", "anonymousId", "groupId", "previousId", "messageId"),
    *("properties", "traits", "context", "integrations", "category", "channel", "version"),
    *("timestamp", "originalTimestamp", "receivedAt", "sentAt", "writeKey", "projectId"),
    "_metadata",
)
_CONSTANT_WORDS = frozenset({"true", "false", "null"})


def hints(node: Node) -> list[str]:
    """Tell, once each, what a reader should look at again."""
    return list(dict.fromkeys(_hints(node)))


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
        yield f"`{path} {operator} {write_value(value)}` never holds: only numbers have an order"
    if operator in ("=", "!=") and value != value.lower() and value.lower() in _CONSTANT_WORDS:
        written = write_value(value)
        yield f"`{path}` is compared with the text {written}: the constant is {value.lower()}"
