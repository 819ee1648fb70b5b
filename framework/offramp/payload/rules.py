"""What a value of the right type must hold besides: choices, bounds, length, format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, NamedTuple

from offramp.definition import Choice, Field
from offramp.js.numbers import exact
from offramp.payload.coerce import USUAL
from offramp.payload.formats import FORMATS
from offramp.payload.formats.dates import is_date_like
from offramp.payload.types import is_shaped, item_types, wanted
from offramp.payload.values import is_number, same, text_of

#: How many choices a message lists.
SHOWN_CHOICES: Final = 10


class Rule(NamedTuple):
    """What a value must hold, and what a message says is wanted."""

    test: Callable[[Any], bool]
    text: str
    #: The test as an expression, for a `value` that has the field's usual type already; `it` is
    #: what the value is measured by.
    usual: str
    it: Any


def rules_of(field: Field) -> tuple[Rule, ...]:
    """The rules for one value of a field, or for each item where it is a list.

    A list obeys its choices only, and not even those where it is of objects with declared
    properties: bounds, lengths and formats hold for single values.
    """
    rules: list[Rule] = []
    if field.choices is not None and not (field.multiple and is_shaped(field)):
        rules.append(_choices(field))
    if not field.multiple:
        rules += _bounds(field)
        rules += _format(field)
    return tuple(rules)


def allowed_values(field: Field) -> list[Any]:
    """The values that a field's choices allow; null among them where the field may be null."""
    choices = field.choices or ()
    values = [choice.value if isinstance(choice, Choice) else choice for choice in choices]
    return [*values, None] if field.allow_null else values


def _choices(field: Field) -> Rule:
    values = allowed_values(field)
    strings = frozenset(value for value in values if isinstance(value, str))
    others = [value for value in values if not isinstance(value, str)]

    is_text = USUAL[item_types(field)[0]] is str

    def is_allowed(value: Any) -> bool:
        if isinstance(value, str):
            return value in strings
        return any(same(value, other) for other in others)

    more = f" and {len(values) - SHOWN_CHOICES} more" if len(values) > SHOWN_CHOICES else ""
    text = "one of " + ", ".join(map(text_of, values[:SHOWN_CHOICES])) + more
    if is_text:
        return Rule(is_allowed, text, "value in it", strings)
    return Rule(is_allowed, text, "it(value)", is_allowed)


def _bounds(field: Field) -> list[Rule]:
    # A bound of 0 is no bound: Segment does not tell it from none.
    if field.type == "string":
        return _lengths(field)
    if field.type != "number":
        return []
    found: list[Rule] = []
    if field.minimum:
        least = exact(field.minimum)
        at_least = _of_number(lambda number: number >= least)
        found.append(Rule(at_least, f"{least} or more", "value >= it", least))
    if field.maximum:
        most = exact(field.maximum)
        at_most = _of_number(lambda number: number <= most)
        found.append(Rule(at_most, f"{most} or less", "value <= it", most))
    return found


def _lengths(field: Field) -> list[Rule]:
    found: list[Rule] = []
    if field.minimum:
        least = field.minimum
        text = f"{least} characters or more"
        long_enough = _of_text(lambda text: len(text) >= least)
        found.append(Rule(long_enough, text, "len(value) >= it", least))
    if field.maximum:
        most = field.maximum
        text = f"at most {most} characters"
        short_enough = _of_text(lambda text: len(text) <= most)
        found.append(Rule(short_enough, text, "len(value) <= it", most))
    return found


def _format(field: Field) -> list[Rule]:
    if field.type == "datetime":
        return [Rule(_of_text(is_date_like), wanted(field), "it(value)", is_date_like)]
    if field.type != "string" or field.format not in FORMATS:
        return []
    test, text = FORMATS[field.format]
    return [Rule(_of_text(test), text, "it(value)", test)]


def _of_text(test: Callable[[str], bool]) -> Callable[[Any], bool]:
    """The test, which anything but a text passes."""
    return lambda value: not isinstance(value, str) or test(value)


def _of_number(test: Callable[[Any], bool]) -> Callable[[Any], bool]:
    """The test by exact digits, which anything but a number passes."""
    return lambda value: not is_number(value) or test(exact(value))
