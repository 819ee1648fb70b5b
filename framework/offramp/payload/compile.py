"""Objects and lists, compiled member by member into steps."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, TypeAlias

from offramp.definition import Field, Fields
from offramp.errors import Fault
from offramp.js.values import UNSET
from offramp.payload.clean import compile_clean, compile_is_nothing, compile_keep_items
from offramp.payload.coerce import USUAL
from offramp.payload.conditions import compile_demands, has_conditions
from offramp.payload.rules import Rule, rules_of
from offramp.payload.steps import (
    Step,
    compile_complaint,
    compile_scalar,
    move,
    with_nothing,
    with_rules,
)
from offramp.payload.types import is_shaped, item_types, wanted
from offramp.payload.values import told

#: Makes a payload of an object, and adds the faults that it finds.
Members: TypeAlias = Callable[[dict[str, Any], list[Fault]], dict[str, Any]]
_Test: TypeAlias = Callable[[Any], bool]
#: A member's key; the type of value that passes at once if it holds the test; whether an empty
#: text passes with it; the step for all other values; and whether the member is required.
_Member: TypeAlias = tuple[str, type | None, _Test | None, bool, Step, bool]


def compile_root(fields: Fields) -> Members:
    """Compile what makes a whole payload of a raw one.

    Where fields are required under conditions, those see values cleaned but not yet coerced.
    """
    demands = compile_demands(fields)
    if not demands:
        return _compile_members(fields, cleans=True, at_root=True)
    clean = compile_clean(fields, at_root=True)
    lists = [key for key, field in fields.items() if field.multiple]
    check = _compile_members(fields, cleans=False, at_root=True)

    def run(raw: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
        data = clean(raw)
        for key in lists:
            if key in data and not isinstance(data[key], list):
                data[key] = [data[key]]
        for demand in demands:
            demand(data, faults)
        return check(data, faults)

    return run


def _compile_members(
    fields: Fields,
    *,
    cleans: bool,
    at_root: bool = False,
    keeps_unknown: bool = False,
    requires: bool = True,
) -> Members:
    members = [
        _compile_member(key, field, cleans=cleans, at_root=at_root, requires=requires)
        for key, field in fields.items()
    ]
    known = frozenset(fields)

    def check(data: dict[str, Any], faults: list[Fault]) -> dict[str, Any]:
        payload = data.copy()  # in the order of the data, which is that of mapping or event
        get = data.get
        missing = 0
        for key, usual, test, takes_empty, step, is_required in members:
            value = get(key, UNSET)
            if type(value) is usual and (value or takes_empty) and (test is None or test(value)):
                continue
            if value is not UNSET:
                before = len(faults)
                value = step(value, faults)
                if len(faults) > before:
                    move(faults, before, f"$.{key}")
                if value is not UNSET:
                    payload[key] = value
                    continue
                del payload[key]
            else:
                missing += 1
            if is_required:
                faults.append(_missing(key, data))
        if not keeps_unknown and len(data) + missing != len(known):
            _drop(payload, data, known)
        return payload

    return check


def _drop(payload: dict[str, Any], data: dict[str, Any], known: frozenset[str]) -> None:
    """Take out of a payload what the data has and no field declares."""
    for key in data:
        if key not in known:
            del payload[key]


def _missing(key: str, data: Mapping[str, Any]) -> Fault:
    came = f"{told(data[key])} came, which counts as nothing" if key in data else "nothing came"
    return Fault(f"$.{key}", f"{came}, but it is required")


def _compile_member(
    key: str, field: Field, *, cleans: bool, at_root: bool, requires: bool
) -> _Member:
    rules = rules_of(field)
    if field.multiple:
        step = _compile_list(field, rules, cleans=cleans, at_root=at_root)
    else:
        step = _compile_value(field, rules, cleans=cleans)
    if cleans:
        step = with_nothing(compile_is_nothing(field, at_root=at_root), step)
    usual = None if field.multiple or is_shaped(field) else USUAL[item_types(field)[0]]
    takes_empty = not (at_root and usual is str)
    return key, usual, _all_of(rules), takes_empty, step, requires and field.required is True


def _all_of(rules: tuple[Rule, ...]) -> _Test | None:
    tests = [rule.test for rule in rules]
    if len(tests) <= 1:
        return tests[0] if tests else None
    return lambda value: all(test(value) for test in tests)


def _compile_value(field: Field, rules: tuple[Rule, ...], *, cleans: bool) -> Step:
    is_object = is_shaped(field)
    step = _compile_object(field, cleans=cleans) if is_object else compile_scalar(field)
    return with_rules(field, step, rules)


def _compile_object(field: Field, *, cleans: bool) -> Step:
    fields = field.properties or {}
    # Where one property is required under conditions, Segment forgets what is always required.
    forgets = has_conditions(fields)
    demands = [] if forgets else compile_demands(fields)
    clean = compile_clean(fields, at_root=False) if cleans and demands else dict
    check = _compile_members(
        fields,
        cleans=cleans and not demands,
        keeps_unknown=field.additional_properties,
        requires=not forgets,
    )
    complain = compile_complaint(field, wanted(field))

    def step(value: Any, faults: list[Fault]) -> Any:
        if not isinstance(value, dict):
            faults.append(complain(value))
            return value
        if demands:
            value = clean(value)
            for demand in demands:
                demand(value, faults)
        return check(value, faults)

    return step


def _compile_list(field: Field, rules: tuple[Rule, ...], *, cleans: bool, at_root: bool) -> Step:
    step = _compile_value(field, rules, cleans=False)
    keep = compile_keep_items(field) if cleans else list
    complain = compile_complaint(field, "a list")
    usual = None if rules or is_shaped(field) else USUAL[item_types(field)[0]]

    def check(value: Any, faults: list[Fault]) -> Any:
        if isinstance(value, list):
            value = keep(value)
        elif at_root or not isinstance(value, dict):
            value = [value]
        else:
            faults.append(complain(value))
            return value
        for index, item in enumerate(value):
            if type(item) is usual:
                continue
            before = len(faults)
            value[index] = step(item, faults)
            if len(faults) > before:
                move(faults, before, f"$[{index}]")
        return value

    return check
