"""Splits a trigger into tokens as `@segment/fql-ts` 1.10 does, with its mistakes.

Only `segment_reading` uses it. It works on UTF-16 units, as JavaScript does.
"""

from __future__ import annotations

import string
from typing import NamedTuple

from offramp.js.units import join_units, js_units

#: Marks the end of the text; no single unit equals it.
_END = "-1"
_ALPHA = frozenset(string.ascii_letters)
_DIGITS = frozenset(string.digits)
_SPACES = frozenset(" \t\n")
_IDENT = _ALPHA | _DIGITS | frozenset("_-\\")
_TERMINATORS = _SPACES | frozenset(",])") | {_END}
_AFTER_IDENT = _TERMINATORS | frozenset(".(=!")
_BRACKETS = {
    ".": "dot",
    "[": "brackleft",
    "]": "brackright",
    ",": "comma",
    "(": "parenleft",
    ")": "parenright",
}
#: First letter of a word -> its other letters and its kind. `an` at the very end loses its n.
_WORDS = {"a": ("nd", "conditional"), "o": ("r", "conditional"), "n": ("ull", "null")}
_OPERATOR_STARTS = frozenset("!=<>")
_IDENT_STARTS = _ALPHA | frozenset("\\_")


class SegmentError(ValueError):
    """Segment's parser cannot read the trigger, which then matches no event at all."""


class SegmentToken(NamedTuple):
    """A token of Segment's lexer; texts keep their quotes."""

    type: str
    value: str


def tokenize(text: str) -> list[SegmentToken]:
    """Split a trigger into tokens as Segment does; `SegmentError` where its lexer throws."""
    tokens = _Lexer(js_units(text)).tokens()
    return [SegmentToken(token.type, join_units(token.value)) for token in tokens]


class _Lexer:
    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0

    def tokens(self) -> list[SegmentToken]:
        found = []
        while (unit := self._next()) != _END:
            if unit not in _SPACES:
                found.append(self._token(unit))
        found.append(SegmentToken("eos", "eos"))
        return found

    def _token(self, unit: str) -> SegmentToken:
        if unit == "!" and (self._peek() in _ALPHA or self._peek() == "("):
            return SegmentToken("operator", "!")
        if unit in _OPERATOR_STARTS:
            return self._operator(unit)
        if unit in _WORDS and self._accept(_WORDS[unit][0]):
            rest, kind = _WORDS[unit]
            return SegmentToken(kind, unit + rest)
        if unit in _BRACKETS:
            return SegmentToken(_BRACKETS[unit], unit)
        return self._operand(unit)

    def _operand(self, unit: str) -> SegmentToken:
        if unit in _IDENT_STARTS:
            return self._ident(unit)
        if unit in _DIGITS or unit in ("-", "+"):
            return self._number(unit)
        if unit in ('"', "'"):
            return self._string(unit)
        raise SegmentError(f"it knows no character {unit!r}")

    def _operator(self, unit: str) -> SegmentToken:
        # Two characters are one operator only if whitespace or the like follows.
        if unit != "=" and self._accept("="):
            return SegmentToken("operator", f"{unit}=")
        if unit == "!":
            raise SegmentError("it wants a space behind `!=`, and a letter or `(` behind `!`")
        return SegmentToken("operator", unit)

    def _number(self, unit: str) -> SegmentToken:
        digits, has_point = "", False
        while (coming := self._peek()) in _DIGITS or coming == ".":
            digits += self._next()
            if coming == ".":
                if has_point or self._peek() in _TERMINATORS:
                    raise SegmentError("it finds a point too many in a number")
                has_point = True
        return SegmentToken("number", unit + digits)

    def _string(self, quote: str) -> SegmentToken:
        inside = ""
        while self._peek() != quote:
            unit = self._next()
            if unit == _END:
                raise SegmentError("it finds a text without an end")
            inside += unit
        self._accept(quote)  # which leaves the quote to begin another text if no space follows
        return SegmentToken("string", f"{quote}{inside}{quote}")

    def _ident(self, unit: str) -> SegmentToken:
        ident = ""
        while True:
            if unit == "\\":
                if self._peek() == _END:
                    raise SegmentError("it finds nothing behind the last \\")
                unit = self._next()
            ident += unit
            if self._peek() not in _IDENT:
                break
            unit = self._next()
        if self._peek() not in _AFTER_IDENT:
            raise SegmentError(
                f"it finds {self._peek()!r} in an unquoted word, or no space before an operator"
            )
        return SegmentToken("ident", ident)

    def _accept(self, wanted: str) -> bool:
        """Read `wanted` if whitespace or the like follows; at the end, what was read is lost."""
        taken = ""
        for _ in wanted:
            unit = self._next()
            taken += unit
            if unit == _END:
                return False
            if unit in _TERMINATORS:
                break
        if taken == wanted and self._peek() in _TERMINATORS:
            return True
        self._at -= len(taken)
        return False

    def _next(self) -> str:
        if self._at == len(self._text):
            return _END
        self._at += 1
        return self._text[self._at - 1]

    def _peek(self) -> str:
        return self._text[self._at] if self._at < len(self._text) else _END
