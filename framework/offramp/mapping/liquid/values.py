"""Liquid's rules for values: text, truth, equality, order, numbers and properties."""

from __future__ import annotations

import math
from decimal import Decimal
from enum import Enum
from typing import TYPE_CHECKING, Any

from offramp.js.numbers import parse_number
from offramp.js.text import JS_WHITESPACE, js_string
from offramp.js.units import js_length, order_of
from offramp.js.values import UNSET
from offramp.mapping.path import member

if TYPE_CHECKING:
    from collections.abc import Callable


class Special(Enum):
    """The literals with special rules of comparison."""

    NIL = "nil"
    EMPTY = "empty"
    BLANK = "blank"


def plain(value: Any) -> Any:
    """The value of a special literal outside a comparison."""
    if isinstance(value, Special):
        return None if value is Special.NIL else ""
    return value


def text_of(value: Any) -> str:
    """A value as it is written into the output; lists without separators between their items."""
    if type(value) is str:
        return value
    value = plain(value)
    if value is None or value is UNSET:
        return ""
    if isinstance(value, list):
        return "".join(map(text_of, value))
    return js_string(value)


def is_true(value: Any) -> bool:
    """Whether a value is true in a condition: everything except false, null and absence."""
    value = plain(value)
    return not (value is False or value is None or value is UNSET)


def is_nil(value: Any) -> bool:
    """Whether a value is null or absent."""
    value = plain(value)
    return value is None or value is UNSET


def as_list(value: Any) -> list[Any]:
    """A list as it is, null as an empty list, anything else as a list of one item."""
    value = plain(value)
    if isinstance(value, list):
        return value
    return [] if is_nil(value) else [value]


def is_number(value: Any) -> bool:
    """Whether a value is a JSON number."""
    return isinstance(value, (int, float, Decimal)) and not isinstance(value, bool)


def number(value: Any) -> float:
    """JavaScript's Number(value)."""
    value = plain(value)
    match value:
        case None:
            return 0.0
        case str():
            return _number_in(value)
        case list():
            return _number_in(js_string(value))
        case bool() | int() | float() | Decimal():
            return _double(value)
        case _:
            return math.nan


def number_or_zero(value: Any) -> float:
    """The number of a value in a calculation: 0 if it is not a number."""
    converted = number(value)
    return 0.0 if math.isnan(converted) else converted


def equals(left: Any, right: Any) -> bool:
    """Liquid's `==`: compares types too, lists by their items, objects by identity."""
    if isinstance(left, Special):
        return _equals_special(left, right)
    if isinstance(right, Special):
        return _equals_special(right, left)
    if isinstance(left, list) and isinstance(right, list):
        return len(left) == len(right) and all(map(equals, left, right))
    if isinstance(left, bool) or isinstance(right, bool) or isinstance(left, dict):
        return left is right
    return bool(left == right)


def compare(left: Any, right: Any, holds: Callable[[Any, Any], bool]) -> bool:
    """Liquid's `<`, `<=`, `>`, `>=`: two texts by their characters, other values as numbers."""
    if isinstance(left, Special) or isinstance(right, Special):
        return False
    left, right = _primitive(left), _primitive(right)
    if isinstance(left, str) and isinstance(right, str):
        if not (left.isascii() and right.isascii()):
            left, right = order_of(left), order_of(right)
        return holds(left, right)
    left, right = _comparable(left), _comparable(right)
    # A value that is not a number is neither less nor greater than any other.
    return not math.isnan(left) and not math.isnan(right) and bool(holds(left, right))


def contains(left: Any, right: Any) -> bool:
    """Liquid's `contains`: an item in a list, or a text in a text."""
    left = plain(left)
    if isinstance(left, list):
        return any(equals(item, right) for item in left)
    return isinstance(left, str) and js_string(plain(right)) in left


def read_property(value: Any, key: Any) -> Any:
    """One property of a value, or Liquid's own `size`, `first` and `last`."""
    if value is None or value is UNSET:
        return value
    key = plain(key)
    if isinstance(value, list) and is_number(key):
        return _item(value, key)
    if key == "size":
        return _size(value)
    if key == "first" and isinstance(value, list):
        return value[0] if value else UNSET
    if key == "last" and isinstance(value, list):
        return value[-1] if value else UNSET
    return own_property(value, js_string(key))


def own_property(value: Any, key: str) -> Any:
    """A value's own property; unlike with a path, a falsy value has none."""
    if isinstance(value, (dict, list)) or (isinstance(value, str) and value):
        return member(value, key)
    return 0 if value == "" and key == "length" else UNSET


def code_points(text: str, count: float) -> int:
    """A count of characters, rounded up and limited to the length of the text; NaN is 0."""
    return 0 if not count > 0 else min(len(text), math.ceil(min(count, len(text))))


def _size(value: Any) -> Any:
    if isinstance(value, dict):
        return value["size"] if "size" in value else len(value)
    if isinstance(value, list):
        return len(value)
    return js_length(value) if isinstance(value, str) else UNSET


def _item(items: list[Any], index: float | Decimal) -> Any:
    if not math.isfinite(index) or index != int(index):
        return UNSET
    position = int(index) + (len(items) if index < 0 else 0)
    return items[position] if 0 <= position < len(items) else UNSET


def _equals_special(special: Special, value: Any) -> bool:
    if special is Special.NIL:
        return is_nil(value)
    if special is Special.BLANK and (value is False or is_nil(value)):
        return True
    if special is Special.BLANK and isinstance(value, str):
        return not value.strip(JS_WHITESPACE)
    return isinstance(value, (str, list, dict)) and not value


def _primitive(value: Any) -> Any:
    return js_string(value) if isinstance(value, (list, dict)) else value


def _comparable(value: Any) -> Any:
    # Numbers are compared exactly, with all their digits.
    return value if is_number(value) else number(value)


def _double(value: float | Decimal) -> float:
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def _number_in(text: str) -> float:
    found = parse_number(text)
    return math.nan if found is None else _double(found)
