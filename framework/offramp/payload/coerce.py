"""One value made the type that its field asks for, where JavaScript's ajv would make it so."""

from __future__ import annotations

import enum
from collections.abc import Callable
from decimal import Decimal
from typing import Any, Final, TypeAlias

from offramp.js.text import number_text
from offramp.payload.numeric import read_number
from offramp.payload.types import JsonType
from offramp.payload.values import is_integer, is_number


class Wrong(enum.Enum):
    """The type of `WRONG`."""

    WRONG = enum.auto()


#: What cannot be made the type that is wanted.
WRONG: Final = Wrong.WRONG

#: Answers with a value of the wanted type, the same or another, or with `WRONG`.
Coerce: TypeAlias = Callable[[Any], Any]

#: The Python type that most values of a JSON type have: they pass at once.
USUAL: Final[dict[JsonType, type]] = {
    "string": str,
    "number": int,
    "integer": int,
    "boolean": bool,
    "object": dict,
    "null": type(None),
}


def compile_coerce(types: tuple[JsonType, ...]) -> Coerce:
    """Compile the coercion to one of some types, tried in their order.

    A list of one item stands for that item; of several types the item then must be made one,
    even where it is one already, which ajv forgets to look for. An object is never made, nor made
    anything else.
    """
    usual = USUAL[types[0]]
    is_single = len(types) == 1
    fits = _any_of(tuple(_FITS[name] for name in types))
    makers = tuple(_MAKERS[name] for name in types if name in _MAKERS)

    def coerce(value: Any) -> Any:
        if type(value) is usual or fits(value):
            return value
        if makers and isinstance(value, list) and len(value) == 1:
            value = value[0]
            if is_single and fits(value):
                return value
        for make in makers:
            made = make(value)
            if made is not WRONG:
                return made
        return WRONG

    return coerce


def _any_of(tests: tuple[Callable[[Any], bool], ...]) -> Callable[[Any], bool]:
    if len(tests) == 1:
        return tests[0]
    return lambda value: any(test(value) for test in tests)


def _is_string(value: Any) -> bool:
    return isinstance(value, str)


def _is_boolean(value: Any) -> bool:
    return isinstance(value, bool)


def _is_object(value: Any) -> bool:
    return isinstance(value, dict)


def _is_null(value: Any) -> bool:
    return value is None


def _is_zero(value: Any) -> bool:
    return is_number(value) and value == 0


def _to_string(value: Any) -> Any:
    if isinstance(value, bool):
        return "true" if value else "false"
    if is_number(value):
        return number_text(value)
    return "" if value is None else WRONG


def _to_number(value: Any) -> Any:
    if isinstance(value, str):
        number = read_number(value)
        return WRONG if number is None else number
    if value is None or isinstance(value, bool):
        return int(value or 0)
    return WRONG


def _to_integer(value: Any) -> Any:
    number = _to_number(value)
    return number if isinstance(number, int | Decimal) and is_integer(number) else WRONG


def _to_boolean(value: Any) -> Any:
    if value is None or value == "false" or _is_zero(value):
        return False
    if value == "true" or (is_number(value) and value == 1):
        return True
    return WRONG


def _to_null(value: Any) -> Any:
    return None if value == "" or value is False or _is_zero(value) else WRONG


_FITS: Final[dict[JsonType, Callable[[Any], bool]]] = {
    "string": _is_string,
    "number": is_number,
    "integer": is_integer,
    "boolean": _is_boolean,
    "object": _is_object,
    "null": _is_null,
}
_MAKERS: Final[dict[JsonType, Coerce]] = {
    "string": _to_string,
    "number": _to_number,
    "integer": _to_integer,
    "boolean": _to_boolean,
    "null": _to_null,
}
