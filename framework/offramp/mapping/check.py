"""Checks the shape of a mapping where Segment does; each directive declares its own checks."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

import attrs

from offramp.errors import Fault, join_place
from offramp.js.units import js_length
from offramp.mapping.compiler import METADATA_KEY, Directive, unknown_directive
from offramp.mapping.wording import shown

#: Most levels of objects and lists in a mapping. Editors make fewer than 20, and 100 is far below
#: Python's limit of 1,000 nested calls.
MAX_DEPTH = 100
#: Whether a directive works without an option.
REQUIRED, OPTIONAL = True, False

#: The check of one spec: `(checker, spec, place)`; it calls `checker.report` for each fault.
Check = Callable[["Checker", Any, str], None]


def check_shape(mapping: Any) -> list[Fault]:
    """The faults of a mapping that is not a JSON object, or is nested too deeply."""
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
            pending += [(item, join_place(place, key), depth + 1) for key, item in value.items()]
        elif type(value) is list:
            pending += [(item, join_place(place, at), depth + 1) for at, item in enumerate(value)]
    return faults


def check_mapping(spec: Any, directives: Mapping[str, Directive], place: str = "$") -> list[Fault]:
    """The faults of a mapping that can be found without running it."""
    checker = Checker(directives=directives)
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
class Checker:
    """Collects the faults of one mapping; the checks of directives report to it."""

    directives: Mapping[str, Directive]
    faults: list[Fault] = attrs.field(factory=list)
    #: Places of directives already checked, since options lead to the same directive twice.
    seen: set[str] = attrs.field(factory=set)

    def report(self, place: str, message: str) -> None:
        """Report what is wrong at a place."""
        self.faults.append(Fault(place, message))

    def mapping(self, value: Any, place: str) -> None:
        """Check any part of a mapping; the items of lists are not checked."""
        if _is_directive(value):
            self.directive(value, place)
        elif type(value) is dict:
            self.members(value, place)

    def members(self, value: dict[str, Any], place: str) -> None:
        """Check every member of an object of the mapping."""
        for key, item in value.items():
            self.mapping(item, join_place(place, key))

    def directive(self, value: dict[str, Any], place: str) -> None:
        """Check an object that has a key that begins with `@`."""
        if place in self.seen:
            return
        self.seen.add(place)
        names = [key for key in value if key.startswith("@")]
        others = [key for key in value if key not in names and key != METADATA_KEY]
        if len(names) > 1 or others:
            keys = ", ".join(map(repr, value))
            message = f"a directive must be its object's only key, but here are {keys}; nest them"
            self.report(place, message)
        elif names[0] not in self.directives:
            message = unknown_directive(names[0], self.directives)
            self.report(join_place(place, names[0]), message)
        elif check := self.directives[names[0]].check:
            check(self, value[names[0]], join_place(place, names[0]))

    def options(self, value: Any, place: str, options: Mapping[str, tuple[bool, Check]]) -> bool:
        """Check an object with these options (required?, check); False if it is not an object."""
        if type(value) is not dict or _is_directive(value):
            wanted = ", ".join(repr(name) for name in options)
            self.report(place, f"expected an object with {wanted}, got {shown(value)}")
            return False
        self.members(value, place)
        for name, (required, check) in options.items():
            if name in value:
                check(self, value[name], join_place(place, name))
            elif required:
                self.report(place, f"{name!r} is missing; add it to {shown(value)}")
        return True


def _is_directive(value: Any) -> bool:
    return type(value) is dict and any(key.startswith("@") for key in value)


def any_json(checker: Checker, value: Any, place: str) -> None:
    """Any value; a directive is checked."""
    if _is_directive(value):
        checker.directive(value, place)


def string_or_directive(checker: Checker, value: Any, place: str) -> None:
    """A string, or a directive that gives one."""
    if _is_directive(value):
        checker.directive(value, place)
    elif type(value) is not str:
        checker.report(place, f"expected a string or a directive, got {shown(value)}")


def object_or_directive(checker: Checker, value: Any, place: str) -> None:
    """An object, or a directive that gives one."""
    if type(value) is dict:
        checker.mapping(value, place)
    else:
        checker.report(place, f"expected an object or a directive, got {shown(value)}")


def string(checker: Checker, value: Any, place: str) -> None:
    """A string."""
    if type(value) is not str:
        checker.report(place, f"expected a string, got {shown(value)}")


def boolean(checker: Checker, value: Any, place: str) -> None:
    """True or false."""
    if type(value) is not bool:
        checker.report(place, f"expected true or false, got {shown(value)}")


def plain_list(checker: Checker, value: Any, place: str) -> None:
    """A list with any items."""
    if type(value) is not list:
        checker.report(place, f"expected a list, got {shown(value)}")


def one_of(*allowed: str) -> Check:
    """One of some words, in any case."""

    def check(checker: Checker, value: Any, place: str) -> None:
        if type(value) is not str or value.lower() not in allowed:
            names = " or ".join(repr(name) for name in allowed)
            checker.report(place, f"expected {names}, got {shown(value)}")

    return check


def text_of_length(shortest: int, longest: int) -> Check:
    """A string of this length as JavaScript counts characters, both bounds included."""

    def check(checker: Checker, value: Any, place: str) -> None:
        if type(value) is not str:
            string(checker, value, place)
        elif not shortest <= js_length(value) <= longest:
            message = f"expected {shortest} to {longest} characters, got {shown(value)}"
            checker.report(place, message)

    return check


def options_of(**options: tuple[bool, Check]) -> Check:
    """An object with these options, each given as whether it is required, and its check."""

    def check(checker: Checker, value: Any, place: str) -> None:
        checker.options(value, place, options)

    return check
