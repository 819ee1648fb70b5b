"""What a default mapping says of an object's properties: keys that it does not have go nowhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from offramp.definition.fields import Field
from offramp.errors import Fault, join_place


def unknown_properties(field: Field, mapping: Any, place: str = "$") -> Iterator[Fault]:
    """A fault for each key of a mapping, at any depth, that is no property of the object's field.

    What a directive makes is known per event only, but for the parts that are written in it.
    """
    if field.properties is None or field.additional_properties:
        return
    for written, at in _objects(mapping, place):
        for key, value in written.items():
            inner = join_place(at, key)
            if key in field.properties:
                yield from unknown_properties(field.properties[key], value, inner)
            else:
                known = ", ".join(field.properties) or "none"
                message = (
                    f"{key!r} is no property of the object, so that nothing would be sent for it: "
                    f"there are {known}; additional_properties=True allows any"
                )
                yield Fault(inner, message)


def _objects(mapping: Any, place: str) -> Iterator[tuple[Mapping[str, Any], str]]:
    """The objects that are written in a mapping as the value itself, with their places."""
    match mapping:
        case list() | tuple():
            for index, item in enumerate(mapping):
                yield from _objects(item, join_place(place, index))
        case {"@arrayPath": [_, item]}:
            yield from _objects(item, join_place(join_place(place, "@arrayPath"), 1))
        case {"@if": {**branches}}:
            at = join_place(place, "@if")
            for branch in ("then", "else"):
                yield from _objects(branches.get(branch), join_place(at, branch))
        case Mapping() if not any(str(key).startswith("@") for key in mapping):
            yield mapping, place
