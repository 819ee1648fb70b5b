"""Paths into an event: `$.context.groupId`, `$.products[0].sku`, `$.properties["a b"]`."""

from __future__ import annotations

import re
from typing import Any

from offramp.js.text import is_array_index
from offramp.js.units import character_at, js_length
from offramp.js.values import UNSET

#: The sign for the event itself, at the beginning of a path.
ROOT_SIGN = "$."

_SEPARATORS = re.compile(r"""\[(?=["'0-9])|\.|(?<=["'0-9])\]+""")
_QUOTES = str.maketrans("", "", "\"'")


def split_path(path: str) -> tuple[str, ...]:
    """The keys that a path goes through; none for the whole scope ("$.", "." and "")."""
    return split_reference(path.replace(ROOT_SIGN, "", 1))


def split_reference(reference: str) -> tuple[str, ...]:
    """The keys of a path written without the root sign, as templates do."""
    if not reference or reference == ".":
        return ()
    return tuple(part.translate(_QUOTES) for part in _SEPARATORS.split(reference) if part)


def path_text(prefix: str, keys: tuple[str, ...]) -> str:
    """A path as it is shown: `$` and the keys, each after a dot."""
    return ".".join((prefix, *keys))


def look_up(scope: Any, keys: tuple[str, ...]) -> Any:
    """The value under the keys, each inside the one before; without keys, the scope itself."""
    for key in keys:
        scope = scope.get(key, UNSET) if type(scope) is dict else member(scope, key)
    return scope


def member(value: Any, key: str) -> Any:
    """One member of any value, as JavaScript finds it among the value's own properties.

    Null, false, 0 and "" are returned as they are, because a path ends at the first falsy value.
    Lists and texts have their `length` and their indexes; inherited properties do not count.
    """
    match value:
        case dict():
            return value.get(key, UNSET)
        case list():
            if is_array_index(key):
                return value[int(key)] if int(key) < len(value) else UNSET
            return len(value) if key == "length" else UNSET
        case str() if value:
            if is_array_index(key):
                found = character_at(value, int(key))
                return UNSET if found is None else found
            return js_length(value) if key == "length" else UNSET
        case _:
            return UNSET if value else value
