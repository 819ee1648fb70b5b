"""Writes values as JavaScript does: `js_string` is String(), `js_json` is JSON.stringify()."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable
from decimal import Decimal
from json.encoder import encode_basestring
from typing import TYPE_CHECKING, Any, Final

from offramp import _json
from offramp.js.values import UNSET

if TYPE_CHECKING:
    from collections.abc import Iterable

#: Up to this number of digits before the point, JavaScript writes no exponent. Source: ECMA-262,
#: Number::toString.
PLAIN_DIGITS = 21
#: From this number of zeros after the point on, it writes an exponent. Source: the same.
PLAIN_ZEROS = 6
#: A decimal number of at most this many characters is within both limits.
SHORT_NUMBER = 16
#: The first integer that needs more than `PLAIN_DIGITS` digits.
FIRST_LARGE_INTEGER = 10**PLAIN_DIGITS
_FIRST_SMALL: Final = -FIRST_LARGE_INTEGER
#: The first number that is too large for the index of an array. Source: ECMA-262, array index.
FIRST_NON_INDEX = 2**32 - 1
#: The character after "9": texts that sort from here on do not begin with a digit.
AFTER_DIGITS = ":"
#: What JavaScript's trim() removes. Source: ECMA-262, WhiteSpace and LineTerminator.
JS_WHITESPACE = (
    "\t\n\v\f\r \xa0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a"
    "\u2028\u2029\u202f\u205f\u3000\ufeff"
)

_ARRAY_INDEX = re.compile(r"0|[1-9][0-9]{0,9}")
_SURROGATE = re.compile("[\ud800-\udfff]")
_OBJECT_TEXT = "[object Object]"


def js_string(value: Any) -> str:
    """The text of any value: `1.0` is "1", a list joins its items with ",", null is "null"."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return ",".join(map(text_or_empty, value))
    if isinstance(value, dict):
        return _OBJECT_TEXT
    word = _word(value)
    return number_text(value) if word is None else word


def text_or_empty(value: Any) -> str:
    """The text of a value; null and `UNSET` are the empty text."""
    if type(value) is str:
        return value
    return "" if value is None or value is UNSET else js_string(value)


def number_text(number: float | Decimal) -> str:
    """A number in JavaScript's notation, but with the digits that a double would lose."""
    if isinstance(number, int):
        return _integer_text(number)
    return _decimal_text(Decimal(repr(number)) if isinstance(number, float) else number)


def js_json(value: Any, *, indent: str = "", margin: str = "") -> str:
    """JSON as JSON.stringify writes it: compact unless indented, integer-like keys first.

    `UNSET` in an object is left out; in a list, or as the whole value, it is null. Lines after
    the first begin with `margin`.
    """
    if not indent:
        return _compact(value)
    if isinstance(value, list):
        parts = [js_json(item, indent=indent, margin=margin + indent) for item in value]
        return _bracketed("[", parts, "]", indent, margin)
    if isinstance(value, dict):
        parts = _members(value, indent, margin + indent)
        return _bracketed("{", parts, "}", indent, margin)
    return _compact(value)


def js_items(members: dict[str, Any]) -> Iterable[tuple[str, Any]]:
    """The members of an object in JavaScript's order: integer-like keys come first, ascending."""
    if not may_have_indexes(members):
        return members.items()
    indexes = sorted(filter(is_array_index, members), key=int)
    rest = (key for key in members if not is_array_index(key))
    return [(key, members[key]) for key in (*indexes, *rest)]


def may_have_indexes(members: dict[str, Any]) -> bool:
    """Whether a key begins with a digit, as an index does; the least key nearly always decides."""
    if not members or min(members) >= AFTER_DIGITS:
        return False
    return any("0" <= key[:1] <= "9" for key in members)


def is_array_index(key: str) -> bool:
    """Whether a key is the text of an array index: "0", "7", but not "07" or "-1"."""
    return bool(_ARRAY_INDEX.fullmatch(key)) and int(key) < FIRST_NON_INDEX


def is_plain_decimal(text: str) -> bool:
    """Whether JavaScript would write the decimal number in `text` in the same way."""
    return "." in text and len(text) < SHORT_NUMBER and text[-1] != "0" and "E" not in text


def _compact(value: Any) -> str:
    """JSON on one line."""
    kind = type(value)
    if kind is str:
        return _quoted(value)
    if kind is int and -FIRST_LARGE_INTEGER < value < FIRST_LARGE_INTEGER:
        return str(value)
    if kind is dict:
        members = [
            f"{_quoted(key)}:{_compact(item)}" for key, item in js_items(value) if item is not UNSET
        ]
        return "{" + ",".join(members) + "}"
    if kind is list:
        return "[" + ",".join([_compact(item) for item in value]) + "]"
    if value is UNSET or (isinstance(value, float) and not math.isfinite(value)):
        return "null"
    return js_string(value)


def _word(value: Any) -> str | None:
    if isinstance(value, bool):
        return "true" if value else "false"
    if value is None:
        return "null"
    return "undefined" if value is UNSET else None


def _integer_text(number: int) -> str:
    if abs(number) < FIRST_LARGE_INTEGER:
        return str(number)
    exact = Decimal(number)
    try:
        as_double = Decimal(repr(float(number)))
    except OverflowError:
        as_double = Decimal(0)
    # If the double would be another number, all digits are written.
    return _decimal_text(exact) if as_double == exact else format(exact, "f")


def _decimal_text(number: Decimal) -> str:
    text = str(number)
    if is_plain_decimal(text):
        return text
    sign, digit_tuple, exponent = number.as_tuple()
    if not isinstance(exponent, int):
        return "NaN" if number.is_nan() else ("-Infinity" if sign else "Infinity")
    all_digits = "".join(map(str, digit_tuple)).lstrip("0")
    digits = all_digits.rstrip("0")
    if not digits:
        return "0"
    point = len(all_digits) + exponent
    return ("-" if sign else "") + _lay_out(digits, point)


def _lay_out(digits: str, point: int) -> str:
    count = len(digits)
    if 0 < point <= PLAIN_DIGITS:
        if count <= point:
            return digits + "0" * (point - count)
        return f"{digits[:point]}.{digits[point:]}"
    if -PLAIN_ZEROS < point <= 0:
        return "0." + "0" * -point + digits
    mantissa = digits if count == 1 else f"{digits[0]}.{digits[1:]}"
    return f"{mantissa}e{point - 1:+d}"


def _quoted(text: str) -> str:
    quoted = encode_basestring(text)
    if text.isascii():
        return quoted
    return _SURROGATE.sub(lambda found: f"\\u{ord(found[0]):04x}", quoted)


def _members(value: dict[str, Any], indent: str, margin: str) -> list[str]:
    colon = ": " if indent else ":"
    return [
        _quoted(key) + colon + js_json(item, indent=indent, margin=margin)
        for key, item in js_items(value)
        if item is not UNSET
    ]


def _bracketed(opening: str, parts: list[str], closing: str, indent: str, margin: str) -> str:
    if not indent or not parts:
        return opening + ",".join(parts) + closing
    separator = f",\n{margin}{indent}"
    return f"{opening}\n{margin}{indent}{separator.join(parts)}\n{margin}{closing}"


def json_text(value: Any) -> str:
    """The same text as `js_json`, but faster: msgspec's encoder is used where it writes the same.

    That is so for texts, plain numbers, objects and lists, which nearly all values consist of.
    """
    if _are_alike((value,)):
        try:
            return _json.dumps_exactly(value).decode()
        except UnicodeEncodeError:
            pass  # a lone surrogate, which JavaScript escapes
    return js_json(value)


def _are_alike(values: Iterable[Any]) -> bool:
    """Whether the encoder writes each value as JavaScript does, except for lone surrogates."""
    for value in values:
        kind = type(value)
        if kind is str or (kind is int and _FIRST_SMALL < value < FIRST_LARGE_INTEGER):
            continue
        if kind is dict:
            if may_have_indexes(value) or not _are_alike(value.values()):
                return False
        elif kind is list:
            if not _are_alike(value):
                return False
        elif not _is_plain(value):
            return False
    return True


def _is_plain(value: Any) -> bool:
    if type(value) is Decimal:
        return is_plain_decimal(str(value))
    return value is None or type(value) is bool
