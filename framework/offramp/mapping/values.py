"""The values of a mapping: JSON values and absence, with JavaScript's rules."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from enum import IntEnum
from typing import Any

from offramp.js.values import UNSET

#: Turns a scope (the event, or an item of one of its lists) into a value, or into `UNSET`.
Resolver = Callable[[Any], Any]


class Keep(IntEnum):
    """Which absent members an object must keep as `UNSET`, because they overwrite others."""

    #: None; absent members are left out.
    NONE = 0
    #: Those of the value itself, as `@merge` needs.
    TOP = 1
    #: Those of every object inside it too, as `@flatten` needs.
    ALL = 2

    @property
    def inside(self) -> Keep:
        """What the members of an object must keep, if the object must keep this."""
        return self if self is Keep.ALL else Keep.NONE


def settle(value: Any) -> Any:
    """A result as JSON: objects without `UNSET` members, and null for `UNSET` in a list.

    A part that needs no change is returned as it is, not copied.
    """
    if value is UNSET:
        return None
    if type(value) is dict:
        settled = {key: settle(item) for key, item in value.items() if item is not UNSET}
        return value if _same(settled, value) else settled
    if type(value) is list:
        items = [settle(item) for item in value]
        changed = any(new is not old for new, old in zip(items, value, strict=True))
        return items if changed else value
    return value


def prune(value: Any) -> Any:
    """A value without the `UNSET` members of its objects; `UNSET` items of lists stay."""
    if type(value) is dict:
        return {key: prune(item) for key, item in value.items() if item is not UNSET}
    if type(value) is list:
        return [prune(item) for item in value]
    return value


def numbered(items: Iterable[Any]) -> Iterable[tuple[str, Any]]:
    """Items as the members of an object, each under its index."""
    return ((str(at), item) for at, item in enumerate(items))


def present(members: dict[str, Any]) -> dict[str, Any]:
    """An object without its members that are `UNSET`."""
    return {key: item for key, item in members.items() if item is not UNSET}


def _same(left: dict[str, Any], right: dict[str, Any]) -> bool:
    return len(left) == len(right) and all(left[key] is right[key] for key in left)
