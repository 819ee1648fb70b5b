"""A path of an event as a function that reads it, specialised for how deep it goes."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from offramp.js.units import js_units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from offramp.fql.tree import Keys

#: Paths of this many keys have a reader of their own: `properties.plan` is by far the usual one.
_TWO = 2
_ITEM_KEY = re.compile("length|0|[1-9][0-9]{0,8}")
_INDEX = re.compile("0|[1-9][0-9]{0,8}")


def compile_path(keys: Keys) -> Callable[[dict[str, Any]], Any]:
    """Make the function that reads a path of an event; it answers None where nothing is."""
    if len(keys) == 1:
        return _reader_of_one(keys[0])
    if len(keys) == _TWO:
        return _reader_of_two(*keys)
    return _reader_of_many(keys)


def compile_at(keys: Keys, test: Callable[[Any], bool]) -> Callable[[dict[str, Any]], bool]:
    """Make the function that puts what is at a path to a test, with one call less than two have."""
    if len(keys) == 1:
        (key,) = keys
        return lambda event: test(event.get(key))
    read = compile_path(keys)
    if len(keys) != _TWO:
        return lambda event: test(read(event))
    first, second = keys

    def check(event: dict[str, Any]) -> bool:
        inside = event.get(first)
        return test(inside.get(second) if type(inside) is dict else read(event))

    return check


def compile_equality(keys: Keys, text: str) -> Callable[[dict[str, Any]], bool]:
    """Make `path = "text"`, which nearly every trigger has, as one closure for a short path."""
    if len(keys) == 1:
        (key,) = keys
        return lambda event: event.get(key) == text
    read = compile_path(keys)
    if len(keys) != _TWO:
        return lambda event: read(event) == text
    first, second = keys

    def check(event: dict[str, Any]) -> bool:
        inside = event.get(first)
        found: object = inside.get(second) if type(inside) is dict else read(event)
        return found == text

    return check


def step(container: Any, key: str) -> Any:
    """Go one key further down, as JavaScript would.

    A list or a text gives its items by index, and its `length`. What is false, zero or "" stays
    what it is, whatever is asked of it: Segment's `get` behaves so.
    """
    if isinstance(container, dict):
        return container.get(key)
    if isinstance(container, list):
        return _item(container, key)
    if isinstance(container, str) and container:
        return _item(js_units(container), key) if _ITEM_KEY.fullmatch(key) else None
    return None if container else container


def locate(event: dict[str, Any], keys: Keys) -> tuple[bool, Any]:
    """Find out whether an event has something at a path (null counts), and what."""
    here: Any = event
    for key in keys:
        before, here = here, step(here, key)
    missing = here is None and not (isinstance(before, dict) and keys[-1] in before)
    if missing and isinstance(before, list) and _INDEX.fullmatch(keys[-1]):
        missing = int(keys[-1]) >= len(before)
    return not missing, here


def _item(items: Sequence[Any], key: str) -> Any:
    if key == "length":
        return len(items)
    return items[int(key)] if _INDEX.fullmatch(key) and int(key) < len(items) else None


def _reader_of_one(key: str) -> Callable[[dict[str, Any]], Any]:
    def read(event: dict[str, Any]) -> Any:
        return event.get(key)

    return read


def _reader_of_two(first: str, second: str) -> Callable[[dict[str, Any]], Any]:
    def read(event: dict[str, Any]) -> Any:
        inside = event.get(first)
        if type(inside) is dict:
            return inside.get(second)
        return step(inside, second)

    return read


def _reader_of_many(keys: Keys) -> Callable[[dict[str, Any]], Any]:
    first, *rest = keys

    def read(event: dict[str, Any]) -> Any:
        here = event.get(first)
        for key in rest:
            here = here.get(key) if type(here) is dict else step(here, key)
        return here

    return read
