"""Fields in the JSON shape of Segment's public `metadata.json`, written and read back."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final, get_args

import attrs

from offramp.definition.fields import Choice, Condition, Conditions, Field, Fields, FieldType
from offramp.definition.shape import TEXT_TYPES
from offramp.errors import DefinitionError, Fault
from offramp.js.values import UNSET

#: Attribute of `Field` -> name in the manifest, where they differ.
_WIRE: Final[dict[str, str]] = {
    "allow_null": "allowNull",
    "read_only": "readOnly",
    "default_object_ui": "defaultObjectUI",
    "disabled_input_methods": "disabledInputMethods",
    "display_mode": "displayMode",
    "additional_properties": "additionalProperties",
}
_PLAIN: Final = (
    "label",
    "description",
    "type",
    "multiple",
    "allow_null",
    "dynamic",
    "default",
    "placeholder",
    "category",
    "read_only",
    "hidden",
    "minimum",
    "maximum",
    "default_object_ui",
    "disabled_input_methods",
    "display_mode",
    "format",
    "additional_properties",
)
_SETTING_KEYS: Final = (
    "label",
    "description",
    "type",
    "required",
    "multiple",
    "choices",
    "default",
    "depends_on",
)
_TYPES: Final = frozenset(get_args(FieldType))
#: How definitions in TypeScript spell `hidden`.
_HIDDEN_ALIAS: Final = "unsafe_hidden"


def fields_to_manifest(fields: Fields) -> dict[str, Any]:
    """Fields as JSON data, in the shape of Segment's metadata.

    Every property is present except `description`, which is left out if none was written.
    """
    return {key: _field_to_manifest(field) for key, field in fields.items()}


def settings_to_manifest(fields: Fields) -> dict[str, Any]:
    """Settings as JSON data, with the few properties that Segment's metadata has for them."""
    return {
        key: {name: data[name] for name in _SETTING_KEYS if name in data}
        for key, data in fields_to_manifest(fields).items()
    }


def fields_from_manifest(data: Mapping[str, Any]) -> dict[str, Field]:
    """Read fields from Segment's JSON form, in which properties may be missing.

    Raises `DefinitionError` that names every field at fault.
    """
    found: dict[str, Field] = {}
    faults: list[Fault] = []
    for key, spec in data.items():
        try:
            found[key] = _field_from_manifest(key, spec)
        except DefinitionError as error:
            faults += [fault.under(f"$.{key}") for fault in error.faults]
    if faults:
        raise DefinitionError(faults)
    return found


def settings_from_manifest(data: Mapping[str, Any]) -> dict[str, Field]:
    """Read settings from Segment's JSON form; an empty text is a value of those that have it.

    Those are the texts whose default is empty: at Segment, an action gets them as they are. Raises
    as `fields_from_manifest`.
    """
    return {
        key: attrs.evolve(field, allow_empty=True) if _defaults_to_empty(field) else field
        for key, field in fields_from_manifest(data).items()
    }


def _defaults_to_empty(field: Field) -> bool:
    return field.default == "" and field.type in TEXT_TYPES and not field.multiple


def _field_to_manifest(field: Field) -> dict[str, Any]:
    data = {_WIRE.get(name, name): getattr(field, name) for name in _PLAIN}
    data["required"] = _required_to_manifest(field.required)
    data["depends_on"] = _conditions_to_manifest(field.depends_on)
    data["choices"] = [_choice(each) for each in field.choices or ()] or None
    if not field.description:
        del data["description"]
    data["properties"] = None if field.properties is None else fields_to_manifest(field.properties)
    return data


def _required_to_manifest(required: bool | Conditions) -> Any:  # noqa: FBT001 - the property's own type
    return required if isinstance(required, bool) else _conditions_to_manifest(required)


def _conditions_to_manifest(conditions: Conditions | None) -> dict[str, Any] | None:
    if conditions is None:
        return None
    match = {} if conditions.match is None else {"match": conditions.match}
    return {**match, "conditions": [_condition_to_manifest(c) for c in conditions.conditions]}


def _condition_to_manifest(condition: Condition) -> dict[str, Any]:
    data: dict[str, Any] = {"operator": condition.operator}
    if condition.type is not None:
        data["type"] = condition.type
    if condition.type != "syncMode":
        data["fieldKey"] = condition.field_key
    if condition.value is not UNSET:
        data["value"] = condition.value
    return data


def _choice(choice: str | Choice) -> dict[str, Any]:
    if isinstance(choice, str):
        return {"label": choice, "value": choice}
    described = {} if choice.description is None else {"description": choice.description}
    return {"label": choice.label, "value": choice.value, **described}


def _field_from_manifest(key: str, spec: Any) -> Field:
    if not isinstance(spec, Mapping):
        raise DefinitionError([Fault("$", f"a field is an object, not {spec!r}")])
    if spec.get("type") not in _TYPES:
        message = (
            f"{spec.get('type')!r} is not a field type; use one of {', '.join(sorted(_TYPES))}"
        )
        raise DefinitionError([Fault("$.type", message)])
    plain = {
        name: spec[_WIRE.get(name, name)]
        for name in _PLAIN
        if spec.get(_WIRE.get(name, name)) is not None
    }
    if spec.get(_HIDDEN_ALIAS) is not None:
        plain["hidden"] = spec[_HIDDEN_ALIAS]
    required = spec.get("required") or False
    properties = spec.get("properties")
    choices = spec.get("choices")
    return Field(
        **{"label": key, **plain},
        required=required if isinstance(required, bool) else _conditions("required", required),
        depends_on=_conditions("depends_on", spec.get("depends_on")),
        choices=None if choices is None else [_choice_from(choice) for choice in choices],
        properties=None if properties is None else _properties_from(properties),
    )


def _properties_from(data: Any) -> dict[str, Field]:
    if not isinstance(data, Mapping):
        raise DefinitionError([Fault("$.properties", f"is an object of fields, not {data!r}")])
    try:
        return fields_from_manifest(data)
    except DefinitionError as error:
        raise DefinitionError(fault.under("$.properties") for fault in error.faults) from None


def _conditions(name: str, data: Any) -> Any:
    if data is None:
        return None
    items = data.get("conditions") if isinstance(data, Mapping) else None
    if not isinstance(items, list) or not all(isinstance(item, Mapping) for item in items):
        raise DefinitionError(
            [Fault(f"$.{name}", 'write {"conditions": [{"fieldKey", "operator", "value"}, ...]}')]
        )
    return Conditions(match=data.get("match"), conditions=tuple(map(_condition_from, items)))


def _condition_from(data: Mapping[str, Any]) -> Condition:
    return Condition(
        field_key=data.get("fieldKey", ""),
        operator=data.get("operator", "is"),
        value=data.get("value", UNSET),
        type=data.get("type"),
    )


def _choice_from(data: Any) -> str | Choice:
    if not isinstance(data, Mapping):
        return str(data)
    if "value" not in data:
        raise DefinitionError([Fault("$.choices", f"{dict(data)!r} has no value")])
    value, description = data["value"], data.get("description")
    label = str(data.get("label", value))
    return value if value == label and description is None else Choice(value, label, description)
