"""Checks the shape of a mapping: which directive takes what, at the places Segment looks at."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import attrs

from offramp.errors import Fault
from offramp.js.units import js_length
from offramp.js.values import UNSET
from offramp.mapping.compiler import METADATA_KEY, join, key_place, unknown_directive
from offramp.mapping.wording import shown

#: Levels of objects and lists in a mapping; editors make fewer than 20, and 100 stay far from
#: Python's own limit of 1,000 calls.
MAX_DEPTH = 100
#: The longest pattern or replacement of `@replace`, in characters. Source: Segment's
#: actions-core, MAX_PATTERN_LENGTH.
MAX_REPLACE_LENGTH = 10

_Check = Callable[["_Checker", Any, str], None]


def check_shape(mapping: Any) -> list[Fault]:
    """The faults of a mapping that is not a JSON object, or nested too deeply to look at."""
    if type(mapping) is not dict:
        return [Fault("$", f"expected a mapping as an object, got {_named(mapping)}")]
    faults: list[Fault] = []
    pending: list[tuple[Any, str, int]] = [(mapping, "$", 0)]
    while pending:
        value, place, depth = pending.pop()
        message = _shape_fault(value, depth)
        if message:
            faults.append(Fault(place, message))
        elif type(value) is dict:
            pending += [(item, place + key_place(key), depth + 1) for key, item in value.items()]
        elif type(value) is list:
            pending += [(item, f"{place}[{at}]", depth + 1) for at, item in enumerate(value)]
    return faults


def check_mapping(spec: Any, directives: Mapping[str, Any], place: str = "$") -> list[Fault]:
    """The faults of a mapping, as far as they show without running it."""
    checker = _Checker(directives=directives)
    checker.mapping(spec, place)
    return checker.faults


def _shape_fault(value: Any, depth: int) -> str | None:
    if depth > MAX_DEPTH:
        return f"a mapping has at most {MAX_DEPTH} levels; make it flatter"
    if type(value) is dict:
        wrong = next((key for key in value if type(key) is not str), None)
        return f"a key is a string, got {wrong!r}" if wrong is not None else None
    if value is None or isinstance(value, (str, bool, int, float, Decimal, list)):
        return None
    return f"expected JSON, got {_named(value)}"


def _named(value: Any) -> str:
    if value is None or isinstance(value, (str, bool, int, float, Decimal, list, dict)):
        return shown(value)
    return f"a Python {type(value).__name__}"


@attrs.define(kw_only=True)
class _Checker:
    directives: Mapping[str, Any]
    faults: list[Fault] = attrs.field(factory=list)
    #: Where directives were looked at; options lead to the same ones twice, at each level.
    seen: set[str] = attrs.field(factory=set)

    def report(self, place: str, message: str) -> None:
        self.faults.append(Fault(place, message))

    def mapping(self, value: Any, place: str) -> None:
        """Any part of a mapping; lists are not looked into."""
        if _is_directive(value):
            self.directive(value, place)
        elif type(value) is dict:
            self.members(value, place)

    def members(self, value: dict[str, Any], place: str) -> None:
        for key, item in value.items():
            self.mapping(item, place + key_place(key))

    def directive(self, value: dict[str, Any], place: str) -> None:
        if place in self.seen:
            return
        self.seen.add(place)
        names = [key for key in value if key.startswith("@")]
        others = [key for key in value if key not in names and key != METADATA_KEY]
        if len(names) > 1 or others:
            keys = ", ".join(map(repr, value))
            message = f"a directive stands alone in its object, but here are {keys}; nest them"
            self.report(place, message)
        elif names[0] not in self.directives:
            message = unknown_directive(names[0], self.directives)
            self.report(place + key_place(names[0]), message)
        elif names[0] in _CHECKS:
            _CHECKS[names[0]](self, value[names[0]], place + key_place(names[0]))

    def options(self, value: Any, place: str, options: Mapping[str, tuple[bool, _Check]]) -> bool:
        """An object with these options (whether required, check); false if it is no object."""
        if type(value) is not dict or _is_directive(value):
            wanted = ", ".join(repr(name) for name in options)
            self.report(place, f"expected an object with {wanted}, got {shown(value)}")
            return False
        self.members(value, place)
        for name, (required, check) in options.items():
            if name in value:
                check(self, value[name], join(place, name))
            elif required:
                self.report(place, f"{name!r} is missing; add it to {shown(value)}")
        return True


def _is_directive(value: Any) -> bool:
    return type(value) is dict and any(key.startswith("@") for key in value)


def _any_json(checker: _Checker, value: Any, place: str) -> None:
    if _is_directive(value):
        checker.directive(value, place)


def _string_or_directive(checker: _Checker, value: Any, place: str) -> None:
    if _is_directive(value):
        checker.directive(value, place)
    elif type(value) is not str:
        checker.report(place, f"expected a string or a directive, got {shown(value)}")


def _object_or_directive(checker: _Checker, value: Any, place: str) -> None:
    if type(value) is dict:
        checker.mapping(value, place)
    else:
        checker.report(place, f"expected an object or a directive, got {shown(value)}")


def _string(checker: _Checker, value: Any, place: str) -> None:
    if type(value) is not str:
        checker.report(place, f"expected a string, got {shown(value)}")


def _boolean(checker: _Checker, value: Any, place: str) -> None:
    if type(value) is not bool:
        checker.report(place, f"expected true or false, got {shown(value)}")


def _list(checker: _Checker, value: Any, place: str) -> None:
    if type(value) is not list:
        checker.report(place, f"expected a list, got {shown(value)}")


def _one_of(*allowed: str) -> _Check:
    def check(checker: _Checker, value: Any, place: str) -> None:
        if type(value) is not str or value.lower() not in allowed:
            names = " or ".join(repr(name) for name in allowed)
            checker.report(place, f"expected {names}, got {shown(value)}")

    return check


def _text_of_length(shortest: int, longest: int) -> _Check:
    def check(checker: _Checker, value: Any, place: str) -> None:
        if type(value) is not str:
            _string(checker, value, place)
        elif not shortest <= js_length(value) <= longest:
            message = f"expected {shortest} to {longest} characters, got {shown(value)}"
            checker.report(place, message)

    return check


def _options(**options: tuple[bool, _Check]) -> _Check:
    def check(checker: _Checker, value: Any, place: str) -> None:
        checker.options(value, place, options)

    return check


def _array_path(checker: _Checker, value: Any, place: str) -> None:
    if type(value) is not list:
        checker.report(place, f"expected a list of a path and an object, got {shown(value)}")
        return
    path, shape = (*value, UNSET, UNSET)[:2]
    _string_or_directive(checker, path, f"{place}[0]")
    checker.mapping(shape, f"{place}[1]")


def _merge(checker: _Checker, value: Any, place: str) -> None:
    direction = _one_of("left", "right")
    options = {"direction": (False, direction), "objects": (True, _list)}
    if checker.options(value, place, options) and type(value.get("objects")) is list:
        for at, member in enumerate(value["objects"]):
            _object_or_directive(checker, member, f"{place}.objects[{at}]")


_pattern = _text_of_length(1, MAX_REPLACE_LENGTH)
_replacement = _text_of_length(0, MAX_REPLACE_LENGTH)
_REQUIRED, _OPTIONAL = True, False

_CHECKS: Mapping[str, _Check] = {
    "@path": _string_or_directive,
    "@template": _string_or_directive,
    "@literal": _any_json,
    "@excludeWhenNull": _any_json,
    "@liquid": _string,
    "@arrayPath": _array_path,
    "@merge": _merge,
    "@if": _options(
        exists=(_OPTIONAL, _any_json),
        then=(_OPTIONAL, _any_json),
        **{"else": (_OPTIONAL, _any_json)},
    ),
    "@case": _options(operator=(_OPTIONAL, _string), value=(_OPTIONAL, _string_or_directive)),
    "@replace": _options(
        pattern=(_REQUIRED, _pattern),
        replacement=(_OPTIONAL, _replacement),
        value=(_REQUIRED, _string_or_directive),
        ignorecase=(_OPTIONAL, _boolean),
        **{"global": (_OPTIONAL, _boolean)},
    ),
    "@flatten": _options(separator=(_OPTIONAL, _string), value=(_REQUIRED, _any_json)),
    "@json": _options(value=(_REQUIRED, _any_json), mode=(_REQUIRED, _one_of("encode", "decode"))),
    "@transform": _options(
        apply=(_REQUIRED, _object_or_directive), mapping=(_REQUIRED, _object_or_directive)
    ),
}
