"""Declarations by which no payload could be checked, refused when they are compiled."""

from __future__ import annotations

from typing import Final

from offramp.definition import Condition, Conditions, Field, Fields
from offramp.errors import DefinitionError, Fault
from offramp.payload.formats import FORMATS

#: Formats that say how a form shows a value, and check nothing.
_SHOWN_ONLY: Final = frozenset({"password", "text"})
_OPERATORS: Final = ("is", "is_not")


def refuse_impossible(fields: Fields) -> None:
    """Raise `DefinitionError` with every fault that keeps fields from being compiled."""
    faults = [fault for key, field in fields.items() for fault in _faults(f"$.{key}", field)]
    if faults:
        raise DefinitionError(faults)


def _faults(place: str, field: Field) -> list[Fault]:
    faults = []
    if field.choices is not None and not field.choices:
        faults.append(Fault(f"{place}.choices", "nothing is allowed: list values, or leave it out"))
    if field.format is not None and field.format not in (*FORMATS, *_SHOWN_ONLY):
        told = f"{field.format!r} is not a format; use one of {', '.join(sorted(FORMATS))}"
        faults.append(Fault(f"{place}.format", told))
    if isinstance(field.required, Conditions):
        faults += _condition_faults(f"{place}.required", field.required)
    for key, inner in (field.properties or {}).items():
        faults += _faults(f"{place}.properties.{key}", inner)
    return faults


def _condition_faults(place: str, conditions: Conditions) -> list[Fault]:
    if not conditions.conditions:
        return [Fault(place, "there is no condition: add one, or say True or False")]
    told = [_condition_fault(condition) for condition in conditions.conditions]
    return [Fault(f"{place}.conditions[{index}]", text) for index, text in enumerate(told) if text]


def _condition_fault(condition: Condition) -> str | None:
    if condition.type == "syncMode":
        return "a payload does not know its sync mode: ask for a field, or use depends_on"
    if not condition.field_key:
        return "names no field: set field_key"
    if condition.operator not in _OPERATORS:
        return f"{condition.operator!r} is not an operator; use is or is_not"
    return None
