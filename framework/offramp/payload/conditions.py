"""Fields that are required under conditions, which are tested before any value is coerced.

Each condition is written as a test and, beside it, as JSON Schema for checked payloads.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Any, Final, TypeAlias

import attrs

from offramp.definition import UNSET, Condition, Conditions, Fields
from offramp.errors import Fault
from offramp.payload.types import is_shaped
from offramp.payload.values import describe, is_number, same

#: Checks an object and adds the faults that it finds.
Demand: TypeAlias = Callable[[dict[str, Any], list[Fault]], None]
_OPERATORS: Final = ("is", "is_not")


@attrs.frozen
class _Test:
    """A condition of an object: its test, and its JSON Schema."""

    run: Callable[[dict[str, Any]], bool]
    schema: dict[str, Any]


def compile_demands(fields: Fields) -> list[Demand]:
    """Compile what an object's fields, and their properties, require under conditions."""
    return [_demand(key, conditions) for key, conditions in _conditions_of(fields)]


def demands_schema(fields: Fields) -> list[dict[str, Any]]:
    """The JSON Schema of each of these requirements."""
    return [
        {"if": _all_or_any(conditions).schema, "then": _has_member(*key.split(".")[:2])}
        for key, conditions in _conditions_of(fields)
    ]


def has_conditions(fields: Fields) -> bool:
    """Whether any of the fields, without their properties, is required under conditions."""
    return any(isinstance(field.required, Conditions) for field in fields.values())


def condition_faults(place: str, conditions: Conditions) -> list[Fault]:
    """The faults that make conditions impossible to test."""
    if not conditions.conditions:
        return [Fault(place, "there is no condition: add one, or say True or False")]
    messages = [_condition_fault(condition) for condition in conditions.conditions]
    return [Fault(f"{place}.conditions[{at}]", text) for at, text in enumerate(messages) if text]


def _condition_fault(condition: Condition) -> str | None:
    if condition.type == "syncMode":
        return "a payload does not know its sync mode: ask for a field, or use depends_on"
    if not condition.field_key:
        return "names no field: set field_key"
    if condition.operator not in _OPERATORS:
        return f"{condition.operator!r} is not an operator; use is or is_not"
    return None


def conditions_text(conditions: Conditions) -> str:
    """Conditions in words, such as `channel is "email"`."""
    parts = []
    for condition in conditions.conditions:
        what = "the sync mode" if condition.type == "syncMode" else condition.field_key
        value = "empty" if condition.value is UNSET else describe(condition.value)
        verb = "is" if condition.operator == "is" else "is not"
        parts.append(f"{what} {verb} {value}")
    return (" or " if conditions.match == "any" else " and ").join(parts)


def _conditions_of(fields: Fields) -> Iterator[tuple[str, Conditions]]:
    """Each key that is required under conditions: `key`, or `parent.child` in an object."""
    for key, field in fields.items():
        for child, inner in (field.properties or {}).items() if is_shaped(field) else ():
            if isinstance(inner.required, Conditions):
                yield f"{key}.{child}", inner.required
        if isinstance(field.required, Conditions):
            yield key, field.required


def _demand(key: str, conditions: Conditions) -> Demand:
    holds = _all_or_any(conditions).run
    because = "nothing came, but it is required when " + conditions_text(conditions)
    parent, *children = key.split(".")

    def demand(data: dict[str, Any], faults: list[Fault]) -> None:
        if not holds(data):
            return
        if parent not in data:
            faults.append(Fault(f"$.{parent}", because))
        elif children and isinstance(data[parent], dict) and children[0] not in data[parent]:
            faults.append(Fault(f"$.{parent}.{children[0]}", because))

    return demand


def _all_or_any(conditions: Conditions) -> _Test:
    if len(conditions.conditions) == 1:
        return _test(conditions.conditions[0], is_alone=True)
    tests = [_test(condition, is_alone=False) for condition in conditions.conditions]
    is_any = conditions.match == "any"
    join: Callable[[Iterable[bool]], bool] = any if is_any else all
    return _Test(
        run=lambda data: join(test.run(data) for test in tests),
        schema={"anyOf" if is_any else "allOf": [test.schema for test in tests]},
    )


def _test(condition: Condition, *, is_alone: bool) -> _Test:
    key, value, wants = condition.field_key, condition.value, condition.operator == "is"
    if "." in key:
        return _test_of_property(key, value, wants=wants)
    if value is not UNSET:
        return _Test(
            run=lambda data: key in data and same(data[key], value) is wants,
            schema=_has_member(key, value=_value_schema(value, wants=wants)),
        )
    schema = {"not": _has_member(key)} if wants else _has_member(key)
    if is_alone:
        return _Test(run=lambda data: _is_nothing(data, key) is wants, schema=schema)
    return _Test(run=lambda data: (key not in data) is wants, schema=schema)


def _test_of_property(key: str, value: Any, *, wants: bool) -> _Test:
    parent, child = key.split(".")[:2]

    def run(data: dict[str, Any]) -> bool:
        if parent not in data:
            return False
        inner = data[parent]
        if not isinstance(inner, dict):
            return True  # the rules for objects do not apply to other values
        # For a property, Segment reads "has no value" as "has any", and the opposite as never.
        return child in inner and (value is UNSET or same(inner[child], value)) is wants

    return _Test(run, _has_member(parent, child, value=_value_schema(value, wants=wants)))


def _is_nothing(data: dict[str, Any], key: str) -> bool:
    """Whether a key is missing or has a value that Segment, and so this check, coerces to null."""
    if key not in data:
        return True
    value = data[key]
    if isinstance(value, list) and len(value) == 1:
        value = value[0]
    if value is None or value == "" or value is False or (is_number(value) and value == 0):
        data[key] = None
        return True
    return False


def _value_schema(value: Any, *, wants: bool) -> dict[str, Any]:
    schema: dict[str, Any] = {} if value is UNSET else {"const": value}
    return schema if wants else {"not": schema}


def _has_member(
    key: str, child: str | None = None, *, value: dict[str, Any] | None = None
) -> dict[str, Any]:
    """The JSON Schema of an object with a member, or a member in a member, of some value."""
    inside = value if child is None else _has_member(child, value=value)
    return {"required": [key], **({"properties": {key: inside}} if inside else {})}
