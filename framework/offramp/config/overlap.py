"""Which triggers can select one and the same event, told from their trees alone."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from functools import reduce
from itertools import chain
from typing import Any, TypeAlias

import attrs

from offramp.errors import describe_type
from offramp.fql import Node
from offramp.fql.tree import Keys, condition_keys, is_condition

#: Each with its type: to Python, 1 and true would be one.
Values: TypeAlias = frozenset[tuple[str, Any]]


@attrs.frozen
class Bounds:
    """What every selected event has at some paths: one of `only`, and none of `never`."""

    only: dict[Keys, Values]
    never: dict[Keys, Values]
    #: Whether nothing but these bounds decides, so that they may be turned around.
    exact: bool = False


_NO: Values = frozenset()
_ANYTHING = Bounds({}, {})


def may_overlap(a: Bounds, b: Bounds) -> bool:
    """False where no event is within both; True where that cannot be told."""
    return not (_excludes(a, b) or _excludes(b, a))


def overlapping(every: Sequence[Bounds]) -> Iterator[tuple[int, int]]:
    """The positions of each two that may overlap, in order.

    Only those are compared that ask for one value at the path that tells most of them apart.
    """
    path, by_value = _best_index(every)
    free = [n for n, bounds in enumerate(every) if path not in bounds.only]
    for first, bounds in enumerate(every):
        if path in bounds.only:
            alike = (by_value[value] for value in bounds.only[path])
            others: Iterable[int] = sorted({*free, *chain.from_iterable(alike)})
        else:
            others = range(len(every))
        for second in others:
            if second > first and may_overlap(bounds, every[second]):
                yield first, second


def _best_index(every: Sequence[Bounds]) -> tuple[Keys, Mapping[Any, Sequence[int]]]:
    """The path by which the fewest pairs are left to be compared; who asks for what there."""
    indexes: defaultdict[Keys, defaultdict[Any, list[int]]]
    indexes = defaultdict(lambda: defaultdict(list))
    bounded: Counter[Keys] = Counter()
    for position, bounds in enumerate(every):
        bounded.update(bounds.only.keys())
        for path, values in bounds.only.items():
            for value in values:
                indexes[path][value].append(position)

    def pairs(path: Keys) -> int:
        alike = sum(len(positions) ** 2 for positions in indexes[path].values())
        return alike + len(every) * (len(every) - bounded[path])

    best = min(indexes, key=pairs, default=())
    return best, indexes[best]


def _excludes(a: Bounds, b: Bounds) -> bool:
    return any(
        values.isdisjoint(b.only.get(path, values)) or values <= b.never.get(path, _NO)
        for path, values in a.only.items()
    )


def bounds_of(node: Node) -> Bounds:
    """The bounds of a trigger's tree: what a path must be equal to, or must not."""
    if is_condition(node):
        return _of_condition(condition_keys(node), node["operator"], node.get("value"))
    if node["type"] == "group":
        join = _both if node["operator"] == "and" else _either
        return reduce(join, map(bounds_of, node["children"]))
    if node["type"] == "not":
        return _turned(bounds_of(node["child"]))
    return _ANYTHING


def _of_condition(path: Keys, operator: str, value: Any) -> Bounds:
    named = value if operator == "in" else [value]
    if not isinstance(named, list) or any(isinstance(each, list | dict) for each in named):
        return _ANYTHING
    values = frozenset((describe_type(each), each) for each in named)
    if operator in ("=", "in"):
        return Bounds({path: values}, {}, exact=True)
    if operator == "!=":
        return Bounds({}, {path: values}, exact=True)
    return _ANYTHING


def _turned(bounds: Bounds) -> Bounds:
    """The bounds of the opposite, which a single condition has; of more, nothing is known."""
    single = len(bounds.only) + len(bounds.never) == 1
    if not (bounds.exact and single):
        return _ANYTHING
    return Bounds(bounds.never, bounds.only, exact=True)


def _both(a: Bounds, b: Bounds) -> Bounds:
    return Bounds(
        _merged(a.only, b.only, frozenset.intersection, {*a.only, *b.only}),
        _merged(a.never, b.never, frozenset.union, {*a.never, *b.never}),
    )


def _either(a: Bounds, b: Bounds) -> Bounds:
    return Bounds(
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
