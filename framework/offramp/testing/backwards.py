"""Inverts mappings: makes an event from which a mapping makes a given payload."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator, Mapping
from itertools import pairwise
from typing import Any, Final, TypeAlias

from offramp import _json
from offramp.definition import defaults_of
from offramp.mapping.path import split_path, split_reference
from offramp.testing.data import HasFields, fields_for, generate_test_data
from offramp.testing.events import create_test_event
from offramp.testing.formats import UNIQUE_CHARACTERS, word

#: A value, and the keys of its path in the event.
Placing: TypeAlias = "tuple[tuple[str, ...], Any]"

#: A template that consists of one placeholder.
_ONE_VALUE: Final = re.compile(r"\s*\{\{\{?\s*([^{}]+?)\s*\}?\}\}\s*")
#: Fields of the event that are never changed, since the collector depends on them.
_KEPT: Final = frozenset({"type"})


def generate_test_event(
    of: HasFields,
    mapping: Mapping[str, Any] | None = None,
    *,
    seed: str | None = None,
    only_required: bool = False,
    values: Mapping[str, Any] | None = None,
    **changes: Any,
) -> dict[str, Any]:
    """An event from which a mapping (the fields' defaults) makes values like `generate_test_data`.

    The values, overridden by `values`, are put at the paths that the mapping reads, in an event
    that is otherwise `create_test_event(**changes)`. What cannot be inverted (Liquid, templates
    with text around a placeholder) reads what the event has.
    """
    fields = fields_for(of)
    slug = getattr(of, "slug", None)
    data = generate_test_data(of, seed=seed, only_required=only_required) | dict(values or {})
    spec = defaults_of(fields) if mapping is None else mapping
    rng = random.Random(f"{seed or slug}")  # noqa: S311 - made-up values
    own_id = f"message-{word(rng, UNIQUE_CHARACTERS)}"
    whole = create_test_event(**{"messageId": own_id, **changes})
    placings: dict[tuple[str, ...], Any] = {}
    # Required fields come first: if two fields read one path, the first value is kept.
    for key in sorted(data, key=lambda key: fields[key].required is not True):
        for keys, value in _placings(spec.get(key), data[key]):
            placings.setdefault(keys, value)
    for keys, value in sorted(placings.items(), key=lambda placing: len(placing[0])):
        if keys and keys[0] not in _KEPT:
            put(whole, keys, value)
    return whole


def _placings(spec: Any, value: Any) -> Iterator[Placing]:
    """The paths that a spec reads, each with the value that it needs to give `value`."""
    match spec:
        case {"@path": str(path)}:
            yield split_path(path), value
        case {"@template": str(text)} if found := _ONE_VALUE.fullmatch(text):
            yield split_reference(found[1]), value
        case {"@arrayPath": [where, *shape]} if isinstance(value, list):
            yield from _placings(_as_path(where), _items(value, shape))
        case dict() if _is_directive(spec):
            for inner, wanted in _within(spec, value):
                yield from _placings(inner, wanted)
        case dict() if isinstance(value, dict):
            for key in [key for key in spec if key in value]:
                yield from _placings(spec[key], value[key])
        case list() if isinstance(value, list):
            for inner, item in zip(spec, value, strict=False):
                yield from _placings(inner, item)


def _within(spec: Mapping[str, Any], value: Any) -> Iterator[tuple[Any, Any]]:
    """The specs inside a directive that pass their value on, each with the value it has to give."""
    match spec:
        # `blank`, despite its name, holds for values that are not blank.
        case {"@if": {"exists": asked, "then": wanted} | {"blank": asked, "then": wanted}}:
            yield asked, value
            yield wanted, value
        case {"@json": {"mode": "decode", "value": inner}}:
            yield inner, _json.dumps(value).decode()
        case {"@case": {"value": inner}} | {"@json": {"value": inner}}:
            yield inner, value


def _is_directive(spec: Mapping[str, Any]) -> bool:
    return any(key.startswith("@") for key in spec)


def _as_path(where: Any) -> Any:
    return {"@path": where} if isinstance(where, str) else where


def _items(values: list[Any], shape: list[Any]) -> list[Any]:
    """The items of the event's list, each of which becomes one of the values."""
    if not shape:
        return values
    items = []
    for value in values:
        item: dict[str, Any] = {}
        for keys, inner in _placings(shape[0], value):
            if keys:
                put(item, keys, inner)
        items.append(item)
    return items


def put(scope: dict[str, Any], keys: tuple[str, ...], value: Any) -> None:
    """Put a value at a path of keys, and create the objects that are missing on the way."""
    holder: Any = scope
    for key, after in pairwise(keys):
        inner = _member(holder, key)
        if not isinstance(inner, dict | list):
            inner = [] if after.isdecimal() else {}
            _set(holder, key, inner)
        holder = inner
    _set(holder, keys[-1], value)


def _member(holder: Any, key: str) -> Any:
    if isinstance(holder, dict):
        return holder.get(key)
    return holder[int(key)] if key.isdecimal() and int(key) < len(holder) else None


def _set(holder: Any, key: str, value: Any) -> None:
    if isinstance(holder, dict):
        holder[key] = value
    elif key.isdecimal():
        holder.extend([None] * (int(key) + 1 - len(holder)))
        holder[int(key)] = value
