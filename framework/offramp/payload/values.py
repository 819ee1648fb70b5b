"""JSON values: whether they are numbers or equal, and how a message shows one."""

from __future__ import annotations

import math
from decimal import Decimal
from json import dumps
from typing import Any, Final, TypeGuard

from offramp.definition import MASK
from offramp.errors import describe_type
from offramp.js.numbers import exact, parse_number
from offramp.js.text import number_text

#: Most characters of a value that a message shows: enough to recognise it in an event.
SHOWN_LENGTH: Final = 60
#: Most digits of a whole number that becomes an `int`; a double cannot hold longer ones.
INTEGER_DIGITS: Final = 309


def is_number(value: Any) -> TypeGuard[int | float | Decimal]:
    """Whether a value is a JSON number: finite, and not a boolean."""
    if isinstance(value, int):
        return not isinstance(value, bool)
    if isinstance(value, Decimal):
        return value.is_finite()
    return isinstance(value, float) and math.isfinite(value)


def is_integer(value: Any) -> TypeGuard[int | float | Decimal]:
    """Whether a value is a number without a fraction: 1.0 is one."""
    if isinstance(value, Decimal):
        return value.is_finite() and value == value.to_integral_value()
    if isinstance(value, float):
        return value.is_integer()
    return is_number(value)


def same(left: Any, right: Any) -> bool:
    """Whether two values are equal JSON: 1.0 equals 1, but true and "1" do not."""
    if isinstance(left, str) or left is None or isinstance(left, bool):
        return type(left) is type(right) and bool(left == right)
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    if isinstance(left, dict):
        return (
            isinstance(right, dict)
            and left.keys() == right.keys()
            and all(same(item, right[key]) for key, item in left.items())
        )
    return is_number(left) and is_number(right) and exact(left) == exact(right)


def read_number(text: str) -> int | Decimal | None:
    """The number that ajv reads from a text, or `None`: " 5 " is 5, "0x10" is 16, blanks are 0.

    It is JavaScript's `Number(text)`, except that "Infinity", which JSON has no number for, and
    the empty text give `None`.
    """
    number = parse_number(text) if text else None
    if not isinstance(number, Decimal):
        return number
    if not number.is_finite():
        return None
    return _as_integer(number) if number == number.to_integral_value() else number


def _as_integer(number: Decimal) -> int | Decimal:
    """A whole `Decimal` as an `int`, or unchanged if the `int` would be absurdly long."""
    return int(number) if number.adjusted() < INTEGER_DIGITS else number


def describe(value: Any, *, secret: bool = False) -> str:
    """A value as a message shows it: its type and the beginning of its text, or the mask."""
    if value is None:
        return "null"
    if isinstance(value, dict):
        return "an object"
    if isinstance(value, list):
        return f"a list of {len(value)}"
    kind = describe_type(value) if isinstance(value, str | bool) or _is_any_number(value) else ""
    return f"the {kind or type(value).__name__} {MASK if secret else text_of(value)}"


def text_of(value: Any) -> str:
    """The beginning of a value's text, for a message; a string is quoted."""
    text = _text(value)
    return text if len(text) <= SHOWN_LENGTH else text[:SHOWN_LENGTH] + "…"


def _is_any_number(value: Any) -> bool:
    return isinstance(value, int | float | Decimal)


def _text(value: Any) -> str:
    if isinstance(value, str):
        # Half of a surrogate pair cannot be encoded.
        text = value[: SHOWN_LENGTH + 1].encode(errors="replace").decode()
        return dumps(text, ensure_ascii=False)
    if isinstance(value, bool):
        return str(value).lower()
    if _is_any_number(value):
        return number_text(value)
    return "null" if value is None else repr(value)
