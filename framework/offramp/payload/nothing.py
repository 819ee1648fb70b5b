"""Removes from a payload the values that count as nothing, before anything is checked.

These are null if the field may not be null, the empty string if the field is not a string, and at
the root of a payload every empty string, unless the field allows one. Objects inside lists stay as
they are.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from offramp.definition import Field, Fields
from offramp.js.values import UNSET
from offramp.payload.types import NULL, STRING, is_shaped, json_types


def compile_clean(fields: Fields, *, at_root: bool) -> Callable[[dict[str, Any]], dict[str, Any]]:
    """Compile a function that copies an object without members, at any depth, that are nothing."""
    cleans = {key: _deep(field, at_root=at_root) for key, field in fields.items()}

    def unknown(value: Any) -> Any:
        return UNSET if at_root and value == "" else value

    def clean(data: dict[str, Any]) -> dict[str, Any]:
        kept = ((key, cleans.get(key, unknown)(value)) for key, value in data.items())
        return {key: value for key, value in kept if value is not UNSET}

    return clean


def _deep(field: Field, *, at_root: bool) -> Callable[[Any], Any]:
    is_nothing = compile_is_nothing(field, at_root=at_root)
    inside: Callable[[Any], Any] | None = None
    container: type = list
    if field.multiple:
        inside = compile_keep_items(field)
    elif is_shaped(field):
        container, inside = dict, compile_clean(field.properties or {}, at_root=False)

    def clean(value: Any) -> Any:
        if inside is not None and isinstance(value, container):
            return inside(value)
        return UNSET if not value and is_nothing(value) else value

    return clean


def compile_is_nothing(field: Field, *, at_root: bool) -> Callable[[Any], bool]:
    """Compile a test of a falsy value: whether it counts as nothing for a field."""
    types = () if field.multiple else json_types(field)
    drops_null = NULL not in types
    drops_blank = (at_root and not field.allow_empty) or STRING not in types

    def is_nothing(value: Any) -> bool:
        return drops_null if value is None else drops_blank and isinstance(value, str)

    return is_nothing


def compile_keep_items(field: Field) -> Callable[[list[Any]], list[Any]]:
    """Compile a function that copies a list without items that count as nothing."""
    drops_blank = STRING not in json_types(field)

    def is_kept(item: Any) -> bool:
        # Only a falsy value can be nothing, so most values need no further comparison.
        return bool(item) or not (item is None or (drops_blank and isinstance(item, str)))

    return lambda items: list(filter(is_kept, items))
