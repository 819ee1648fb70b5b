"""Which values are secret, and how they look to a person."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from offramp.config.table import join_place
from offramp.definition import MASK, Field, Fields

#: `env:NAME` or `file:/absolute/path`, the whole value.
REFERENCE: Final = re.compile(r"env:([A-Za-z_][A-Za-z0-9_]*)|file:(/[^\x00]+)")
_MASKED = re.compile(rf"{re.escape(MASK)}.{{0,4}}", re.DOTALL)
#: How much of a secret a person may see, to tell two apart, and how long it must be for that.
SHOWN_CHARACTERS: Final = 4
SHORTEST_SHOWN: Final = 16

#: Changes one secret: `(its place in the settings, its value) -> another value`.
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


def change_secrets(fields: Fields, settings: Mapping[str, Any], change: Change) -> dict[str, Any]:
    """A copy of settings with every secret changed, those inside objects and lists too.

    Settings that `fields` does not know count as secret: their plugin may be gone.
    """
    return {
        key: _change(fields.get(key), value, change, join_place("", key))
        for key, value in settings.items()
    }


def _change(declared: Field | None, value: Any, change: Change, place: str) -> Any:
    if declared is None or declared.type == "password":
        if isinstance(value, list):
            return [change(join_place(place, i), item) for i, item in enumerate(value)]
        return change(place, value)
    if declared.properties is None:
        return value
    if isinstance(value, list):
        return [_change(declared, v, change, join_place(place, i)) for i, v in enumerate(value)]
    if not isinstance(value, Mapping):
        return value
    return {
        key: _change(declared.properties[key], item, change, join_place(place, key))
        if key in declared.properties
        else item
        for key, item in value.items()
    }


def mask_settings(fields: Fields, settings: Mapping[str, Any]) -> dict[str, Any]:
    """Settings as a person may see them."""
    return change_secrets(fields, settings, lambda _, value: mask(value))
