"""Fields that are required under conditions: what is asked of a payload, before any coercion."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, TypeAlias

from offramp.definition import UNSET, Condition, Conditions, Fields
from offramp.errors import Fault
from offramp.payload.types import is_shaped
from offramp.payload.values import is_number, same, told

#: Whether an object meets a condition.
Predicate: TypeAlias = Callable[[dict[str, Any]], bool]
#: Looks at an object and adds the faults that it finds.
Demand: TypeAlias = Callable[[dict[str, Any], list[Fault]], None]


def compile_demands(fields: Fields) -> list[Demand]:
    """Compile what an object's fields, and their properties, require under conditions."""
    return [_demand(key, conditions) for key, conditions in conditions_of(fields)]


def conditions_of(fields: Fields) -> Iterator[tuple[str, Conditions]]:
    """Each key that is required under conditions: `key`, or `parent.child` of an object's."""
    for key, field in fields.items():
        for child, inner in (field.properties or {}).items() if is_shaped(field) else ():
            if isinstance(inner.required, Conditions):
                yield f"{key}.{child}", inner.required
        if isinstance(field.required, Conditions):
            yield key, field.required


def has_conditions(fields: Fields) -> bool:
    """Whether any of some fields, not of their properties, is required under conditions."""
    return any(isinstance(field.required, Conditions) for field in fields.values())


def _demand(key: str, conditions: Conditions) -> Demand:
    holds = _all_or_any(conditions)
    because = "nothing came, but it is required when " + _words(conditions)
    parent, *children = key.split(".")

    def demand(data: dict[str, Any], faults: list[Fault]) -> None:
        if not holds(data):
            return
        if parent not in data:
            faults.append(Fault(f"$.{parent}", because))
        elif children and isinstance(data[parent], dict) and children[0] not in data[parent]:
            faults.append(Fault(f"$.{parent}.{children[0]}", because))

    return demand


def _all_or_any(conditions: Conditions) -> Predicate:
    if len(conditions.conditions) == 1:
        return _predicate(conditions.conditions[0], is_alone=True)
    predicates = [_predicate(condition, is_alone=False) for condition in conditions.conditions]
    join: Callable[[Iterable[bool]], bool] = any if conditions.match == "any" else all
    return lambda data: join(holds(data) for holds in predicates)


def _predicate(condition: Condition, *, is_alone: bool) -> Predicate:
    key, value, wants = condition.field_key, condition.value, condition.operator == "is"
    if "." in key:
        return _of_property(key, value, wants=wants)
    if value is not UNSET:
        return lambda data: key in data and same(data[key], value) is wants
    if is_alone:
        return lambda data: _is_nothing(data, key) is wants
    return lambda data: (key not in data) is wants


def _of_property(key: str, value: Any, *, wants: bool) -> Predicate:
    parent, child = key.split(".")[:2]

    def holds(data: dict[str, Any]) -> bool:
        if parent not in data:
            return False
        inner = data[parent]
        if not isinstance(inner, dict):
            return True  # what is no object breaks none of the rules for objects
        # Segment takes "has no value" of a property for "has any", and the contrary for never.
        return child in inner and (value is UNSET or same(inner[child], value)) is wants

    return holds


def _is_nothing(data: dict[str, Any], key: str) -> bool:
    """Whether a key is missing or as good as null, which it then becomes, as Segment has it."""
    if key not in data:
        return True
    value = data[key]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value == "" or value is False or (is_number(value) and value == 0):
        data[key] = None
        return True
    return False


def _words(conditions: Conditions) -> str:
    parts = []
    for condition in conditions.conditions:
        value = "empty" if condition.value is UNSET else told(condition.value)
        verb = "is" if condition.operator == "is" else "is not"
        parts.append(f"{condition.field_key} {verb} {value}")
    return (" or " if conditions.match == "any" else " and ").join(parts)
