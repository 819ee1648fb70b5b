"""What is done with one value: clean, coerce, test; and how a fault finds its place."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, TypeAlias

from offramp.definition import Field
from offramp.errors import Fault
from offramp.js.values import UNSET
from offramp.payload.coerce import WRONG, compile_coerce
from offramp.payload.rules import Rule
from offramp.payload.types import item_types, wanted
from offramp.payload.values import told

#: Takes a value and the faults so far; answers with what the payload gets, or with `UNSET`.
#: The place of a fault that it adds starts at the value itself.
Step: TypeAlias = Callable[[Any, list[Fault]], Any]


def compile_scalar(field: Field) -> Step:
    """Compile the coercion of a value that has no members of its own to look at."""
    coerce = compile_coerce(item_types(field))
    complain = compile_complaint(field, wanted(field))

    def step(value: Any, faults: list[Fault]) -> Any:
        coerced = coerce(value)
        if coerced is WRONG:
            faults.append(complain(value))
            return value
        return coerced

    return step


def with_rules(field: Field, step: Step, rules: tuple[Rule, ...]) -> Step:
    """The step, and behind it the field's rules."""
    for rule in rules:
        step = _with_rule(step, rule.test, compile_complaint(field, rule.text))
    return step


def with_nothing(is_nothing: Callable[[Any], bool], step: Step) -> Step:
    """The step, but not for what counts as nothing."""

    def cleaned(value: Any, faults: list[Fault]) -> Any:
        return UNSET if not value and is_nothing(value) else step(value, faults)

    return cleaned


def move(faults: list[Fault], start: int, place: str) -> None:
    """Set the faults from `start` on under the place of the value that they were found in."""
    faults[start:] = [fault.under(place) for fault in faults[start:]]


def compile_complaint(field: Field, text: str) -> Callable[[Any], Fault]:
    """Compile the fault of a value where `text` is wanted."""
    secret = field.is_secret

    def complain(value: Any) -> Fault:
        return Fault("$", f"{told(value, secret=secret)} came, but {text} is wanted")

    return complain


def _with_rule(step: Step, test: Callable[[Any], bool], complain: Callable[[Any], Fault]) -> Step:
    def ruled(value: Any, faults: list[Fault]) -> Any:
        before = len(faults)
        value = step(value, faults)
        # Faults further inside do not hide this one, but one of the value itself does.
        is_sound = len(faults) == before or all(fault.place != "$" for fault in faults[before:])
        if is_sound and not test(value):
            faults.append(complain(value))
        return value

    return ruled
