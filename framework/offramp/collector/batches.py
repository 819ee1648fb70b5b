"""Cuts the body of a batch into the JSON texts of its events, so that a bad event spoils no other.

If the body is not valid JSON as a whole, the events that are complete are salvaged. The text is
read once, by the grammar of JSON with NaN and Infinity. After a syntax error, reading continues
behind the last valid part: the next event is the next object that is not the value of a key and
that has a type of the spec.
"""

from __future__ import annotations

import re
from typing import Final

import attrs
import msgspec

from offramp.errors import EventError, Fault
from offramp.event import EVENT_TYPES, Discard

_NULL: Final = msgspec.Raw(b"null")


class Envelope(msgspec.Struct, gc=False, rename="camel"):
    """A batch request: its events and the keys beside them; each part is still JSON text."""

    batch: list[msgspec.Raw]
    write_key: msgspec.Raw = _NULL
    sent_at: msgspec.Raw = _NULL
    context: msgspec.Raw = _NULL
    integrations: msgspec.Raw = _NULL


_DECODER = msgspec.json.Decoder(Envelope)


def open_batch(body: bytes) -> Envelope:
    """Cut a batch into its parts; raises `EventError` with what is wrong, and where.

    If the body is not valid JSON as a whole, the events that are complete are still taken: if a
    client wrote NaN into one event, the others are accepted.
    """
    try:
        return _DECODER.decode(body)
    except msgspec.ValidationError as error:
        message = f'{error}; a batch is an object such as {{"batch": [EVENT, ...]}}'
        raise EventError([Fault("$", message)], reason=Discard.BAD_REQUEST) from None
    except (msgspec.DecodeError, RecursionError) as error:
        salvaged = salvage(body)
        if salvaged is None or not salvaged.members:
            message = f"the body is not JSON: {error}"
            raise EventError([Fault("$", message)], reason=Discard.NOT_JSON) from None
        return _envelope(salvaged)


def _envelope(salvaged: Salvaged) -> Envelope:
    around = {key: msgspec.Raw(text) for key, text in salvaged.around.items()}
    return Envelope(
        [msgspec.Raw(text) for text in salvaged.members],
        write_key=around.get("writeKey", _NULL),
        sent_at=around.get("sentAt", _NULL),
        context=around.get("context", _NULL),
        integrations=around.get("integrations", _NULL),
    )


#: The most steps of one salvage; a step reads a bracket or a member without brackets. They take
#: about 0.1 s, and no body of 500 KB that an SDK wrote needs as many.
MAX_STEPS: Final = 100_000

_TEXT: Final = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*+"'
_NUMBER: Final = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
#: Python and JavaScript write the last two for numbers that JSON does not have.
_WORD: Final = rb"true|false|null|NaN|-?Infinity"
_EMPTY: Final = rb"\{\s*+\}|\[\s*+\]"
#: A value that holds no other value.
_PLAIN: Final = rb"(?:%b)" % b"|".join((_TEXT, _NUMBER, _WORD, _EMPTY))
#: In an object: plain members; then the last one, or the key of a value with brackets.
_MEMBERS: Final = re.compile(rb"\s*+(?:%b\s*+:\s*+%b\s*+,\s*+)*+" % (_TEXT, _PLAIN))
_MEMBER: Final = re.compile(rb"%b\s*+:\s*+(?:%b\s*+\}|[\[{])" % (_TEXT, _PLAIN))
#: In a list: plain values; then the last one, or the start of a value with brackets.
_VALUES: Final = re.compile(rb"\s*+(?:%b\s*+,\s*+)*+" % _PLAIN)
_VALUE: Final = re.compile(rb"(?:%b\s*+\]|(?:\[(?!\s*+\]))++|\{)" % _PLAIN)
_NO_MEMBER: Final = re.compile(_EMPTY)
#: What follows a value with brackets.
_NEXT: Final = re.compile(rb"\s*+(,|\]++|\})")

_FRONT: Final = re.compile(rb"[\s\x00]*+\{")
_KEY: Final = re.compile(rb"[\s\x00,]*+(%b)\s*+:\s*+" % _TEXT)
_BATCH: Final = re.compile(rb'"batch"\s*+:?+\s*+\[')
_END: Final = re.compile(rb"[\s\x00,]*+(\}?)[\s\x00]*+")
#: Between the events of a batch; an event ends before it.
_BETWEEN: Final = re.compile(rb"[\s\x00,}]*+")
#: A member of the batch without brackets; it may not be valid JSON.
_LONE: Final = re.compile(rb'(%b|[^\s\x00"\[\]{},:]++)[\s\x00]*+(?=[,\]}]|\Z)' % _TEXT)
#: A value beside the events without brackets; the comma after it may be missing.
_AROUND: Final = re.compile(rb'(%b|[^\s\x00"\[\]{},:]++)[\s\x00]*+(?=[,\]}"]|\Z)' % _TEXT)
#: Where reading can continue: the opening bracket of a value, and the end of a list.
_MARK: Final = re.compile(rb':\s*+[\[{]|\{|\](?=[\s\x00,]*+(?:["}]|\Z))')
_EVENT_KEY: Final = re.compile(rb'"(?:type|messageId|userId|anonymousId)"')
_NOTHING: Final = b" \t\r\n\0,]}"
_OBJECT, _LIST = ord("{"), ord("[")
_LIST_END: Final = ord("]")
_CLOSES: Final = {ord("}"): _OBJECT, _LIST_END: _LIST}


class _Typed(msgspec.Struct):
    type: object = None


_TYPED: Final = msgspec.json.Decoder(_Typed)


@attrs.define(kw_only=True)
class Salvaged:
    """The JSON texts of the members of a batch, in order, and of the values beside them."""

    members: list[bytes]
    #: Key -> the JSON text of its value.
    around: dict[str, bytes]


def salvage(body: bytes) -> Salvaged | None:
    """Cut a broken body into complete and incomplete members, in linear time.

    An incomplete member is not valid JSON, so it is rejected when it is parsed. `None` if the body
    has no list of events.
    """
    reader = _Reader(body)
    return Salvaged(members=reader.members, around=reader.around) if reader.read() else None


class _Reader:
    """Reads a text once; `at` is an offset in bytes, and `None` means the end of the text."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.members: list[bytes] = []
        self.around: dict[str, bytes] = {}
        self._steps = MAX_STEPS
        #: Offset of the syntax error in the last value with brackets.
        self._broke_at = 0
        #: Offset of an incomplete member, while its end is searched for.
        self._broken: int | None = None

    def read(self) -> bool:
        """Read the whole text; return whether it has a list of events."""
        front = _FRONT.match(self.text)
        begin = 0 if front is None else self._read_around(front.end(), self.around)
        batch = _BATCH.search(self.text, begin)
        if batch is None:
            return False
        at: int | None = batch.end()
        while at is not None and self._steps > 0:
            at = self._read_member(at) if self._broken is None else self._resume(at, self._broken)
        rest = at if self._broken is None else self._broken
        if rest is not None:
            self._end_broken(rest, len(self.text))
        return True

    def _read_member(self, at: int) -> int | None:
        """Read one member, or the end of the list; return where to continue."""
        at = _end_of(_BETWEEN, self.text, at)
        if at == len(self.text):
            return None
        sign = self.text[at]
        if sign in (_OBJECT, _LIST):
            end = self._read_value(at)
            if end is None:
                self._broken = at
                return self._broke_at
            self.members.append(self.text[at:end])
            return end
        lone = _LONE.match(self.text, at)
        if lone is not None:
            self._steps -= 1
            self.members.append(lone[1])
            return lone.end(1)
        return self._close(at, sure=sign == _LIST_END)

    def _resume(self, at: int, broken: int) -> int | None:
        """Find what follows the member that began at `broken`; return where to continue."""
        self._steps -= 1
        mark = _MARK.search(self.text, at)
        if mark is None:
            return None
        place = mark.end() - 1
        sign = self.text[place]
        if sign not in (_OBJECT, _LIST):
            return self._close(place, sure=False)
        end = self._read_value(place)
        if mark.end() - mark.start() > 1:  # the value of a key is not an event
            return self._broke_at if end is None else end
        if end is None:
            if _EVENT_KEY.search(self.text, place, _end_of(_KEY, self.text, self._broke_at)):
                self._end_broken(broken, place)
                self._broken = place
            return self._broke_at
        if _is_event(self.text[place:end]):
            self._end_broken(broken, place)
            self._broken = None
            self.members.append(self.text[place:end])
        return end

    def _close(self, at: int, *, sure: bool) -> int | None:
        """Read what follows the list of events, if it ends at `at`; return where to continue.

        `sure`: a complete member and a bracket come before, so the list ends here. Otherwise a
        broken event may continue here, and the list ends only if the rest of the body is valid.
        """
        around: dict[str, bytes] = {}
        stop = self._read_around(at + (self.text[at] == _LIST_END), around)
        end = _END.match(self.text, stop)
        ends = end is not None and end.end() == len(self.text) and bool(sure or end[1])
        known = ends or (sure and end is not None and bool(end[1]))
        if known:
            self.around |= around
        if ends:
            if self._broken is not None:
                self._end_broken(self._broken, at)
            self._broken = None
            return None
        if self._broken is None:
            self._broken = stop if known else at
        return max(stop, at + 1)

    def _read_around(self, at: int, around: dict[str, bytes]) -> int:
        """Read keys and values up to the list of events, or up to what is not a key."""
        while (key := _KEY.match(self.text, at)) is not None:
            self._steps -= 1
            if _BATCH.match(self.text, key.start(1)):
                break
            value = key.end()
            if self.text[value : value + 1] in (b"{", b"["):
                end = self._read_value(value)
            else:
                plain = _AROUND.match(self.text, value)
                end = None if plain is None else plain.end(1)
            if end is None:
                break
            around[key[1][1:-1].decode(errors="replace")] = self.text[value:end]
            at = end
        return at

    def _read_value(self, at: int) -> int | None:
        """Read a value with brackets; return where it ends, or `None` if it is not valid."""
        text, inside = self.text, [self.text[at]]
        empty = _NO_MEMBER.match(text, at)
        if empty is not None:
            self._steps -= 1
            return empty.end()
        at += 1
        while self._steps > 0:
            self._steps -= 1
            plain, last = (_MEMBERS, _MEMBER) if inside[-1] == _OBJECT else (_VALUES, _VALUE)
            at = _end_of(plain, text, at)
            found = last.match(text, at)
            if found is None:
                break
            at = found.end()
            if text[at - 1] == _OBJECT:
                inside.append(_OBJECT)
                continue
            if text[at - 1] == _LIST:
                # Nested lists are opened in one match, and still count one step each.
                opened = at - found.start() if inside[-1] == _LIST else 1
                inside += [_LIST] * opened
                self._steps -= opened
                continue
            inside.pop()
            at, goes_on = _read_ends(text, inside, at)
            if not inside:
                return at
            if not goes_on:
                break
        self._broke_at = at
        return None

    def _end_broken(self, start: int, end: int) -> None:
        broken = self.text[start:end].strip(_NOTHING)
        if broken:
            self.members.append(broken)


def _read_ends(text: bytes, inside: list[int], at: int) -> tuple[int, bool]:
    """Close the brackets that end after a value, up to a comma.

    Returns the offset after them, and whether the text is valid so far.
    """
    while inside:
        found = _NEXT.match(text, at)
        if found is None:
            return at, False
        if found[1] == b",":
            return found.end(), True
        at = found.start(1)
        for sign in found[1]:
            if not inside:
                break
            if inside[-1] != _CLOSES[sign]:
                return at, False
            inside.pop()
            at += 1
    return at, True


def _end_of(pattern: re.Pattern[bytes], text: bytes, at: int) -> int:
    found = pattern.match(text, at)
    return at if found is None else found.end()


def _is_event(text: bytes) -> bool:
    """Whether an object has a type of the spec; `True` also if it is not valid JSON."""
    try:
        return _TYPED.decode(text).type in EVENT_TYPES
    except (msgspec.DecodeError, RecursionError, TypeError):
        return True
