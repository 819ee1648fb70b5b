"""What each type of field becomes: the JSON types that a value may have, and its format."""

from __future__ import annotations

from typing import Final, Literal, TypeAlias

from offramp.definition import Field

JsonType: TypeAlias = Literal["string", "number", "integer", "boolean", "object", "null"]

#: The format of datetime fields, which is no format of JSON Schema's own.
DATE_LIKE: Final = "date-like"
#: Key of the root that is never checked, nor removed: the credentials of dynamic authentication.
EXEMPT_KEY: Final = "dynamicAuthSettings"

_STRING: Final[tuple[JsonType, ...]] = ("string",)
_TYPES: Final[dict[str, tuple[JsonType, ...]]] = {
    "string": _STRING,
    "text": _STRING,
    "password": _STRING,
    "datetime": ("string", "number"),
    "number": ("number",),
    "integer": ("integer",),
    "boolean": ("boolean",),
    "object": ("object",),
}
_NAMES: Final[dict[JsonType, str]] = {
    "string": "a string",
    "number": "a number",
    "integer": "a whole number",
    "boolean": "true or false",
    "object": "an object",
    "null": "null",
}
_DATE_AND_TIME: Final = "a date and time (2026-01-31T12:30:00Z, or milliseconds since 1970)"


def is_shaped(field: Field) -> bool:
    """Whether a field is an object, or a list of objects, whose properties are declared."""
    return field.type == "object" and field.properties is not None


def item_types(field: Field) -> tuple[JsonType, ...]:
    """The types of one value of a field: null only where the field is no list and may be null.

    An object with declared properties is never null, whatever it declares.
    """
    types = _TYPES[field.type]
    if field.allow_null and not field.multiple and not is_shaped(field):
        return (*types, "null")
    return types


def wanted(field: Field) -> str:
    """What one value of a field should be, for messages."""
    types = item_types(field)
    names = [_NAMES[name] for name in types]
    if field.type == "datetime":
        names[:2] = [_DATE_AND_TIME]
    return " or ".join(names)
