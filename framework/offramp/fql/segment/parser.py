"""Parses a trigger as `@segment/destination-subscriptions` 3.37 does.

It reproduces each deviation from what the text says, and notes it. Only `segment_reading` uses it.
"""

from __future__ import annotations

import math
from collections import deque
from decimal import Decimal
from typing import Any, TypeAlias

from offramp.fql.numeric import literal
from offramp.fql.segment.lexer import SegmentError, SegmentToken, tokenize
from offramp.js.numbers import parse_number
from offramp.js.text import number_text
from offramp.js.units import join_units, js_units

SegmentTree: TypeAlias = dict[str, Any]
_Tokens: TypeAlias = deque[SegmentToken]

_CONDITION_TYPES = {
    "type": "event-type",
    "event": "event",
    "name": "name",
    "userId": "userId",
    "context": "event-context",
    "properties": "event-property",
    "traits": "event-trait",
}
_OBJECTS = ("properties", "traits", "context")
#: Names that every JavaScript object has: Segment accepts them as the first key of a path.
_INHERITED = frozenset(
    (
        *("constructor", "hasOwnProperty", "isPrototypeOf", "propertyIsEnumerable"),
        *("toLocaleString", "toString", "valueOf", "__proto__"),
        *("__defineGetter__", "__defineSetter__", "__lookupGetter__", "__lookupSetter__"),
    )
)
_FUNCTIONS = frozenset({"contains", "match"})
_LOST = "it comes to the end of the trigger too early"
_SEARCHED_PATHS = "event, name, userId, properties, traits and context"
_KNOWN_PATHS = f"type, {_SEARCHED_PATHS}"


def read(text: str, notes: list[str]) -> SegmentTree:
    """Parse a trigger as Segment does and add its deviations to `notes`.

    `SegmentError` if Segment cannot read it. An empty group leaves None among the children.
    """
    tokens = tokenize(text)
    _note_tokens(tokens, notes)
    found = _Reader(notes).group(_merge_paths(tokens))
    if found is None:
        raise SegmentError("it finds no condition that it knows")
    if found["type"] == "group":
        return found
    return {"type": "group", "operator": "and", "children": [found]}


class _Reader:
    def __init__(self, notes: list[str]) -> None:
        self._notes = notes

    def group(self, tokens: _Tokens) -> SegmentTree | None:
        """Read one level; the last `and` or `or` in it decides for all of it."""
        nodes: list[SegmentTree | None] = []
        connective = ""
        while tokens and (token := tokens.popleft()).type != "eos":
            if token.type == "ident":
                nodes.extend(self._ident(token, tokens))
            elif token.value == "!" and token.type == "operator":
                nodes.extend(self._negated(tokens))
            elif token.type == "parenleft":
                nodes.append(self._parenthesised(tokens))
            elif token.type == "conditional":
                if connective not in ("", token.value):
                    self._note("where `and` and `or` stand side by side, the last one wins for all")
                connective = token.value
        if len(nodes) > 1:
            return {"type": "group", "operator": connective or "and", "children": nodes}
        return nodes[0] if nodes else None

    def _ident(self, token: SegmentToken, tokens: _Tokens) -> list[SegmentTree | None]:
        first = token.value.partition(".")[0]
        if first in _CONDITION_TYPES:
            return [self._condition(token.value, _take(tokens), _take(tokens))]
        if token.value in _FUNCTIONS:
            return self._function(token.value, tokens, negated=False)
        self._note_unknown(token.value, tokens)
        if first in _INHERITED:
            _take(tokens)
            _take(tokens)
        return []

    def _negated(self, tokens: _Tokens) -> list[SegmentTree | None]:
        if not tokens:
            raise SegmentError(_LOST)
        if tokens[0].type == "ident" and tokens[0].value in _FUNCTIONS:
            return self._function(tokens.popleft().value, tokens, negated=True)
        self._note("a `!` before anything but contains or match is dropped")
        return []

    def _parenthesised(self, tokens: _Tokens) -> SegmentTree | None:
        inside: _Tokens = deque()
        while (token := _take(tokens)).type != "parenright":
            if token.type == "parenleft":
                self._note(
                    "parentheses do not nest: the first ) ends the group, even if it belongs to "
                    "a function; put a function last in its group"
                )
            inside.append(token)
        inside.append(SegmentToken("eos", "eos"))
        return self.group(inside)

    def _condition(self, path: str, operator: SegmentToken, value: SegmentToken) -> SegmentTree:
        kind = _CONDITION_TYPES[path.partition(".")[0]]
        node: SegmentTree = {"type": kind}
        if kind.startswith("event-") and kind != "event-type":
            node["name"] = _name(path)
        if operator.type != "operator":
            self._note(
                f"`{path}` is not a condition by itself, and a key such as or, null, 1st ends it"
            )
        if (operator.value, value.value) == ("=", "=") and value.type == "operator":
            self._note('`==` compares with the text "=": write one `=`')
        special = _special_operator(kind, operator.value, value)
        if special:
            return {**node, "operator": special[0], **special[1]}
        found = _value_of(value)
        if "name" in node:
            node |= {"operator": operator.value, "value": found}
            compared_as_text = isinstance(found, bool)
        else:
            node |= {"operator": operator.value, "value": _text_of(found)}
            compared_as_text = not isinstance(found, str) or value.type == "null"
        if compared_as_text and operator.value in ("=", "!="):
            self._note(f"`{path} {operator.value} {value.value}` compares with the text in quotes")
        return node

    def _function(self, name: str, tokens: _Tokens, *, negated: bool) -> list[SegmentTree | None]:
        _skip(tokens)  # the parenthesis, whatever it is; below the comma and the other one
        path = _take(tokens).value
        _skip(tokens)
        argument = _take(tokens)
        _skip(tokens)
        operator, value = name, _text_of(_value_of(argument))
        if name == "match":
            operator, value = self._match(value, starts=argument.value.endswith('*"'))
        rest = {"operator": f"not_{operator}" if negated else operator, "value": value}
        if path in ("event", "name", "userId"):
            return [{"type": path, **rest}]
        for start in _OBJECTS:
            if path.startswith(start):
                return [{"type": _CONDITION_TYPES[start], "name": _name(path), **rest}]
        self._note(f"{name}(...) of `{path}` is dropped: it looks only into {_SEARCHED_PATHS}")
        return []

    def _match(self, pattern: str, *, starts: bool) -> tuple[str, str]:
        inside = pattern[:-1] if starts else join_units(js_units(pattern)[1:])
        if any(special in inside for special in "*?[\\") or not (starts or pattern[:1] == "*"):
            self._note('match knows only "text*" and "*text", and takes the text literally')
        return ("starts_with" if starts else "ends_with"), inside

    def _note_unknown(self, word: str, tokens: _Tokens) -> None:
        if word.lower() in ("and", "or"):
            self._note(f"`{word}` in capitals is dropped, and `and` is meant where nothing is said")
        elif word == "in":
            self._note("it knows no `in`")
        elif tokens and tokens[0].type == "parenleft":
            self._note(f"it knows no function {word}(...), only contains and match")
        elif tokens and tokens[0].type == "operator":
            self._note(f"what is said of `{word}` is dropped: it knows only {_KNOWN_PATHS}")

    def _note(self, note: str) -> None:
        self._notes.append(note)


def _merge_paths(tokens: list[SegmentToken]) -> _Tokens:
    """Join `ident . ident` to one token, unless a number or a reserved word follows the dot."""
    merged: list[SegmentToken] = []
    index = 0
    while index < len(tokens):
        after = tokens[index + 1].type if index + 1 < len(tokens) else ""
        before = merged[-1].type if merged else ""
        if (before, tokens[index].type, after) == ("ident", "dot", "ident"):
            merged[-1] = SegmentToken("ident", f"{merged[-1].value}.{tokens[index + 1].value}")
            index += 2
        else:
            merged.append(tokens[index])
            index += 1
    return deque(merged)


def _special_operator(
    kind: str, operator: str, value: SegmentToken
) -> tuple[str, dict[str, Any]] | None:
    """The operator for `null`, `true`, `false` or a number, or None if the type lacks it."""
    if kind in ("event", "event-type") or operator not in ("=", "!="):
        return None
    equal = operator == "="
    if value.value == "null":
        return "not_exists" if equal else "exists", {}
    if kind == "name":
        return None
    if equal and value.value in ("true", "false"):
        return f"is_{value.value}", {}
    if kind != "userId" and value.type == "number":
        return "number_equals" if equal else "number_not_equals", {"value": _value_of(value)}
    return None


def _value_of(token: SegmentToken) -> str | float | bool:
    if token.type == "string":
        return token.value.removeprefix('"').removesuffix('"')
    if token.type == "number":
        return _double(token.value)
    if token.type == "ident" and token.value in ("true", "false"):
        return token.value == "true"
    return token.value


def _double(digits: str) -> float:
    """Read a number as JavaScript does; a whole number is an int with JavaScript's digits."""
    number = parse_number(digits)
    found = float("nan") if number is None else float(Decimal(number))
    whole = literal(Decimal(repr(found))) if math.isfinite(found) else None
    return whole if isinstance(whole, int) else found


def _text_of(value: str | float | bool) -> str:  # noqa: FBT001  # a value of Segment's, no switch
    if isinstance(value, str):
        return value
    if isinstance(value, bool):
        return "true" if value else "false"
    return number_text(float(value))


def _name(path: str) -> str:
    first, dot, rest = path.partition(".")
    return rest if dot and first in _OBJECTS else path


def _take(tokens: _Tokens) -> SegmentToken:
    if not tokens:
        raise SegmentError(_LOST)
    return tokens.popleft()


def _skip(tokens: _Tokens) -> None:
    if tokens:
        tokens.popleft()


def _note_tokens(tokens: list[SegmentToken], notes: list[str]) -> None:
    for token in tokens:
        if token.type == "string" and token.value.startswith("'"):
            notes.append(f"single quotes stay part of the text {token.value}: write double quotes")
        elif token.type == "string" and "\\" in token.value:
            notes.append(f"a \\ in a text escapes nothing: {token.value}")
        elif token.type == "ident" and any(character in token.value for character in ".[]"):
            notes.append(f"an escaped dot or bracket parts keys all the same: {token.value}")
        elif token.type in ("brackleft", "brackright"):
            notes.append("it knows no lists")
