"""Paths into an event: `$.context.groupId`, `$.products[0].sku`, `$.properties["a b"]`."""

from __future__ import annotations

import re
from typing import Any

from offramp.js.text import is_array_index
from offramp.js.units import character_at, js_length
from offramp.js.values import UNSET
from offramp.mapping.values import Resolver

#: The sign for the event itself, with which a path may begin.
ROOT_SIGN = "$."
#: Paths of these depths have a resolver of their own, because nearly every mapping uses them.
TWO_DEEP, THREE_DEEP = 2, 3

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
    """How a path is shown: `$` and the keys, each after a point."""
    return ".".join((prefix, *keys))


def compile_path(keys: tuple[str, ...]) -> Resolver:
    """A resolver that looks the keys up, one inside the other."""
    match len(keys):
        case 0:
            return _whole
        case 1:
            return _one_deep(*keys)
        case 2:
            return _two_deep(*keys)
        case 3:
            return _three_deep(*keys)
        case _:
            return _deep(keys)


def look_up(scope: Any, keys: tuple[str, ...]) -> Any:
    """The value under the keys, for paths that are only known when the event is."""
    for key in keys:
        scope = member(scope, key)
    return scope


def member(value: Any, key: str) -> Any:
    """One member of any value, as JavaScript finds it among the value's own properties.

    Null, false, 0 and "" stay what they are, because a path ends at the first falsy value. Lists
    and texts know their `length` and their indexes; no value inherits anything.
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


def _whole(scope: Any) -> Any:
    return scope


def _one_deep(first: str) -> Resolver:
    def resolve(scope: Any) -> Any:
        if type(scope) is dict:
            return scope.get(first, UNSET)
        return member(scope, first)

    return resolve


def _two_deep(first: str, second: str) -> Resolver:
    def resolve(scope: Any) -> Any:
        inner = scope.get(first, UNSET) if type(scope) is dict else member(scope, first)
        if type(inner) is dict:
            return inner.get(second, UNSET)
        return member(inner, second)

    return resolve


def _three_deep(first: str, second: str, third: str) -> Resolver:
    def resolve(scope: Any) -> Any:
        outer = scope.get(first, UNSET) if type(scope) is dict else member(scope, first)
        inner = outer.get(second, UNSET) if type(outer) is dict else member(outer, second)
        if type(inner) is dict:
            return inner.get(third, UNSET)
        return member(inner, third)

    return resolve


def _deep(keys: tuple[str, ...]) -> Resolver:
    def resolve(scope: Any) -> Any:
        value = scope
        for key in keys:
            value = value.get(key, UNSET) if type(value) is dict else member(value, key)
        return value

    return resolve
