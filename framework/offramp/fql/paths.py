"""Reads a path of an event, by a function and as code."""

from __future__ import annotations

import re
from functools import partial
from operator import attrgetter
from typing import TYPE_CHECKING, Any

from offramp._json import attribute_of
from offramp.codegen import Source
from offramp.js.units import js_units

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from offramp.fql.tree import Keys

#: Most keys of a path that is read by code, since the expression of each key is nested in the next.
#: A longer path is read by the function.
_MAX_WRITTEN = 4
_ITEM_KEY = re.compile("length|0|[1-9][0-9]{0,8}")
_INDEX = re.compile("0|[1-9][0-9]{0,8}")


class EventSource(Source):
    """Code that reads paths of `event`: of a dictionary, or of what a `StructReader` read."""

    def __init__(self, title: str, *, of_struct: bool = False) -> None:
        super().__init__(title, step=step)
        self._of_struct = of_struct

    def first(self, key: str) -> str:
        """The expression of the value of a key of `event`."""
        return f"event.{attribute_of(key)}" if self._of_struct else f"event.get({key!r})"


def compile_path(keys: Keys) -> Callable[[dict[str, Any]], Any]:
    """Make the function that reads a path of an event; it returns None if there is no value."""
    first, *rest = keys
    return lambda event: _follow(event.get(first), rest)


def compile_struct_path(keys: Keys) -> Callable[[Any], Any]:
    """Make the function that reads a path of an event that a `StructReader` read, likewise."""
    first, *rest = keys
    read = attrgetter(attribute_of(first))
    return (lambda event: _follow(read(event), rest)) if rest else read


def emit_path(source: EventSource, keys: Keys) -> str:
    """Write the expression that reads a path of `event`; it may call `step`."""
    first, *rest = keys
    here = source.first(first)
    if len(keys) > _MAX_WRITTEN:
        return f"{source.name('follow', partial(_follow, keys=rest))}({here})"
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


def _follow(here: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        here = step(here, key)
    return here


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
