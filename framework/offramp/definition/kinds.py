"""Validators of attributes that say what to write where a value is of another kind."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import attrs

from offramp.errors import DefinitionError, Fault


def check_kind(wanted: Any, message: str) -> Callable[[Any, Any, Any], None]:
    """A validator for a value of a kind, as `isinstance` takes it."""

    def check(owner: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        if not isinstance(value, wanted):
            raise _another_kind(owner, attribute, value, message)

    return check


def check_values(wanted: Any, message: str) -> Callable[[Any, Any, Any], None]:
    """A validator for an object whose values are all of a kind."""

    def check(owner: Any, attribute: attrs.Attribute[Any], value: Any) -> None:
        fits = isinstance(value, Mapping) and all(isinstance(v, wanted) for v in value.values())
        if not fits:
            raise _another_kind(owner, attribute, value, message)

    return check


def _another_kind(
    owner: Any, attribute: attrs.Attribute[Any], value: Any, message: str
) -> DefinitionError:
    place = f"{type(owner).__name__}.{attribute.name}"
    return DefinitionError([Fault(place, f"is {message}, not {value!r}")])
