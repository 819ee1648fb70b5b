"""Paths into an event: `$.context.groupId`, `$.products[0].sku`, `$.properties["a b"]`."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from offramp.js.text import is_array_index
from offramp.js.units import character_at, js_length
from offramp.js.values import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterable

#: The sign for the event itself, at the beginning of a path.
ROOT_SIGN = "$."

#: The sign for the items of a list in a path.
EACH_ITEM: Final = "[*]"

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


def first_key(path: str) -> str | None:
    """The event's own key that a path, as `path_text` writes it, begins with; `None` for `$`."""
    return next(iter(re.split(r"[.\[]", path)[1:2]), None)


def missing_paths(paths: Iterable[str], event: dict[str, Any]) -> list[str]:
    """Those of the paths, written as `path_text` does, at which an event has nothing.

    Null is something. A path into the items of a list, `$.products[*].sku`, is missing if no item
    has it.
    """
    return [path for path in paths if not _has(event, path.split(".")[1:])]


def _has(value: Any, keys: list[str]) -> bool:
    for at, key in enumerate(keys):
        value = look_up(value, (key.removesuffix(EACH_ITEM),))
        if key.endswith(EACH_ITEM):
            items = value if type(value) is list else [value]
            return any(_has(item, keys[at + 1 :]) for item in items)
        if value is UNSET:
            return False
    return value is not UNSET


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
