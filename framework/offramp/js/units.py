"""Measures texts as JavaScript does: in UTF-16 code units; some characters take two of them."""

from __future__ import annotations

import re

#: Characters above this one take two code units. Source: UTF-16.
LAST_BASIC_CHARACTER = "\uffff"
#: Bytes of a code unit. Source: UTF-16.
BYTES_PER_UNIT = 2

_HALF = re.compile("[\ud800-\udfff]")
_REPLACEMENT = "\ufffd"


def js_length(text: str) -> int:
    """The length of a text in code units."""
    if text.isascii():
        return len(text)
    return len(_encoded(text)) // BYTES_PER_UNIT


def js_units(text: str) -> str:
    """A text with one character per code unit: a surrogate pair becomes two characters."""
    if text.isascii():
        return text
    raw = _encoded(text)
    return "".join([chr(low | high << 8) for low, high in zip(raw[::2], raw[1::2], strict=True)])


def join_units(units: str) -> str:
    """The text of such code units; a lone surrogate stays as it is."""
    return _encoded(units).decode("utf-16-le", "surrogatepass")


def characters(text: str) -> str:
    """The code units of a text; U+FFFD replaces each surrogate, as UTF-8 has none."""
    if len(text) == js_length(text):
        return text
    return _HALF.sub(_REPLACEMENT, js_units(text))


def character_at(text: str, index: int) -> str | None:
    """One of the `characters` of a text; `None` after its end."""
    length = js_length(text)
    if index >= length:
        return None
    if length == len(text):
        return text[index]
    unit = _encoded(text)[index * BYTES_PER_UNIT : (index + 1) * BYTES_PER_UNIT]
    return unit.decode("utf-16-le", "replace")


def order_of(text: str) -> bytes:
    """A sort key that orders texts as JavaScript's `<` does."""
    return text.encode("utf-16-be", "surrogatepass")


def _encoded(text: str) -> bytes:
    return text.encode("utf-16-le", "surrogatepass")
