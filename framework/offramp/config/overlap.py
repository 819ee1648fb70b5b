"""Whether two triggers can select one and the same event, told from their trees alone."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from typing import Any, TypeAlias

import attrs

from offramp.errors import describe_type
from offramp.fql import Node, parse
from offramp.fql.tree import Keys, condition_keys, is_condition

#: Each with its type: to Python, 1 and true would be one.
Values: TypeAlias = frozenset[tuple[str, Any]]


@attrs.frozen
class _Bounds:
    """What every selected event has at some paths: one of `only`, and none of `never`."""

    only: dict[Keys, Values]
    never: dict[Keys, Values]
    #: Whether nothing but these bounds decides, so that they may be turned around.
    exact: bool = False


_NO: Values = frozenset()
_ANYTHING = _Bounds({}, {})


def may_overlap(one: str, other: str) -> bool:
    """False where no event can match both triggers; True where that cannot be told.

    Looks at what a path must be equal to, or must not. Raises `TriggerError` for a bad trigger.
    """
    a, b = _bounds(parse(one)), _bounds(parse(other))
    return not (_excludes(a, b) or _excludes(b, a))


def _excludes(a: _Bounds, b: _Bounds) -> bool:
    return any(
        values.isdisjoint(b.only.get(path, values)) or values <= b.never.get(path, _NO)
        for path, values in a.only.items()
    )


def _bounds(node: Node) -> _Bounds:
    if is_condition(node):
        return _of_condition(condition_keys(node), node["operator"], node.get("value"))
    if node["type"] == "group":
        join = _both if node["operator"] == "and" else _either
        return reduce(join, map(_bounds, node["children"]))
    if node["type"] == "not":
        return _turned(_bounds(node["child"]))
    return _ANYTHING


def _of_condition(path: Keys, operator: str, value: Any) -> _Bounds:
    named = value if operator == "in" else [value]
    if not isinstance(named, list) or any(isinstance(each, list | dict) for each in named):
        return _ANYTHING
    values = frozenset((describe_type(each), each) for each in named)
    if operator in ("=", "in"):
        return _Bounds({path: values}, {}, exact=True)
    if operator == "!=":
        return _Bounds({}, {path: values}, exact=True)
    return _ANYTHING


def _turned(bounds: _Bounds) -> _Bounds:
    """The bounds of the opposite, which a single condition has; of more, nothing is known."""
    single = len(bounds.only) + len(bounds.never) == 1
    if not (bounds.exact and single):
        return _ANYTHING
    return _Bounds(bounds.never, bounds.only, exact=True)


def _both(a: _Bounds, b: _Bounds) -> _Bounds:
    return _Bounds(
        _merged(a.only, b.only, frozenset.intersection, {*a.only, *b.only}),
        _merged(a.never, b.never, frozenset.union, {*a.never, *b.never}),
    )


def _either(a: _Bounds, b: _Bounds) -> _Bounds:
    return _Bounds(
        _merged(a.only, b.only, frozenset.union, a.only.keys() & b.only.keys()),
        _merged(a.never, b.never, frozenset.intersection, a.never.keys() & b.never.keys()),
    )


def _merged(
    a: Mapping[Keys, Values],
    b: Mapping[Keys, Values],
    join: Callable[[Values, Values], Values],
    paths: Iterable[Keys],
) -> dict[Keys, Values]:
    # A path that only one side bounds is bounded by that side.
    return {
        path: join(a.get(path, b.get(path, _NO)), b.get(path, a.get(path, _NO))) for path in paths
    }
