"""Reads numbers from texts as JavaScript does, but keeps every digit."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Any, Final

from offramp.js.text import JS_WHITESPACE

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_RADIX: Final = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")
_INFINITY: Final = re.compile(r"[+-]?Infinity")


def exact(number: float | Decimal) -> int | Decimal:
    """Convert a number so that it is compared by its decimal digits, not as a binary fraction."""
    return Decimal(repr(number)) if isinstance(number, float) else number


def exact_or_none(value: Any) -> int | Decimal | None:
    """Convert a JSON value to an exact number; `None` if it is not a number, or a boolean."""
    kind = type(value)
    if kind is int or (kind is Decimal and value.is_finite()):
        return value  # type: ignore[no-any-return]  # narrowed by exact type, which mypy does not follow
    if kind is float and value - value == 0:
        return exact(value)
    return None


def parse_number(text: str) -> int | Decimal | None:
    """Read a text as JavaScript's `Number(text)` does: "" is 0, "0x10" 16; `None` for NaN."""
    trimmed = text.strip(JS_WHITESPACE)
    if _DECIMAL.fullmatch(trimmed):
        try:
            return Decimal(trimmed)
        except InvalidOperation:  # the exponent is too large for Decimal: a double is 0 or infinite
            return Decimal(repr(float(trimmed)))
    if not trimmed:
        return 0
    if _RADIX.fullmatch(trimmed):
        return int(trimmed, 0)
    return Decimal(trimmed) if _INFINITY.fullmatch(trimmed) else None


def parse_decimal(text: str) -> Decimal | None:
    """Read a decimal number; `None` for any other text."""
    if not _DECIMAL.fullmatch(text):
        return None
    try:
        return Decimal(text)
    except InvalidOperation:  # the exponent is too large for Decimal
        return None
