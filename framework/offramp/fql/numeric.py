"""Numbers and their texts, as JavaScript converts them, with every digit kept."""

from __future__ import annotations

import re
from collections.abc import Mapping
from decimal import Decimal, InvalidOperation
from typing import Any

#: From this power of ten on JavaScript writes an exponent (ECMA-262, Number::toString).
_EXPONENT_FROM = 21
#: Below this power of ten too.
_EXPONENT_BELOW = -7
#: The white space that JavaScript trims before it reads a number (ECMA-262, StringToNumber).
_WHITE_SPACE = (
    "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006"
    "\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000\ufeff"
)
_DECIMAL = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_RADIX = re.compile(r"0(?:[xX](?P<x>[0-9a-fA-F]+)|[oO](?P<o>[0-7]+)|[bB](?P<b>[01]+))")
_RADIX_BASES = {"x": 16, "o": 8, "b": 2}
_INFINITY = re.compile(r"[+-]?Infinity")


def exact(value: Any) -> int | Decimal | None:
    """Give a JSON number as one that compares exactly, and None for all else (booleans too)."""
    kind = type(value)
    if kind is int or kind is Decimal:
        return value  # type: ignore[no-any-return]  # narrowed by exact type, which mypy does not follow
    if kind is float and value - value == 0:
        return Decimal(repr(value))
    return None


def literal(value: Decimal) -> int | Decimal:
    """Give a number in the simplest form that a tree holds: an `int` where nothing is lost."""
    if value.adjusted() < _EXPONENT_FROM and value == value.to_integral_value():
        return int(value)
    return value


def number_as_json(value: int | Decimal) -> Any:
    """Give a number as plain JSON data: a number where one keeps every digit, else its text.

    `{"decimal": "0.10000000000000000001"}` is the number that no float holds.
    """
    simple = literal(Decimal(value))
    if isinstance(simple, int):
        return simple
    double = float(simple)
    return double if exact(double) == simple else {"decimal": format(simple, "f")}


def number_from_json(value: Any) -> int | Decimal | None:
    """Read a number of a tree, in either of its forms; None for any other value."""
    if isinstance(value, Mapping):
        digits = value.get("decimal")
        return parse_decimal(digits) if len(value) == 1 and isinstance(digits, str) else None
    return exact(value)


def parse_decimal(text: str) -> Decimal | None:
    """Read a decimal number and nothing else; None for any other text."""
    if not _DECIMAL.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:  # an exponent that no Decimal can hold
        return None


def parse_number(text: str) -> Decimal | None:
    """Read a text as JavaScript's `Number(text)` does: "" is 0, "0x10" 16; None for NaN."""
    trimmed = text.strip(_WHITE_SPACE)
    if not trimmed:
        return Decimal(0)
    if _INFINITY.fullmatch(trimmed):
        return Decimal(trimmed)
    if radix := _RADIX.fullmatch(trimmed):
        (digits,) = (found for found in radix.groups() if found)
        return Decimal(int(digits, _RADIX_BASES[radix.lastgroup or "x"]))
    return parse_decimal(trimmed)


def write_number(value: int | Decimal) -> str:
    """Write a number as JavaScript's `String(number)` does, but with all its digits."""
    # An int goes through Decimal too: str(int) refuses more than 4,300 digits.
    sign, digits, exponent = Decimal(value).as_tuple()
    if not isinstance(exponent, int):
        return "NaN" if exponent in ("n", "N") else "-Infinity" if sign else "Infinity"
    significant = "".join(map(str, digits)).lstrip("0")
    shortened = significant.rstrip("0")
    if not shortened:
        return "0"
    exponent += len(significant) - len(shortened)
    text = _place_point(shortened, exponent, plain=isinstance(value, int))
    return f"-{text}" if sign else text


def _place_point(digits: str, exponent: int, *, plain: bool) -> str:
    point = len(digits) + exponent
    if not plain and not _EXPONENT_BELOW < point - 1 < _EXPONENT_FROM:
        fraction = f".{digits[1:]}" if len(digits) > 1 else ""
        return f"{digits[0]}{fraction}e{point - 1:+d}"
    if exponent >= 0:
        return digits + "0" * exponent
    if point > 0:
        return f"{digits[:point]}.{digits[point:]}"
    return f"0.{'0' * -point}{digits}"
