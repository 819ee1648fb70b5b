"""Checks for a JavaScript regular expression by ECMA-262's lenient grammar (Annex B)."""

from __future__ import annotations

import re
import sys
from typing import Final

from offramp.js.units import js_units

#: Larger numbers of repeats all mean "unlimited". Source: V8, RegExpTree::kInfinity.
MOST_REPEATS: Final = 2**31 - 1
#: `\cX` is the control character whose code is these lowest bits of X's.
CONTROL_MASK: Final = 0x1F
OCTAL: Final = 8
HEX: Final = 16

_INTERVAL: Final = re.compile(r"\{([0-9]+)(?:(,)([0-9]*))?\}")
#: A name holds no `<`, so that a text with many openings and no end is read only once.
_NAME: Final = re.compile(r"<([^<>]*+)>")
_UNICODE_ESCAPE: Final = re.compile(r"\\u(?:([0-9a-fA-F]{4})|\{([0-9a-fA-F]+)\})")
_CODE: Final = re.compile(r"x([0-9a-fA-F]{2})|u([0-9a-fA-F]{4})")
_OCTAL: Final = re.compile(r"[0-3][0-7]{0,2}|[4-7][0-7]?")
_CONTROL: Final = re.compile("c([A-Za-z0-9_])")
_SINGLE: Final = {"b": 8, "t": 9, "n": 10, "v": 11, "f": 12, "r": 13}
_SETS: Final = frozenset("dDsSwW")
#: A mistake that ajv-formats looks for: `\Z`, which other dialects write for the end of a text.
_FOREIGN_END: Final = re.compile(r"[^\\]\\Z")


class _FaultyPatternError(ValueError):
    """The text is not a regular expression."""


def is_js_regex(text: str) -> bool:
    """Whether `new RegExp(text)` accepts a text; Python's end-of-text escape is refused."""
    if _FOREIGN_END.search(text):
        return False
    try:
        _Pattern(js_units(text)).read()
    except _FaultyPatternError:
        return False
    return True


class _Pattern:
    """One pass over the code units of a pattern; names of groups are compared at its end."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        #: For each open group, whether it may be repeated.
        self.open: list[bool] = []
        self.names: list[str] = []
        self.references: list[str | None] = []

    def read(self) -> None:
        while self.position < len(self.text):
            if self.read_term():
                self.read_repeats()
        if self.open or len(set(self.names)) < len(self.names):
            raise _FaultyPatternError
        if self.names and not set(self.references) <= set(self.names):
            raise _FaultyPatternError

    def read_term(self) -> bool:
        """Read one term; returns whether it may be repeated."""
        character = self.text[self.position]
        if character in "*+?" or self.interval() is not None:
            raise _FaultyPatternError
        self.position += 1
        match character:
            case "^" | "$" | "|":
                return False
            case "(":
                self.open.append(self.open_group())
                return False
            case ")":
                if not self.open:
                    raise _FaultyPatternError
                return self.open.pop()
            case "[":
                self.position = _Class(self).read()
            case "\\":
                return self.read_escape()
        return True

    def interval(self) -> re.Match[str] | None:
        return _INTERVAL.match(self.text, self.position)

    def read_repeats(self) -> None:
        interval = self.interval()
        if interval is not None:
            least, comma, most = interval.groups()
            if comma and most and _repeats(least) > _repeats(most):
                raise _FaultyPatternError
            self.position = interval.end()
        elif self.text[self.position : self.position + 1] in ("*", "+", "?"):
            self.position += 1
        else:
            return
        if self.text.startswith("?", self.position):
            self.position += 1

    def open_group(self) -> bool:
        """Read what follows an opening parenthesis; returns whether the group may be repeated."""
        if not self.text.startswith("?", self.position):
            return True
        for opening, repeatable in (("?:", True), ("?=", True), ("?!", True)):
            if self.text.startswith(opening, self.position):
                self.position += len(opening)
                return repeatable
        if self.text.startswith(("?<=", "?<!"), self.position):
            self.position += len("?<=")
            return False
        self.position += 1
        name = self.read_name()
        if name is None:
            raise _FaultyPatternError
        self.names.append(name)
        return True

    def read_name(self) -> str | None:
        match = _NAME.match(self.text, self.position)
        name = None if match is None else _group_name(match[1])
        if match is None or name is None:
            return None
        self.position = match.end()
        return name

    def read_escape(self) -> bool:
        if self.position == len(self.text):
            raise _FaultyPatternError
        character = self.text[self.position]
        self.position += 1
        if character == "k":
            # Only if some group has a name, this has to name one.
            self.references.append(self.read_name())
        return character not in "bB"


class _Class:
    """One pass over a set of characters in brackets."""

    def __init__(self, pattern: _Pattern) -> None:
        self.pattern = pattern
        self.text = pattern.text
        self.position = pattern.position

    def read(self) -> int:
        """The position after the closing bracket."""
        if self.text.startswith("^", self.position):
            self.position += 1
        while not self.text.startswith("]", self.position):
            first = self.member()
            if not self.text.startswith("-", self.position):
                continue
            if self.text.startswith("-]", self.position):
                continue
            self.position += 1
            last = self.member()
            if first is not None and last is not None and first > last:
                raise _FaultyPatternError
        return self.position + 1

    def member(self) -> int | None:
        """The code of the next member; `None` for a set, such as that of the digits."""
        if self.position >= len(self.text):
            raise _FaultyPatternError
        character = self.text[self.position]
        self.position += 1
        return self.escape() if character == "\\" else ord(character)

    def escape(self) -> int | None:
        if self.position >= len(self.text):
            raise _FaultyPatternError
        character = self.text[self.position]
        control = _CONTROL.match(self.text, self.position)
        code = _CODE.match(self.text, self.position)
        octal = _OCTAL.match(self.text, self.position)
        if control is not None:
            self.position = control.end()
            return ord(control[1]) & CONTROL_MASK
        if character == "c":
            return ord("\\")
        if code is not None:
            self.position = code.end()
            return int(code[1] or code[2], HEX)
        if octal is not None:
            self.position = octal.end()
            return int(octal[0], OCTAL)
        self.position += 1
        if character == "k":
            self.pattern.references.append(None)
        return None if character in _SETS else _SINGLE.get(character, ord(character))


def _repeats(digits: str) -> int:
    digits = digits.lstrip("0")
    if len(digits) > len(str(MOST_REPEATS)):
        return MOST_REPEATS
    return min(int(digits or "0"), MOST_REPEATS)


def _group_name(text: str) -> str | None:
    units = _UNICODE_ESCAPE.sub(_unescaped, text).encode("utf-16-be", "surrogatepass")
    name = units.decode("utf-16-be", "replace")
    letters = name.replace("$", "_").replace("\u200c", "_").replace("\u200d", "_")
    starts_well = not name.startswith(("\u200c", "\u200d"))
    return name if starts_well and letters.isidentifier() else None


def _unescaped(match: re.Match[str]) -> str:
    code = int(match[1] or match[2], HEX)
    return chr(code) if code <= sys.maxunicode else "\0"
