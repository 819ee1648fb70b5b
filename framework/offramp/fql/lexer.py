r"""Splits a trigger's text into tokens: words, texts, numbers, operators, brackets."""

from __future__ import annotations

import re
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import attrs

from offramp.errors import Fault
from offramp.fql.numeric import literal

if TYPE_CHECKING:
    from offramp.fql.tree import Keys

#: Operators of other languages -> this language's operator.
_FOREIGN_OPERATORS = {
    "===": "=",
    "!==": "!=",
    "<>": "!=",
    "=>": ">=",
    "=<": "<=",
}
#: Segment's public destinations ship triggers with this spelling, so it is accepted.
_OTHER_SPELLINGS = {"==": "="}
_FOREIGN_WORDS = {"&&": "and", "||": "or", "&": "and", "|": "or"}
#: Reserved words everywhere except after a dot; these three also in capitals.
_CONNECTIVES = frozenset({"and", "or", "in"})
_CONSTANTS = {"true": True, "false": False, "null": None}

_SPACE = re.compile(r"\s+")
_TEXT = re.compile(r'"(?:\\.|[^"\\])*"' + r"|'(?:\\.|[^'\\])*'", re.DOTALL)
_TEXT_ESCAPE = {'"': re.compile(r'\\(["\\])'), "'": re.compile(r"\\(['\\])")}
_OPERATOR = re.compile(r"===|!==|==|!=|<>|=<|=>|<=|>=|[=!<>]")
_BRACKET = re.compile(r"[()\[\],]")
_RUN = re.compile(r"(?:\\.|[^\s()\[\],=!<>\"'\\])+", re.DOTALL)
_NUMBER = re.compile(r"[+-]?(?:[0-9]+(?:\.[0-9]+)?|\.[0-9]+)")
_PATH_CHARACTER = r"(?:[A-Za-z0-9_-]|\\.)"
_WORD = re.compile(
    rf"(?:[A-Za-z_]|\\.){_PATH_CHARACTER}*(?:\.{_PATH_CHARACTER}+)*",
    re.DOTALL,
)
_KEY = re.compile(rf"{_PATH_CHARACTER}+", re.DOTALL)
_ESCAPE = re.compile(r"\\(.)", re.DOTALL)
_TO_ESCAPE = re.compile(r"\\.|[^A-Za-z0-9_.-]", re.DOTALL)


@attrs.frozen
class Token:
    """One token of a trigger: its kind, its text, the column of its first character, its value.

    Kinds: `word` (value: its keys), `text`, `number`, `constant` (true, false, null), `operator`
    (text: `=` and so on), `and`, `or`, `in`, `end`; each bracket and the comma is its own kind.
    """

    kind: str
    text: str
    column: int
    value: Any = None


def fault(column: int, message: str) -> Fault:
    """Make a fault at a column of a trigger."""
    return Fault(f"column {column}", message)


def tokenize(text: str, faults: list[Fault]) -> list[Token]:
    """Split a trigger into tokens, adding faults to `faults`; the last token is `end`."""
    tokens: list[Token] = []
    position = 0
    while position < len(text):
        if space := _SPACE.match(text, position):
            position = space.end()
            continue
        token = _next_token(text, position, faults)
        tokens.append(token)
        position += len(token.text)
    tokens.append(Token("end", "", len(text) + 1))
    return tokens


def _next_token(text: str, position: int, faults: list[Fault]) -> Token:
    column = position + 1
    if found := _BRACKET.match(text, position):
        return Token(found[0], found[0], column)
    if found := _OPERATOR.match(text, position):
        return _operator(found[0], column, faults)
    if found := _TEXT.match(text, position):
        raw = found[0]
        return Token("text", raw, column, _TEXT_ESCAPE[raw[0]].sub(r"\1", raw[1:-1]))
    if found := _RUN.match(text, position):
        return _run(found[0], column, faults)
    if text[position] == "\\":
        faults.append(fault(column, "a \\ at the end escapes nothing: leave it out"))
        return Token("text", "\\", column, "")
    return _unterminated(text[position:], column, faults)


def _operator(raw: str, column: int, faults: list[Fault]) -> Token:
    if meant := _FOREIGN_OPERATORS.get(raw):
        faults.append(fault(column, f"`{raw}` is not an operator: write `{meant}`"))
        return Token("operator", raw, column, meant)
    return Token("operator", raw, column, _OTHER_SPELLINGS.get(raw, raw))


def _unterminated(rest: str, column: int, faults: list[Fault]) -> Token:
    quote = rest[0]
    message = f"the text that begins here has no end: close it with {quote}"
    if f"\\{quote}" in rest:
        message += f" (\\{quote} stands for a quote inside; write \\\\ for a \\ at the end)"
    faults.append(fault(column, message))
    return Token("text", rest, column, rest[1:])


def _run(raw: str, column: int, faults: list[Fault]) -> Token:
    """Make the token of an unquoted run of characters; report a fault if it is invalid."""
    if _NUMBER.fullmatch(raw):
        return Token("number", raw, column, literal(Decimal(raw)))
    if _WORD.fullmatch(raw):
        return _word(raw, column)
    if raw in _FOREIGN_WORDS:
        faults.append(fault(column, f"`{raw}` is not a word here: write `{_FOREIGN_WORDS[raw]}`"))
        return Token(_FOREIGN_WORDS[raw], raw, column)
    faults.append(fault(column, _complain(raw)))
    return Token("word", raw, column, (raw,))


def _word(raw: str, column: int) -> Token:
    if raw in _CONSTANTS:
        return Token("constant", raw, column, _CONSTANTS[raw])
    small = raw.lower()
    if small in _CONNECTIVES and raw in (small, small.upper()):
        return Token(small, raw, column)
    keys: Keys = tuple(_ESCAPE.sub(r"\1", key) for key in _KEY.findall(raw))
    return Token("word", raw, column, keys)


def _escape(found: re.Match[str]) -> str:
    return found[0] if found[0].startswith("\\") else f"\\{found[0]}"


def _complain(raw: str) -> str:
    if raw[0].isdigit() or raw[0] in "+-.":
        return f'`{raw}` is neither a number nor a path: write "{raw}" if it is a text'
    escaped = _TO_ESCAPE.sub(_escape, re.sub(r"\.{2,}", ".", raw)).strip(".")
    return (
        f"`{raw}` needs quotes or escapes (only letters, digits, _, - and a path's dots do not): "
        f'write `{escaped}` if it is a path, "{raw}" if it is a text'
    )
