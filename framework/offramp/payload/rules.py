"""What a value of the right type must hold besides: choices, bounds, length, format."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, Final, TypeAlias

from offramp.definition import Choice, Field
from offramp.payload.dates import is_date_like
from offramp.payload.formats import FORMATS
from offramp.payload.kinds import is_shaped, item_types, wanted
from offramp.payload.values import exact, is_number, same, text_of

#: How many choices a message lists.
SHOWN_CHOICES: Final = 10

#: Whether a value passes, and what a message says is wanted.
Rule: TypeAlias = tuple[Callable[[Any], bool], str]


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

    def is_allowed(value: Any) -> bool:
        if isinstance(value, str):
            return value in strings
        return any(same(value, other) for other in others)

    more = f" and {len(values) - SHOWN_CHOICES} more" if len(values) > SHOWN_CHOICES else ""
    return is_allowed, "one of " + ", ".join(map(text_of, values[:SHOWN_CHOICES])) + more


def _bounds(field: Field) -> list[Rule]:
    # A bound of 0 is no bound: Segment does not tell it from none.
    if field.type == "string":
        return _lengths(field)
    if field.type != "number":
        return []
    found: list[Rule] = []
    if field.minimum:
        least = exact(field.minimum)
        found.append((lambda v: not is_number(v) or exact(v) >= least, f"{least} or more"))
    if field.maximum:
        most = exact(field.maximum)
        found.append((lambda v: not is_number(v) or exact(v) <= most, f"{most} or less"))
    return found


def _lengths(field: Field) -> list[Rule]:
    found: list[Rule] = []
    if field.minimum:
        least = field.minimum
        text = f"{least} characters or more"
        found.append((lambda v: not isinstance(v, str) or len(v) >= least, text))
    if field.maximum:
        most = field.maximum
        text = f"at most {most} characters"
        found.append((lambda v: not isinstance(v, str) or len(v) <= most, text))
    return found


def _format(field: Field) -> list[Rule]:
    if field.type == "datetime":
        return [(lambda value: not isinstance(value, str) or is_date_like(value), wanted(field))]
    if field.type != "string" or field.format not in FORMATS:
        return []
    test, text = FORMATS[field.format]
    if item_types(field) == ("string",):
        return [(test, text)]
    return [(lambda value: not isinstance(value, str) or test(value), text)]
