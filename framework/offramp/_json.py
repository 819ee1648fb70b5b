"""JSON in and out with every number kept exact: any integer, every decimal digit."""

from __future__ import annotations

import json
import re
from decimal import Decimal, InvalidOperation
from typing import Any

import msgspec

_DECODER = msgspec.json.Decoder(float_hook=Decimal)
_ENCODER = msgspec.json.Encoder(decimal_format="number")
_LONE_SURROGATE = re.compile("[\ud800-\udfff]")


def loads(data: bytes | str) -> Any:
    """Parse JSON; numbers with a fraction or exponent become `Decimal`, others `int`.

    Half of a surrogate pair, which JavaScript clients send when they cut a string in two,
    becomes U+FFFD. Raises `ValueError` for anything that is not JSON.
    """
    try:
        return _DECODER.decode(data)
    except msgspec.MsgspecError as error:
        text = data if isinstance(data, str) else data.decode(errors="replace")
        if r"\ud" not in text.lower():
            raise ValueError(str(error)) from None
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except InvalidOperation:
        raise ValueError("a number's exponent is out of range") from None
    try:
        parsed = json.loads(text, parse_float=Decimal, parse_constant=_refuse_constant)
    except RecursionError:
        raise ValueError("JSON is nested too deeply") from None
    except InvalidOperation:
        raise ValueError("a number's exponent is out of range") from None
    return _mend(parsed)


def dumps(value: Any) -> bytes:
    """Write compact JSON; `Decimal` as the number it is, `datetime` in ISO 8601.

    Raises `TypeError` for what has no JSON form.
    """
    return _ENCODER.encode(value)


def pretty(value: Any, *, indent: int = 2) -> str:
    """Write JSON for a person to read."""
    return msgspec.json.format(dumps(value), indent=indent).decode()


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is not JSON")


def _mend(value: Any) -> Any:
    match value:
        case str():
            return _LONE_SURROGATE.sub("\ufffd", value)
        case list():
            return [_mend(item) for item in value]
        case dict():
            return {_mend(key): _mend(item) for key, item in value.items()}
        case _:
            return value
