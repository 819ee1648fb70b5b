"""The careful check: cleans, coerces and checks any payload, and finds every fault.

`quick` generates code for payloads that need no change, and passes all others to this check.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final, TypeAlias

from offramp.definition import Conditions, Field, Fields
from offramp.errors import DefinitionError, Fault, PayloadError
from offramp.js.values import UNSET
from offramp.payload.conditions import compile_demands, condition_faults, has_conditions
from offramp.payload.formats import FORMATS
from offramp.payload.nothing import compile_clean, compile_is_nothing, compile_keep_items
from offramp.payload.quick import EXEMPT_KEY, compile_quick
from offramp.payload.rules import Rule
from offramp.payload.types import (
    WRONG,
    compile_coerce,
    is_shaped,
    json_types,
    rules_of,
    type_of,
    wanted,
)
from offramp.payload.values import describe

#: Turns a raw payload into a checked one, or raises `PayloadError`.
Check: TypeAlias = Callable[[dict[str, Any]], dict[str, Any]]
#: Turns an object into a payload, and adds the faults that it finds.
Members: TypeAlias = Callable[[dict[str, Any], list[Fault]], dict[str, Any]]
#: Takes a value and the faults so far; returns the payload's value, or `UNSET`. The places of the
#: faults that it adds are relative to the value.
_Step: TypeAlias = Callable[[Any, list[Fault]], Any]
_Test: TypeAlias = Callable[[Any], bool]
_Complain: TypeAlias = Callable[[Any], Fault]
#: A member's key; the type of a value that is taken unchanged if it passes the test; whether an
#: empty text may be; the step for all other values; and whether the member is required.
_Member: TypeAlias = tuple[str, type | None, _Test | None, bool, _Step, bool]

#: Formats that only say how a form shows a value, and check nothing.
_SHOWN_ONLY: Final = frozenset({"password", "text"})


def compile_check(fields: Fields) -> Check:
    """Compile fields into a check: `check(raw)` returns a cleaned and coerced copy of `raw`.

    `raw` is not changed; keys that no field declares are dropped. Raises one `PayloadError` with
    every fault. Compiling raises `DefinitionError` for fields that cannot check any payload.
    """
    careful = compile_careful(fields)
    return compile_quick(fields, careful) or careful


def compile_careful(fields: Fields) -> Check:
    """Compile the careful check alone; its results and errors are those of `compile_check`.

    For what is checked a few times, as settings are: to generate code takes longer than that.
    """
    _refuse_impossible(fields)
    run = compile_root(fields)
    restore = _compile_exempt(fields)

    def check(raw: dict[str, Any]) -> dict[str, Any]:
        if not isinstance(raw, dict):
            raise PayloadError([Fault("$", f"{describe(raw)} came, but an object is wanted")])
        faults: list[Fault] = []
        payload = run(raw, faults)
        if EXEMPT_KEY in raw:
            restore(raw[EXEMPT_KEY], payload)
        if faults:
            raise PayloadError(dict.fromkeys(faults))
        return payload

    return check


def _refuse_impossible(fields: Fields) -> None:
    faults = [fault for key, field in fields.items() for fault in _declared(f"$.{key}", field)]
    if faults:
        raise DefinitionError(faults)


def _declared(place: str, field: Field) -> list[Fault]:
    """The faults of a field's declaration that make it impossible to check a payload."""
    faults = []
    if field.choices is not None and not field.choices:
        faults.append(Fault(f"{place}.choices", "nothing is allowed: list values, or leave it out"))
    if field.format is not None and field.format not in (*FORMATS, *_SHOWN_ONLY):
        text = f"{field.format!r} is not a format; use one of {', '.join(sorted(FORMATS))}"
        faults.append(Fault(f"{place}.format", text))
    if isinstance(field.required, Conditions):
        faults += condition_faults(f"{place}.required", field.required)
    for key, inner in (field.properties or {}).items():
        faults += _declared(f"{place}.properties.{key}", inner)
    return faults


def _compile_exempt(fields: Fields) -> Callable[[Any, dict[str, Any]], None]:
    field = fields.get(EXEMPT_KEY)
    is_nothing: _Test = (
        (lambda value: isinstance(value, str))
        if field is None
        else compile_is_nothing(field, at_root=True)
    )

    def restore(value: Any, payload: dict[str, Any]) -> None:
        made = payload.get(EXEMPT_KEY)
        if isinstance(value, dict) and isinstance(made, list):
            payload[EXEMPT_KEY] = made[0]
        elif isinstance(value, dict | list) and type(made) is type(value):
            pass  # its members were checked like all others
        elif value or not is_nothing(value):
            payload[EXEMPT_KEY] = value

    return restore


# Objects: their members, one by one.


def compile_root(fields: Fields) -> Members:
    """Compile the function that turns a raw payload into a whole checked one.

    Conditions of required fields are tested on cleaned values that are not yet coerced.
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
        payload = data.copy()  # keeps the data's order, that of mapping or event
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
                    _move(faults, before, f"$.{key}")
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
    """Delete from a payload the keys of the data that no field declares."""
    for key in data:
        if key not in known:
            del payload[key]


def _missing(key: str, data: Mapping[str, Any]) -> Fault:
    came = f"{describe(data[key])} came, which counts as nothing" if key in data else "nothing came"
    return Fault(f"$.{key}", f"{came}, but it is required")


def _move(faults: list[Fault], start: int, place: str) -> None:
    """Prefix the places of the faults from index `start` on with the place of their value."""
    faults[start:] = [fault.under(place) for fault in faults[start:]]


def _compile_member(
    key: str, field: Field, *, cleans: bool, at_root: bool, requires: bool
) -> _Member:
    rules = rules_of(field)
    if field.multiple:
        step = _compile_list(field, rules, cleans=cleans, at_root=at_root)
    else:
        step = _compile_value(field, rules, cleans=cleans)
    if cleans:
        step = _unless(compile_is_nothing(field, at_root=at_root), step)
    usual = None if field.multiple or is_shaped(field) else type_of(field).usual
    takes_empty = not (at_root and usual is str) or field.allow_empty
    return key, usual, _all_of(rules), takes_empty, step, requires and field.required is True


def _all_of(rules: tuple[Rule, ...]) -> _Test | None:
    tests = [rule.run for rule in rules]
    if len(tests) <= 1:
        return tests[0] if tests else None
    return lambda value: all(test(value) for test in tests)


# Values are coerced, then tested by their rules.


def _compile_value(field: Field, rules: tuple[Rule, ...], *, cleans: bool) -> _Step:
    is_object = is_shaped(field)
    step = _compile_object(field, cleans=cleans) if is_object else _compile_scalar(field)
    for rule in rules:
        step = _with_rule(step, rule.run, _complaint(field, rule.wanted))
    return step


def _compile_scalar(field: Field) -> _Step:
    coerce = compile_coerce(json_types(field))
    complain = _complaint(field, wanted(field))

    def step(value: Any, faults: list[Fault]) -> Any:
        coerced = coerce(value)
        if coerced is WRONG:
            faults.append(complain(value))
            return value
        return coerced

    return step


def _compile_object(field: Field, *, cleans: bool) -> _Step:
    fields = field.properties or {}
    # If a property is required under conditions, Segment ignores those that are always required.
    forgets = has_conditions(fields)
    demands = [] if forgets else compile_demands(fields)
    clean = compile_clean(fields, at_root=False) if cleans and demands else dict
    check = _compile_members(
        fields,
        cleans=cleans and not demands,
        keeps_unknown=field.additional_properties,
        requires=not forgets,
    )
    complain = _complaint(field, wanted(field))

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


def _compile_list(field: Field, rules: tuple[Rule, ...], *, cleans: bool, at_root: bool) -> _Step:
    step = _compile_value(field, rules, cleans=False)
    keep = compile_keep_items(field) if cleans else list
    complain = _complaint(field, "a list")
    usual = None if rules or is_shaped(field) else type_of(field).usual

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
                _move(faults, before, f"$[{index}]")
        return value

    return check


def _complaint(field: Field, text: str) -> _Complain:
    """Compile a function that makes the fault of a value that is not `text`."""
    secret = field.is_secret

    def complain(value: Any) -> Fault:
        return Fault("$", f"{describe(value, secret=secret)} came, but {text} is wanted")

    return complain


def _unless(is_nothing: _Test, step: _Step) -> _Step:
    """The step for all values except those that count as nothing, which are left out."""

    def cleaned(value: Any, faults: list[Fault]) -> Any:
        return UNSET if not value and is_nothing(value) else step(value, faults)

    return cleaned


def _with_rule(step: _Step, test: _Test, complain: _Complain) -> _Step:
    def ruled(value: Any, faults: list[Fault]) -> Any:
        before = len(faults)
        value = step(value, faults)
        # A fault of the value itself hides this one; faults inside the value do not.
        is_sound = len(faults) == before or all(fault.place != "$" for fault in faults[before:])
        if is_sound and not test(value):
            faults.append(complain(value))
        return value

    return ruled
