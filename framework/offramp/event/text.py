"""Changes the JSON text of an event in one place, and leaves every other byte as it came.

Each function gives `None` where the place is not surely found; the event is then written anew.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from offramp import _json

_ESCAPE: Final = b"\\u"
_COMMA: Final = b","
_BACKSLASH: Final = ord("\\")
_LIST: Final = ord("[")
_ONE_BRACKET: Final = bytes.maketrans(b"[]", b"{}")
_NO_BRACKETS: Final = bytes(set(range(256)) - set(b'{}[]"'))


class _Context(msgspec.Struct):
    context: msgspec.Raw


_CONTEXT: Final = msgspec.json.Decoder(_Context)


def cut_text(text: bytes, key: str, value: Any) -> bytes | None:
    """Cut one member out of an object, given its key and its value, a string."""
    # Without escapes the key is written as it is; if it is written once, that is the place.
    if not isinstance(value, str) or text.count(key.encode()) != 1 or _ESCAPE in text:
        return None
    member = _json.dumps({key: value})[1:-1]
    start = text.find(member)
    end = start + len(member)
    if start < 1:
        return None
    if text[start - 1 : start] == _COMMA:
        return text[: start - 1] + text[end:]
    if text[end : end + 1] == _COMMA:
        return text[:start] + text[end + 1 :]
    return None


def extend_context(text: bytes, added: dict[str, Any]) -> bytes | None:
    """Add members at the end of `context`, an object that is not empty."""
    context = bytes(_CONTEXT.decode(text).context)
    start = text.find(context)
    if start != text.rfind(context):
        return None
    end = start + len(context) - 1
    return text[:end] + _COMMA + _json.dumps(added)[1:-1] + text[end:]


def may_nest_deeper_than(text: bytes, levels: int) -> bool:
    """Whether objects and lists may be nested more than `levels` deep; `False` is certain.

    `text` is JSON. `True` is certain too, unless strings hold brackets or backslashes.
    """
    # Counting brackets is cheap and nearly always enough.
    brackets = text.count(b"{")
    if _LIST in text:  # cheaper than counting; most events have no list
        brackets += text.count(b"[")
    if brackets <= levels:
        return False
    if _BACKSLASH in text:
        return True
    # Only brackets are left, and the quotes of strings that hold brackets. Each round takes away
    # what holds nothing else.
    left = text.translate(_ONE_BRACKET, _NO_BRACKETS).replace(b'""', b"")
    for _ in range(levels):
        left = left.replace(b"{}", b"")
        if not left:
            return False
    return True
