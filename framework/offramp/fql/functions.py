"""The functions of the trigger language: arguments, result, and behaviour for null.

Source: Segment's "Destination Filter Query Language". Where that page is silent, a function
returns null for a value of a type that it does not accept.
"""

from __future__ import annotations

from decimal import Decimal
from types import MappingProxyType
from typing import TYPE_CHECKING, Any, Literal

import attrs

from offramp import _json
from offramp.js.numbers import exact_or_none, parse_decimal
from offramp.js.text import number_text

if TYPE_CHECKING:
    from collections.abc import Callable

#: The texts that `bool` turns into false, in lower case.
_FALSE_TEXTS = frozenset({"", "false", "0"})


@attrs.frozen(kw_only=True)
class Function:
    """A function, with its number of arguments and the type of its result."""

    run: Callable[..., Any]
    gives: Literal["bool", "number", "string"]
    arity: int = 1


def contains(text: Any, part: Any) -> bool:
    """Whether a text contains another; false unless both are texts."""
    return isinstance(text, str) and isinstance(part, str) and part in text


def match(text: Any, matches: Callable[[str], bool]) -> bool:
    """Whether a text matches a compiled pattern; false unless it is a text."""
    return isinstance(text, str) and matches(text)


def length(value: Any) -> int | None:
    """Count the items of a list or the bytes (UTF-8) of a text; null counts 0."""
    if value is None:
        return 0
    if isinstance(value, str):
        return len(value.encode("utf-8", "surrogatepass"))
    return len(value) if isinstance(value, list) else None


def typeof(value: Any) -> str:
    """Name the type of a value: string, number, list, bool, null, object."""
    match value:
        case None:
            return "null"
        case bool():
            return "bool"
        case str():
            return "string"
        case list():
            return "list"
        case dict():
            return "object"
        case _:
            return "number"


def to_bool(value: Any) -> bool:
    """Turn a value into a boolean: null, 0, "", "0", "false" and the empty list are false."""
    if isinstance(value, str):
        return value.lower() not in _FALSE_TEXTS
    return bool(value)


def to_string(value: Any) -> str | None:
    """Turn a value into a text: numbers with all their digits, lists and objects as JSON."""
    if value is None or isinstance(value, str):
        return value
    number = exact_or_none(value)
    if number is not None:
        return number_text(number)
    try:
        return _json.dumps(value).decode()
    except (ValueError, TypeError, OverflowError, RecursionError):
        return None


def to_number(value: Any) -> int | Decimal | None:
    """Turn a text into the number that it represents; null for any other text."""
    return parse_decimal(value.strip()) if isinstance(value, str) else exact_or_none(value)


def _of_text(change: Callable[[str], str]) -> Callable[[Any], str | None]:
    def run(value: Any) -> str | None:
        return change(value) if isinstance(value, str) else None

    return run


def _title(text: str) -> str:
    return " ".join(word[:1].upper() + word[1:] for word in text.split(" "))


#: Every function by its name.
FUNCTIONS = MappingProxyType(
    {
        "contains": Function(run=contains, gives="bool", arity=2),
        "match": Function(run=match, gives="bool", arity=2),
        "length": Function(run=length, gives="number"),
        "lowercase": Function(run=_of_text(str.lower), gives="string"),
        "uppercase": Function(run=_of_text(str.upper), gives="string"),
        "snakecase": Function(run=_of_text(lambda text: text.replace(" ", "_")), gives="string"),
        "kebabcase": Function(run=_of_text(lambda text: text.replace(" ", "-")), gives="string"),
        "titlecase": Function(run=_of_text(_title), gives="string"),
        "typeof": Function(run=typeof, gives="string"),
        "bool": Function(run=to_bool, gives="bool"),
        "string": Function(run=to_string, gives="string"),
        "number": Function(run=to_number, gives="number"),
    }
)
