"""The JSON Schema (draft 2020-12) of checked payloads, for documentation and forms.

Each type, rule and condition declares its own part of it.
"""

from __future__ import annotations

from typing import Any, Final

from offramp.definition import Field, Fields
from offramp.payload.conditions import demands_schema, has_conditions
from offramp.payload.types import is_shaped, json_types, rules_of, type_of

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


def json_schema(fields: Fields) -> dict[str, Any]:
    """The JSON Schema of the payloads that `compile_check(fields)` returns, as JSON data."""
    return {"$schema": DIALECT, **_object(fields, keeps_unknown=False)}


def _object(fields: Fields, *, keeps_unknown: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {
        "type": "object",
        "properties": {key: _field(field) for key, field in fields.items()},
        "additionalProperties": keeps_unknown,
    }
    required = [key for key, field in fields.items() if field.required is True]
    if required:
        schema["required"] = required
    demands = demands_schema(fields)
    if demands:
        schema["allOf"] = demands
    return schema


def _field(field: Field) -> dict[str, Any]:
    value = _value(field)
    if field.multiple:
        value = {"type": "array", "items": value}
    notes = {"title": field.label, "description": field.description}
    if field.read_only:
        value["readOnly"] = True
    return {**{name: text for name, text in notes.items() if text}, **value}


def _value(field: Field) -> dict[str, Any]:
    schema = _shaped(field) if is_shaped(field) else _typed(field)
    for rule in rules_of(field):
        schema |= rule.schema
    return schema


def _typed(field: Field) -> dict[str, Any]:
    definition, (first, *others) = type_of(field), json_types(field)
    names = [first.name, *(each.name for each in others)]
    schema: dict[str, Any] = {"type": names if others else first.name}
    form = field.format if definition.takes_format else definition.format
    if form is not None and not field.multiple:
        schema["format"] = form
    if field.is_secret:
        schema["writeOnly"] = True
    return schema


def _shaped(field: Field) -> dict[str, Any]:
    fields = field.properties or {}
    schema = _object(fields, keeps_unknown=field.additional_properties)
    if has_conditions(fields):  # then the object around it says what is required
        schema.pop("required", None)
        schema.pop("allOf", None)
    return schema
