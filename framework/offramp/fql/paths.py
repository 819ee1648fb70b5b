"""Reads a path of an event, by a function and as code."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from offramp.js.units import js_units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from offramp.codegen import Source
    from offramp.fql.tree import Keys

#: Most keys of a path that is read by code, since the expression of each key is nested in the next.
#: A longer path is read by the function.
_MAX_WRITTEN = 4
_ITEM_KEY = re.compile("length|0|[1-9][0-9]{0,8}")
_INDEX = re.compile("0|[1-9][0-9]{0,8}")


def compile_path(keys: Keys) -> Callable[[dict[str, Any]], Any]:
    """Make the function that reads a path of an event; it returns None if there is no value."""
    first, *rest = keys

    def read(event: dict[str, Any]) -> Any:
        here = event.get(first)
        for key in rest:
            here = step(here, key)
        return here

    return read


def emit_path(source: Source, keys: Keys) -> str:
    """Write the expression that reads a path of `event`; it may call `step`."""
    if len(keys) > _MAX_WRITTEN:
        return f"{source.name('read', compile_path(keys))}(event)"
    first, *rest = keys
    here = f"event.get({first!r})"
    for key in rest:
        name = source.name("here")
        inside = f"{name}.get({key!r}) if type({name} := {here}) is dict"
        here = f"({inside} else step({name}, {key!r}))"
    return here


def step(container: Any, key: str) -> Any:
    """Read one key of a value, as JavaScript would.

    A list or a text has its items by index, and its `length`. A value that is false, zero or ""
    is returned itself, whatever the key, as Segment's `get` does.
    """
    if isinstance(container, dict):
        return container.get(key)
    if isinstance(container, list):
        return _item(container, key)
    if isinstance(container, str) and container:
        return _item(js_units(container), key) if _ITEM_KEY.fullmatch(key) else None
    return None if container else container


def locate(event: dict[str, Any], keys: Keys) -> tuple[bool, Any]:
    """Whether an event has a value at a path (null counts), and the value."""
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
