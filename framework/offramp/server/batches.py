"""The body of a batch, cut into the JSON texts of its events, so that one bad event is alone."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

import msgspec

from offramp.errors import EventError, Fault
from offramp.event import Discard

#: A string (an unfinished one runs to the end, which keeps the search linear), a bracket, a comma.
_MARKS: Final = re.compile(rb'"(?:[^"\\]++|\\.?)*+"?|[\[\]{},]', re.DOTALL)
_MEMBER: Final = re.compile(rb'\s*+"([^"\\]*+)"\s*+:(.*)', re.DOTALL)
_OPENING: Final = frozenset(b"[{")
_CLOSING: Final = frozenset(b"]}")
_COMMA: Final = ord(",")
_NULL: Final = msgspec.Raw(b"null")
#: Strings, brackets and commas of a broken body, at most, for it to be cut: about 0.1 s of work,
#: and ten times what the largest upload of Segment's Python SDK has.
MAX_MARKS: Final = 100_000


class Envelope(msgspec.Struct, gc=False, rename="camel"):
    """What stands around the events of a batch; each part is still JSON text."""

    batch: list[msgspec.Raw]
    write_key: msgspec.Raw = _NULL
    sent_at: msgspec.Raw = _NULL
    context: msgspec.Raw = _NULL
    integrations: msgspec.Raw = _NULL


_DECODER = msgspec.json.Decoder(Envelope)


def open_batch(body: bytes) -> Envelope:
    """Cut a batch into its parts; raises `EventError` with what is wrong, and where.

    A body that is not JSON as a whole is cut at its brackets and commas instead: where a client
    wrote NaN into one event, the others still arrive.
    """
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError as error:
        told = f'{error}; a batch is an object such as {{"batch": [EVENT, ...]}}'
        raise EventError([Fault("$", told)], reason=Discard.BAD_REQUEST) from None
    except (msgspec.DecodeError, RecursionError) as error:
        salvaged = _salvage(body)
        if salvaged is None:
            told = f"the body is not JSON: {error}"
            raise EventError([Fault("$", told)], reason=Discard.NOT_JSON) from None
        return salvaged


def _salvage(body: bytes) -> Envelope | None:
    if body.count(b'"') // 2 + sum(map(body.count, (b"[", b"]", b"{", b"}", b","))) > MAX_MARKS:
        return None
    parts: dict[bytes, bytes] = {}
    try:
        for text in _members(body, b"{"):
            member = _MEMBER.fullmatch(text)
            if member is None:
                return None
            parts[member[1]] = member[2]
        events = [text for text in _members(parts[b"batch"], b"[") if text.strip()]
    except (KeyError, ValueError):
        return None

    def at(key: bytes) -> msgspec.Raw:
        return msgspec.Raw(parts.get(key, b"null"))

    batch = [msgspec.Raw(text) for text in events]
    return Envelope(batch, at(b"writeKey"), at(b"sentAt"), at(b"context"), at(b"integrations"))


def _members(text: bytes, opening: bytes) -> Iterator[bytes]:
    """Cut what stands in one pair of brackets at its commas; `ValueError` if they do not pair."""
    text = text.strip()
    if not text.startswith(opening):
        raise ValueError
    depth, start = 0, 1
    for mark in _MARKS.finditer(text):
        sign = text[mark.start()]
        if sign in _OPENING:
            depth += 1
        elif sign in _CLOSING:
            depth -= 1
            if depth == 0:
                yield text[start : mark.start()]
                start = mark.end()
                break
        elif sign == _COMMA and depth == 1:
            yield text[start : mark.start()]
            start = mark.end()
    if depth != 0 or start != len(text):
        raise ValueError
