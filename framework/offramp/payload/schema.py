"""The JSON Schema (draft 2020-12) that checked payloads obey, for documentation and forms."""

from __future__ import annotations

from typing import Any, Final

from offramp.definition import UNSET, Condition, Conditions, Field, Fields
from offramp.payload.conditions import conditions_of, has_conditions
from offramp.payload.rules import allowed_values
from offramp.payload.types import is_shaped, item_types

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
#: Field type -> the format that says most of it in JSON Schema.
_FORMATS: Final = {"datetime": "date-time", "password": "password"}


def json_schema(fields: Fields) -> dict[str, Any]:
    """The JSON Schema of the payloads that `compile_check(fields)` answers with, as JSON data."""
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
    demands = [_demand(key, conditions) for key, conditions in conditions_of(fields)]
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
    if is_shaped(field):
        return _shaped(field)
    types = item_types(field)
    schema: dict[str, Any] = {"type": types[0] if len(types) == 1 else list(types)}
    if field.choices is not None:
        schema["enum"] = allowed_values(field)
    if not field.multiple:
        schema |= _bounds(field)
        form = _FORMATS.get(field.type, field.format if field.type == "string" else None)
        if form is not None:
            schema["format"] = form
    if field.is_secret:
        schema["writeOnly"] = True
    return schema


def _shaped(field: Field) -> dict[str, Any]:
    fields = field.properties or {}
    schema = _object(fields, keeps_unknown=field.additional_properties)
    if has_conditions(fields):  # the object around it says then what is required
        schema.pop("required", None)
        schema.pop("allOf", None)
    if field.choices is not None and not field.multiple:
        schema["enum"] = allowed_values(field)
    return schema


def _bounds(field: Field) -> dict[str, Any]:
    names = {"string": ("minLength", "maxLength"), "number": ("minimum", "maximum")}
    least, most = names.get(field.type, ("", ""))
    bounds = {least: field.minimum, most: field.maximum}
    return {name: bound for name, bound in bounds.items() if name and bound}


def _demand(key: str, conditions: Conditions) -> dict[str, Any]:
    tests = [_condition(condition) for condition in conditions.conditions]
    join = "anyOf" if conditions.match == "any" else "allOf"
    test = tests[0] if len(tests) == 1 else {join: tests}
    return {"if": test, "then": _member(*key.split(".")[:2])}


def _condition(condition: Condition) -> dict[str, Any]:
    keys = condition.field_key.split(".")[:2]
    if condition.value is UNSET and len(keys) == 1:
        return _member(*keys) if condition.operator == "is_not" else {"not": _member(*keys)}
    value: dict[str, Any] = {} if condition.value is UNSET else {"const": condition.value}
    if condition.operator == "is_not":
        value = {"not": value}
    return _member(*keys, value=value)


def _member(key: str, child: str | None = None, *, value: Any = None) -> dict[str, Any]:
    """What holds for an object that has a member, and in it another, of some value."""
    inside = value if child is None else _member(child, value=value)
    return {"required": [key], **({"properties": {key: inside}} if inside else {})}
