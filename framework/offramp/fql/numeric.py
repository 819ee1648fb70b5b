"""The numbers that a tree holds, and their forms as plain JSON data."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from typing import Any

from offramp.js.numbers import exact_or_none, parse_decimal
from offramp.js.text import PLAIN_DIGITS


def literal(value: Decimal) -> int | Decimal:
    """Return a number in the simplest form of a tree: an `int` if nothing is lost."""
    if value.adjusted() < PLAIN_DIGITS and value == value.to_integral_value():
        return int(value)
    return value


def number_as_json(value: int | Decimal) -> Any:
    """Return a number as plain JSON data: a number if that keeps every digit, else its text.

    `{"decimal": "0.10000000000000000001"}` is a number that a float cannot hold.
    """
    simple = literal(Decimal(value))
    if isinstance(simple, int):
        return simple
    double = float(simple)
    return double if exact_or_none(double) == simple else {"decimal": write_digits(simple)}


def write_digits(number: Decimal) -> str:
    """Write a finite number without exponent and trailing zeros; equal numbers have equal texts."""
    text = format(number or Decimal(0), "f")  # `or` turns -0 into 0
    return text.rstrip("0").rstrip(".") if "." in text else text


def number_from_json(value: Any) -> int | Decimal | None:
    """Read a number of a tree, in either of its forms; None for any other value."""
    if isinstance(value, Mapping):
        digits = value.get("decimal")
        return parse_decimal(digits) if len(value) == 1 and isinstance(digits, str) else None
    return exact_or_none(value)
