"""Warns of what is valid in a trigger but is probably a mistake."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING, Any

import attrs

from offramp.fql import tree
from offramp.fql.generate import write_node, write_value
from offramp.fql.needs import needed_texts
from offramp.fql.vocabulary import EVENT_TYPES
from offramp.js.numbers import parse_number

if TYPE_CHECKING:
    from collections.abc import Iterator
    from collections.abc import Set as AbstractSet

    from offramp.fql.tree import Compare, Condition, Node, Operand, Value

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


@attrs.frozen(kw_only=True)
class Leaf:
    """A condition or a compare of a tree, and what surrounds it."""

    #: Its place in the tree, such as `$.children[0]`.
    place: str
    node: Condition | Compare
    #: The paths that every event has, or whose absence is considered beside the condition.
    present: AbstractSet[tree.Keys]
    #: Whether it is inside a `not`.
    negated: bool


def hints(node: Node) -> list[str]:
    """List the warnings, each once."""
    found = list(leaves(node))
    own = (hint for leaf in found for hint in leaf_hints(leaf.node))
    return list(dict.fromkeys([*own, *(hint for leaf in found for hint in _missing_hints(leaf))]))


def leaves(node: Node) -> Iterator[Leaf]:
    """List the conditions and compares of a whole tree, in order of appearance."""
    has_event = needed_texts(node).get(("type",)) == frozenset({"track"})
    present = {*_ALWAYS_PRESENT, *([("event",)] if has_event else [])}
    return _leaves(node, "$", present, negated=False)


def _leaves(
    node: Node, place: str, present: AbstractSet[tree.Keys], *, negated: bool
) -> Iterator[Leaf]:
    if node["type"] == "group":
        asks = _ASKS_FOR_PRESENCE[node["operator"]]
        asked_for = {
            tree.condition_keys(each)
            for each in node["children"]
            if tree.is_condition(each) and each["operator"] == asks
        }
        for index, child in enumerate(node["children"]):
            within = f"{place}.children[{index}]"
            yield from _leaves(child, within, present | asked_for, negated=negated)
    elif node["type"] == "not":
        yield from _leaves(node["child"], f"{place}.child", present, negated=True)
    else:
        yield Leaf(place=place, node=node, present=present, negated=negated)


def leaf_hints(node: Condition | Compare) -> Iterator[str]:
    """List the warnings about one condition by itself."""
    if node["type"] == "compare":
        yield from _operand_hints(node["left"])
        yield from _operand_hints(node["right"])
    else:
        yield from _condition_hints(node)


def _missing_hints(leaf: Leaf) -> Iterator[str]:
    """Warn of a `!` test of a text that events may lack, if the group does not mention that."""
    node = leaf.node
    if node["operator"] in tree.AFFIRMATIONS and tested_path(node) not in leaf.present:
        plain: Any = {**node, "operator": tree.AFFIRMATIONS[node["operator"]]}
        yield (
            f"`{write_node(node)}` does not match events that have no text there: "
            f"write `!({write_node(plain)})` to match them too"
        )


def tested_path(node: Condition | Compare) -> tree.Keys:
    """The path whose value a condition or compare tests; empty if it tests a function's result."""
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
        if each not in EVENT_TYPES:
            known = ", ".join(EVENT_TYPES)
            yield f"no event has the type {write_value(each)}: types are {known}"


def _text_hints(path: str, operator: str, value: str) -> Iterator[str]:
    if operator in tree.ORDERS and parse_number(value) is None:
        yield f"`{path} {operator} {write_value(value)}` never holds: only numbers can be ordered"
    if operator in ("=", "!=") and value != value.lower() and value.lower() in _CONSTANT_WORDS:
        written = write_value(value)
        yield f"`{path}` is compared with the text {written}: the constant is {value.lower()}"
