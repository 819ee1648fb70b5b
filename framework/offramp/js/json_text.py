"""JSON text in JavaScript's notation, written by the encoder where that provably writes the same.

Nearly every value holds only texts, plain numbers, objects and lists. To see that and to let the
encoder write them is several times as fast as `js_json`, which writes what is not so plain.
"""

from __future__ import annotations

from collections.abc import Iterable
from decimal import Decimal
from typing import Any, Final

from offramp import _json
from offramp.js.text import (
    FIRST_LARGE_INTEGER,
    is_plain_decimal,
    js_json,
    may_have_indexes,
)

_FIRST_SMALL: Final = -FIRST_LARGE_INTEGER


def json_text(value: Any) -> str:
    """The same text as `js_json`, faster."""
    if _are_alike((value,)):
        try:
            return _json.dumps_exactly(value).decode()
        except UnicodeEncodeError:
            pass  # half of a surrogate pair, which JavaScript escapes
    return js_json(value)


def _are_alike(values: Iterable[Any]) -> bool:
    """Whether the encoder writes each value as JavaScript does, lone surrogates aside."""
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
