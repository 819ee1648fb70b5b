"""Numbers in texts, taken where JavaScript's `Number(text)` takes them, with every digit kept."""

from __future__ import annotations

import re
from decimal import Decimal, InvalidOperation
from typing import Final

from offramp.mapping.jstext import JS_WHITESPACE
from offramp.payload.values import is_integer

#: Whole numbers up to so many digits become `int`; beyond, a double has no value for them.
INTEGER_DIGITS: Final = 309

_DECIMAL: Final = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][+-]?[0-9]++)?")
_PREFIXED: Final = re.compile(r"0(?:[xX][0-9a-fA-F]+|[oO][0-7]+|[bB][01]+)")


def read_number(text: str) -> int | Decimal | None:
    """The number that a text holds, or `None`: " 5 " is 5, "0x10" 16, "1e3" 1000, blanks are 0.

    "Infinity", which JavaScript takes, is none: JSON has no such number.
    """
    stripped = text.strip(JS_WHITESPACE)
    if not stripped:
        return 0 if text else None
    if _PREFIXED.fullmatch(stripped):
        return int(stripped, 0)
    if not _DECIMAL.fullmatch(stripped):
        return None
    try:
        number = Decimal(stripped)
    except InvalidOperation:  # an exponent beyond what even Decimal counts to
        return None
    return as_integer(number) if is_integer(number) else number


def as_integer(number: Decimal) -> int | Decimal:
    """A whole `Decimal` as an `int`, or as it is where the `int` would be of absurd length."""
    return int(number) if number.adjusted() < INTEGER_DIGITS else number
