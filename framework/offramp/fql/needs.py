"""What an event must have for a trigger to hold, so that only likely subscriptions are asked."""

from __future__ import annotations

from functools import reduce
from typing import TYPE_CHECKING, TypeAlias

from offramp.fql import tree

if TYPE_CHECKING:
    from collections.abc import Mapping

#: Path -> the texts of which an event has one there.
Needs: TypeAlias = "Mapping[tree.Keys, frozenset[str]]"


def needed_texts(node: tree.Node) -> Needs:
    """By path, the texts of which every event has one for which the node holds.

    `type = "track" and (event = "a" or event = "b")` needs `track` in `type` and `a` or `b` in
    `event`. It may be incomplete, but it is never wrong.
    """
    if node["type"] == "group":
        merge = _both if node["operator"] == "and" else _either
        return reduce(merge, map(needed_texts, node["children"]))
    if node["type"] == "not" or node["type"] == "compare":
        return {}
    operator, value = node["operator"], node.get("value")
    if operator == "=" and isinstance(value, str):
        return {tree.condition_keys(node): frozenset({value})}
    if operator == "in" and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return {tree.condition_keys(node): frozenset(map(str, value))}
    return {}


def _both(one: Needs, other: Needs) -> Needs:
    shared = {path: one[path] & other[path] for path in one.keys() & other.keys()}
    return {**one, **other, **shared}


def _either(one: Needs, other: Needs) -> Needs:
    return {path: one[path] | other[path] for path in one.keys() & other.keys()}
