"""Cuts a text that may be a date into words, as V8 does: numbers, words, symbols, spaces."""

from __future__ import annotations

import re
from typing import Final, NamedTuple

from offramp.js.text import JS_WHITESPACE

#: Digits of a number that V8 reads; the others only count for its length. Source: dateparser.h.
SIGNIFICANT_DIGITS: Final = 9
#: Letters of a word that V8 compares. Source: the same, KeywordTable::kPrefixLength.
KEYWORD_LETTERS: Final = 3

# Running V8 shows that it takes the line and paragraph separators for letters here.
_WHITESPACE: Final = re.sub("[\u2028\u2029]", "", JS_WHITESPACE)
_WORD: Final = re.compile(
    rf"(?P<number>[0-9]+)|(?P<symbol>[-:+.)])|(?P<space>[{_WHITESPACE}])"
    rf"|(?P<word>[^\x00-@{_WHITESPACE}]+)|(?P<other>[\x00-@])"
)


class Word(NamedTuple):
    """One piece of the text; a symbol is its own `kind`."""

    kind: str
    #: The first three letters of a word, in lower case.
    text: str = ""
    length: int = 1
    number: int = -1

    def is_letter(self, letter: str) -> bool:
        """Whether this is a word of only that letter."""
        return self.text == letter and self.length == 1


END: Final = Word("end", length=0)
_SPACE: Final = Word("space")
_OTHER: Final = Word("other")


def words_of(text: str) -> list[Word]:
    """Cut a text; parentheses are one word that is ignored, and NUL ends the text."""
    found = []
    position = 0
    text = text.partition("\0")[0]
    while position < len(text):
        match = None if text[position] == "(" else _WORD.match(text, position)
        if match is None:
            position = _after_parentheses(text, position)
            found.append(_OTHER)
        else:
            found.append(_word(match))
            position = match.end()
    return found


def _word(match: re.Match[str]) -> Word:
    text = match[0]
    match match.lastgroup:
        case "number":
            significant = text.lstrip("0")[:SIGNIFICANT_DIGITS]
            return Word("number", length=len(text), number=int(significant or "0"))
        case "symbol":
            return Word(text)
        case "word":
            start = text[:KEYWORD_LETTERS]
            return Word("word", start.lower() if start.isascii() else start, len(text))
        case "space":
            return _SPACE
        case _:
            return _OTHER


def _after_parentheses(text: str, position: int) -> int:
    depth = 0
    while position < len(text):
        depth += {"(": 1, ")": -1}.get(text[position], 0)
        position += 1
        if not depth:
            break
    return position
