"""What an event must have for a trigger to hold, so that only likely subscriptions are asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from offramp.fql import tree

if TYPE_CHECKING:
    from collections.abc import Iterable


def needed_texts(node: tree.Node, field: str) -> frozenset[str] | None:
    """The texts of which a top-level field has one wherever the node holds; `None` if any will do.

    `type = "track" and (event = "a" or event = "b")` needs `track` in `type` and `a` or `b` in
    `event`. It only ever says too little, never too much.
    """
    if node["type"] == "group":
        found = [needed_texts(child, field) for child in node["children"]]
        return _all_of(found) if node["operator"] == "and" else _any_of(found)
    if node["type"] == "not" or node["type"] == "compare":
        return None
    if tree.condition_keys(node) != (field,):
        return None
    operator, value = node["operator"], node.get("value")
    if operator == "=" and isinstance(value, str):
        return frozenset({value})
    if operator == "in" and isinstance(value, list) and all(isinstance(v, str) for v in value):
        return frozenset(map(str, value))
    return None


def _all_of(found: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    known = [texts for texts in found if texts is not None]
    return frozenset.intersection(*known) if known else None


def _any_of(found: Iterable[frozenset[str] | None]) -> frozenset[str] | None:
    all_texts: set[str] = set()
    for texts in found:
        if texts is None:
            return None
        all_texts |= texts
    return frozenset(all_texts)
