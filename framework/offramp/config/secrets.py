"""Which values are secret, and how they look to a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, Final, TypeAlias

from offramp.definition import MASK, Field, Fields
from offramp.errors import join_place
from offramp.mapping.root import ROOT_KEY
from offramp.plugins.catalog import RESERVED_PREFIX

#: `env:NAME` or `file:/absolute/path`, the whole value.
REFERENCE: Final = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)|file:(/[^\x00]+)")
_MASKED = re.compile(rf"{re.escape(MASK)}.{{0,4}}", re.DOTALL)
#: What it names is where a value stands, which is no secret.
PATH_DIRECTIVE: Final = "@path"
#: How much of a secret a person may see, to tell two apart, and how long it must be for that.
SHOWN_CHARACTERS: Final = 4
SHORTEST_SHOWN: Final = 16

#: Changes one secret: `(its place in settings, mapping or payload, its value) -> another value`.
Change: TypeAlias = Callable[[str, Any], Any]


def is_reference(value: Any) -> bool:
    """Whether a value refers to a variable (`env:NAME`) or a file (`file:/path`)."""
    return isinstance(value, str) and REFERENCE.fullmatch(value) is not None


def mask(value: Any) -> Any:
    """A secret as a person may see it: `***` and, of a long one, the last four characters.

    A reference is no secret and is shown as it is.
    """
    if value is None or is_reference(value):
        return value
    shown = isinstance(value, str) and len(value) >= SHORTEST_SHOWN
    return MASK + value[-SHOWN_CHARACTERS:] if shown else MASK


def is_masked(value: Any) -> bool:
    """Whether a value is what `mask` leaves of a secret."""
    return isinstance(value, str) and _MASKED.fullmatch(value) is not None


def change_secrets(fields: Fields, data: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """A copy of settings or of a payload with every secret changed, also within objects and lists.

    What `fields` does not know counts as secret: its plugin may be gone.
    """
    return {
        key: _change(change, fields.get(key), value, join_place("", key))
        for key, value in data.items()
    }


def _change(change: Change, declared: Field | None, value: Any, place: str) -> Any:
    if declared is None or declared.is_secret:
        if isinstance(value, list):
            return [change(join_place(place, i), item) for i, item in enumerate(value)]
        return change(place, value)
    return _change_inside(partial(_change, change), declared, value, place)


def change_mapping_secrets(
    fields: Fields, mapping: Mapping[str, Any], change: Change
) -> dict[str, Any]:
    """A copy of a mapping with every secret that is written in it changed.

    Of a directive in a secret field each literal counts as secret and the paths of `@path` do not.
    What `fields` does not know counts as secret: its plugin may be gone.
    """
    some = not fields or any(field.holds_secrets for field in fields.values())
    changed = {}
    for key, value in mapping.items():
        place = join_place("", key)
        if key == ROOT_KEY or key.startswith("@"):  # it may write into any field
            changed[key] = _change_literals(change, value, place) if some else value
        elif key.startswith(RESERVED_PREFIX):
            changed[key] = value
        else:
            changed[key] = _change_mapped(change, fields.get(key), value, place)
    return changed


def _change_mapped(change: Change, declared: Field | None, value: Any, place: str) -> Any:
    if declared is None or declared.is_secret:
        return _change_literals(change, value, place)
    if declared.holds_secrets and _is_directive(value):
        return _change_literals(change, value, place)
    return _change_inside(partial(_change_mapped, change), declared, value, place)


def _change_literals(change: Change, value: Any, place: str) -> Any:
    if isinstance(value, Mapping):
        return {
            key: item
            if key == PATH_DIRECTIVE and isinstance(item, str)
            else _change_literals(change, item, join_place(place, key))
            for key, item in value.items()
        }
    if isinstance(value, list):
        return [_change_literals(change, v, join_place(place, i)) for i, v in enumerate(value)]
    return None if value is None else change(place, value)


def _is_directive(value: Any) -> bool:
    return isinstance(value, Mapping) and any(key.startswith("@") for key in value)


def _change_inside(
    change: Callable[[Field, Any, str], Any], declared: Field, value: Any, place: str
) -> Any:
    """The properties of an object, or of each object of a list, changed as they are declared."""
    if declared.properties is None:
        return value
    if isinstance(value, list):
        return [change(declared, v, join_place(place, i)) for i, v in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    return {
        key: change(declared.properties[key], item, join_place(place, key))
        if key in declared.properties
        else item
        for key, item in value.items()
    }


def secrets_by_place(change_all: Callable[[Change], Any]) -> dict[str, Any]:
    """Every secret that a walk such as `change_secrets` meets, by its place."""
    found: dict[str, Any] = {}

    def note(place: str, value: Any) -> Any:
        found[place] = value
        return value

    change_all(note)
    return found


def mask_settings(fields: Fields, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a person may see them."""
    return change_secrets(fields, settings, lambda _, value: mask(value))


def mask_mapping(fields: Fields, mapping: Mapping[str, Any]) -> dict[str, Any]:
    """A mapping as a person may see it."""
    return change_mapping_secrets(fields, mapping, lambda _, value: mask(value))
