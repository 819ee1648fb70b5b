"""JSON in and out with every number kept exact: any integer, every decimal digit."""

from __future__ import annotations

import json
import re
from collections.abc import Collection
from decimal import Decimal, InvalidOperation
from typing import Any, Final

import msgspec

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")
#: msgspec's message for an integer that it cannot read.
_OUT_OF_RANGE: Final = "Integer value out of range"


#: Most characters of an integer, its sign included. Python refuses longer ones, because reading
#: them takes quadratic time. Source: `sys.set_int_max_str_digits`.
MAX_INTEGER_CHARS: Final = 4_300


_TOO_LONG: Final = f"integers have at most {MAX_INTEGER_CHARS} characters"


class HalfCharacterError(ValueError):
    """Half of a surrogate pair in a text that must stay unique; `place` says where."""

    def __init__(self, place: str) -> None:
        super().__init__("has half of a surrogate pair; cut texts between characters")
        self.place = place


def loads(data: bytes | str, *, exact: Collection[str] = ()) -> Any:
    """Parse JSON; numbers with a fraction or exponent become `Decimal`, others `int`.

    Half of a surrogate pair, which JavaScript clients send when they cut a string in two,
    becomes U+FFFD. In a key, and in the text under a key of `exact`, it raises
    `HalfCharacterError`, since two different texts could become equal. Raises `ValueError` for
    anything that is not JSON, and for integers longer than `MAX_INTEGER_CHARS`.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        text = data if isinstance(data, str) else data.decode(errors="replace")
        if r"\ud" not in text.lower():
            raise ValueError(_describe(error)) from None
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except InvalidOperation:
        raise ValueError("a number's exponent is out of range") from None
    try:
        parsed = json.loads(
            text, parse_float=Decimal, parse_int=_parse_int, parse_constant=_refuse_constant
        )
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except InvalidOperation:
        raise ValueError("a number's exponent is out of range") from None
    return _mend(parsed, exact, "$")


def dumps(value: Any) -> bytes:
    """Write compact JSON; `Decimal` as the number it is, `datetime` in ISO 8601.

    Half of a surrogate pair, which aiohttp makes from header bytes that are not UTF-8, is written
    as U+FFFD. Raises `TypeError` for a value that has no JSON form.
    """
    try:
        return dumps_exactly(value)
    except UnicodeEncodeError:
        return dumps_exactly(_readable(value))


def dumps_exactly(value: Any) -> bytes:
    """As `dumps`, except that half of a surrogate pair raises `UnicodeEncodeError`."""
    return _ENCODER.encode(value)


def pretty(value: Any, *, indent: int = 2) -> str:
    """Write JSON for a person to read."""
    return msgspec.json.format(dumps(value), indent=indent).decode()


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _describe(error: msgspec.MsgspecError) -> str:
    message = str(error)
    # The rest of msgspec's message, a place such as `$[...][...]`, does not say which value it is.
    return f"{_OUT_OF_RANGE}: {_TOO_LONG}" if message.startswith(_OUT_OF_RANGE) else message


def _parse_int(text: str) -> int:
    if len(text) > MAX_INTEGER_CHARS:
        raise ValueError(f"{_OUT_OF_RANGE}: {_TOO_LONG}")
    return int(text)


def _readable(value: Any) -> Any:
    match value:
        case str():
            return _LONE_SURROGATE.sub("\ufffd", value)
        case list() | tuple():
            return [_readable(item) for item in value]
        case dict():
            return {_readable(key): _readable(item) for key, item in value.items()}
        case _:
            return value


def _mend(value: Any, exact: Collection[str], place: str) -> Any:
    match value:
        case str():
            return _LONE_SURROGATE.sub("\ufffd", value)
        case list():
            return [_mend(item, exact, f"{place}[{index}]") for index, item in enumerate(value)]
        case dict():
            mended = {}
            for key, item in value.items():
                inside = f"{place}.{_LONE_SURROGATE.sub(chr(0xFFFD), key)}"
                if _LONE_SURROGATE.search(key) or (
                    key in exact and isinstance(item, str) and _LONE_SURROGATE.search(item)
                ):
                    raise HalfCharacterError(inside)
                mended[key] = _mend(item, exact, inside)
            return mended
        case _:
            return value
