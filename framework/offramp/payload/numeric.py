"""Numbers in texts, taken where ajv takes them: where JavaScript's `Number(text)` is finite."""

from __future__ import annotations

from decimal import Decimal
from typing import Final

from offramp.js.numbers import parse_number

#: Whole numbers up to so many digits become `int`; beyond, a double has no value for them.
INTEGER_DIGITS: Final = 309


def read_number(text: str) -> int | Decimal | None:
    """The number that a text holds, or `None`: " 5 " is 5, "0x10" 16, "1e3" 1000, blanks are 0.

    "Infinity", which JavaScript takes, is none: JSON has no such number. Nor is the empty text.
    """
    number = parse_number(text) if text else None
    if not isinstance(number, Decimal):
        return number
    if not number.is_finite():
        return None
    return as_integer(number) if number == number.to_integral_value() else number


def as_integer(number: Decimal) -> int | Decimal:
    """A whole `Decimal` as an `int`, or as it is where the `int` would be of absurd length."""
    return int(number) if number.adjusted() < INTEGER_DIGITS else number
