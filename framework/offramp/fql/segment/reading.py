"""Describes for a person what a trigger means at Segment, if that differs from its text."""

from __future__ import annotations

import math
import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from offramp.errors import TriggerError
from offramp.fql import tree
from offramp.fql.generate import generate
from offramp.fql.numeric import literal
from offramp.fql.parser import parse_exact
from offramp.fql.segment.lexer import SegmentError
from offramp.fql.segment.parser import SegmentTree, read
from offramp.js.numbers import exact_or_none, parse_number

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offramp.fql.tree import Group, Node

#: Segment splits a path at dots and brackets (destination-subscriptions, get.ts).
_SEGMENT_KEY = re.compile(r"[^.\[\]]+")
_OPERATORS = frozenset(
    (
        *("=", "!=", "<", "<=", ">", ">=", "number_equals", "number_not_equals"),
        *("exists", "not_exists", "is_true", "is_false"),
        *("contains", "not_contains", "starts_with", "not_starts_with"),
        *("ends_with", "not_ends_with"),
    )
)


def parse_as_segment(text: str) -> SegmentTree:
    """Return Segment's tree of a trigger; raises `SegmentError` if Segment cannot read it."""
    return read(text, [])


def segment_reading(text: str) -> list[str]:
    """Describe in sentences how Segment reads a trigger; empty if it reads it as Offramp does.

    Raises `TriggerError` if the text is not a valid trigger here.
    """
    ours = parse_exact(text)
    notes: list[str] = []
    reading = _differing(text, ours, notes)
    if reading is None:
        return []
    sentences = [reading, *(f"At Segment {note}" for note in dict.fromkeys(notes))]
    rewritten = _written(ours)
    if rewritten and rewritten != text and _differing(rewritten, ours, []) is None:
        sentences.append(f"Segment reads it as intended if it is written: {rewritten}")
    return sentences


def _differing(text: str, ours: Group, notes: list[str]) -> str | None:
    """Describe how Segment reads a text that means `ours`; None if it reads it the same way."""
    try:
        theirs = _translate_group(read(text, notes))
    except SegmentError as error:
        return f"Segment cannot read this, so no event matches there: {error}"
    except _Untranslatable as reason:
        return f"Segment reads this in part as something that never works: {reason}"
    if _canonical(theirs) == _canonical(ours):
        return None
    return f"Segment reads this as: {_written(theirs) or 'something too long for a trigger'}"


class _Untranslatable(Exception):  # noqa: N818  # a jump out of the recursion, caught in this module
    """A part of Segment's tree that no trigger of ours can express."""


def _written(group: Group) -> str | None:
    try:
        return generate(group)
    except TriggerError:  # with its spaces and escapes it may pass the limit of a trigger
        return None


def _translate_group(theirs: SegmentTree) -> Group:
    """Translate Segment's tree, as Segment evaluates it, into our shapes."""
    children = [_translate(child) for child in theirs["children"]]
    return {"type": "group", "operator": theirs["operator"], "children": children}


def _translate(theirs: SegmentTree | None) -> Node:
    if theirs is None:
        raise _Untranslatable("an empty group makes it fail on every event")
    if theirs["type"] == "group":
        return _translate_group(theirs)
    operator = theirs["operator"]
    if operator not in _OPERATORS:
        raise _Untranslatable(f"the condition with the operator `{operator}` never holds")
    field = tree.FIELD_TYPES.get(theirs["type"])
    keys = (field,) if field else _object_keys(theirs)
    if "value" not in theirs:
        return tree.condition(keys, operator)
    return tree.condition(keys, operator, _translate_value(operator, theirs["value"]))


def _object_keys(theirs: SegmentTree) -> tree.Keys:
    inside = _SEGMENT_KEY.findall(theirs["name"])
    if not inside:
        raise _Untranslatable(f"the path {theirs['name']!r} makes it fail on every event")
    return (tree.OBJECT_TYPES[theirs["type"]], *inside)


def _translate_value(operator: str, value: Any) -> tree.Value:
    if operator in ("=", "!=") and isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, bool):  # an order: JavaScript takes true for 1
        return int(value)
    if isinstance(value, str):
        return value
    if not math.isfinite(value):
        raise _Untranslatable("a number that is none is compared")
    return literal(Decimal(repr(value)))


def _canonical(node: Node) -> Any:
    """Make two nodes equal if Segment evaluates them equally: `> "3"` and `> 3`.

    A group inside a group with the same connective is replaced by its children.
    """
    if node["type"] == "group":
        children = list(_canonical_children(node, node["operator"]))
        return (node["operator"], children) if len(children) > 1 else children[0]
    if not tree.is_condition(node):
        return node
    operator, value = node["operator"], node.get("value")
    if operator in tree.ORDERS and isinstance(value, str):
        value = parse_number(value)
    kind = "number" if exact_or_none(value) is not None else type(value)
    return tree.condition_keys(node), operator, kind, value


def _canonical_children(node: Node, operator: str) -> Iterator[Any]:
    if node["type"] == "group" and (node["operator"] == operator or len(node["children"]) == 1):
        for child in node["children"]:
            yield from _canonical_children(child, operator)
    else:
        yield _canonical(node)
