"""The body of a batch, cut into the JSON texts of its events, so that one bad event is alone.

Of a body that is not JSON as a whole, each event that is whole is salvaged. The text is read once,
by the grammar of JSON with NaN and infinity. Where it breaks, reading goes on behind the last part
that made sense: the next object that is no value of a key, and that names a type of the spec, is
the next event.
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
    """What stands around the events of a batch; each part is still JSON text."""

    batch: list[msgspec.Raw]
    write_key: msgspec.Raw = _NULL
    sent_at: msgspec.Raw = _NULL
    context: msgspec.Raw = _NULL
    integrations: msgspec.Raw = _NULL


_DECODER = msgspec.json.Decoder(Envelope)


def open_batch(body: bytes) -> Envelope:
    """Cut a batch into its parts; raises `EventError` with what is wrong, and where.

    Of a body that is not JSON as a whole, whatever is whole by itself is taken: where a client
    wrote NaN into one event, the others still arrive.
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


#: Brackets, and members without brackets, that are read at most: about 0.1 s of work, and more
#: than any body of 500 KB has that an SDK wrote.
MAX_STEPS: Final = 100_000

_TEXT: Final = rb'"(?:[^"\\\x00-\x1f]++|\\(?:["\\/bfnrt]|u[0-9A-Fa-f]{4}))*+"'
_NUMBER: Final = rb"-?(?:0|[1-9][0-9]*+)(?:\.[0-9]++)?+(?:[eE][+-]?[0-9]++)?+"
#: The last two are what Python and JavaScript write for what is no number in JSON.
_WORD: Final = rb"true|false|null|NaN|-?Infinity"
_EMPTY: Final = rb"\{\s*+\}|\[\s*+\]"
#: A value with no other value in it.
_PLAIN: Final = rb"(?:%b)" % b"|".join((_TEXT, _NUMBER, _WORD, _EMPTY))
#: In an object, plain members; then the last one, or the key of a value with brackets.
_MEMBERS: Final = re.compile(rb"\s*+(?:%b\s*+:\s*+%b\s*+,\s*+)*+" % (_TEXT, _PLAIN))
_MEMBER: Final = re.compile(rb"%b\s*+:\s*+(?:%b\s*+\}|[\[{])" % (_TEXT, _PLAIN))
#: The same in a list.
_VALUES: Final = re.compile(rb"\s*+(?:%b\s*+,\s*+)*+" % _PLAIN)
_VALUE: Final = re.compile(rb"(?:%b\s*+\]|(?:\[(?!\s*+\]))++|\{)" % _PLAIN)
_NO_MEMBER: Final = re.compile(_EMPTY)
#: Behind a value with brackets.
_NEXT: Final = re.compile(rb"\s*+(,|\]++|\})")

_FRONT: Final = re.compile(rb"[\s\x00]*+\{")
_KEY: Final = re.compile(rb"[\s\x00,]*+(%b)\s*+:\s*+" % _TEXT)
_BATCH: Final = re.compile(rb'"batch"\s*+:?+\s*+\[')
_END: Final = re.compile(rb"[\s\x00,]*+(\}?)[\s\x00]*+")
#: Between the events of a batch; an event ends before it.
_BETWEEN: Final = re.compile(rb"[\s\x00,}]*+")
#: A member of the batch that has no brackets; it may be no JSON.
_LONE: Final = re.compile(rb'(%b|[^\s\x00"\[\]{},:]++)[\s\x00]*+(?=[,\]}]|\Z)' % _TEXT)
#: A value around the events that has no brackets; the comma behind it may be missing.
_AROUND: Final = re.compile(rb'(%b|[^\s\x00"\[\]{},:]++)[\s\x00]*+(?=[,\]}"]|\Z)' % _TEXT)
#: Where reading can go on: brackets that a value begins with, and the end of a list.
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
    """The JSON texts of the members of a batch, in order, and of what stands around them."""

    members: list[bytes]
    #: By key, each value's text.
    around: dict[str, bytes]


def salvage(body: bytes) -> Salvaged | None:
    """Cut a broken body into members that are whole and members that are not, in linear time.

    A member that is not whole is no JSON, so that its reader refuses it. `None` where no list of
    events begins.
    """
    reader = _Reader(body)
    return Salvaged(members=reader.members, around=reader.around) if reader.read() else None


class _Reader:
    """Goes through a text once; `at` is a place in it, in bytes, and `None` its end."""

    def __init__(self, text: bytes) -> None:
        self.text = text
        self.members: list[bytes] = []
        self.around: dict[str, bytes] = {}
        self._steps = MAX_STEPS
        #: Where the last value with brackets broke.
        self._broke_at = 0
        #: Where a member began that is not whole, while its end is looked for.
        self._broken: int | None = None

    def read(self) -> bool:
        """Read all; whether there was a list of events."""
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
        """Read one member, or the end of the list; where to go on."""
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
        """Look for what follows the member that began at `broken`; where to go on."""
        self._steps -= 1
        mark = _MARK.search(self.text, at)
        if mark is None:
            return None
        place = mark.end() - 1
        sign = self.text[place]
        if sign not in (_OBJECT, _LIST):
            return self._close(place, sure=False)
        end = self._read_value(place)
        if mark.end() - mark.start() > 1:  # the value of a key is no event
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
        """Read what stands behind the list of events, if it ends at `at`; where to go on.

        It is `sure` where a whole member and a bracket stand before. If not, a broken event might
        go on here: then only what makes sense up to the body's end stands around the events.
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
        """Read keys with their values up to the list of events, or to what is none of them."""
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
        """Read a value with brackets; where it ends, or nothing if it breaks."""
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
                # Lists in lists at once: nothing else of a few bytes takes as many steps.
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
    """Behind a value, leave the brackets that end there, up to a comma.

    Answers the place behind them, and whether the text makes sense so far.
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
    """Whether an object names a type of the spec; one that is no JSON might."""
    try:
        return _TYPED.decode(text).type in EVENT_TYPES
    except (msgspec.DecodeError, RecursionError, TypeError):
        return True
