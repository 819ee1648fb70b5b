"""Python expressions, laid out as formatters lay them out: on one line, or an item a line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from decimal import Decimal
from typing import Any, Final, TypeAlias

import attrs

#: As long as the lines of Offramp's own code.
LINE_CHARACTERS: Final = 100
INDENT: Final = 4
_WORDS: Final = re.compile(r"\S*\s*")


@attrs.frozen
class Text:
    """A text literal."""

    value: str


@attrs.frozen
class Item:
    """One item of a group, after a keyword (`name=`) or a key (`"name": `)."""

    value: Expression
    before: str = ""


@attrs.frozen
class Group:
    """Items between brackets: a call, a list, a tuple or a dict."""

    opening: str
    items: tuple[Item, ...]
    closing: str

    @property
    def is_single_tuple(self) -> bool:
        """Whether it needs a comma to be a tuple."""
        return self.opening == "(" and len(self.items) == 1


#: A text is code, as it is.
Expression: TypeAlias = "str | Text | Group"


def call(function: str, /, *values: Expression, **keywords: Expression | None) -> Group:
    """A call; keywords that are `None` are left out."""
    named = (Item(value, f"{key}=") for key, value in keywords.items() if value is not None)
    return Group(f"{function}(", (*map(Item, values), *named), ")")


def signature(name: str, *parameters: str, returns: str, indent: int = 0) -> str:
    """The first line of an async function, or its first lines."""
    written = Group(f"async def {name}(", tuple(map(Item, parameters)), f") -> {returns}:")
    return lay_out(written, indent=indent)


def sequence(values: Sequence[Expression], brackets: str = "[]") -> Group:
    """A list, or a tuple."""
    return Group(brackets[0], tuple(map(Item, values)), brackets[1])


def mapping(values: Mapping[str, Expression]) -> Group:
    """A dict with texts as keys."""
    items = tuple(Item(value, f"{quoted(key)}: ") for key, value in values.items())
    return Group("{", items, "}")


def data(value: Any) -> Expression:
    """The literal of JSON data."""
    match value:
        case str():
            return Text(value)
        case bool() | int() | None:
            return repr(value)
        case Decimal():
            return f'Decimal("{value}")'
        case float():
            return repr(value)
        case Mapping():
            return mapping({key: data(each) for key, each in value.items()})
        case _:
            return sequence([data(each) for each in value])


def quoted(text: str) -> str:
    """A text literal in double quotes, unless it has some and no single ones."""
    written = repr(text)
    if written.startswith("'") and '"' not in text:
        inside = written[1:-1].replace("\\'", "'")
        return f'"{inside}"'
    return written


def lay_out(expression: Expression, *, indent: int = 0, before: int = 0, after: int = 0) -> str:
    """Write an expression.

    `indent` are the columns of its block; `before` and `after` the characters that share its first
    and its last line.
    """
    flat = _flat(expression)
    if indent + before + len(flat) + after <= LINE_CHARACTERS:
        return flat
    if isinstance(expression, Text):
        return _in_parentheses(expression.value, flat, indent)
    if isinstance(expression, str) or not expression.items:
        return flat
    inner = " " * (indent + INDENT)
    lines = [
        f"{inner}{item.before}"
        + lay_out(item.value, indent=indent + INDENT, before=len(item.before), after=1)
        + ","
        for item in expression.items
    ]
    return "\n".join([expression.opening, *lines, f"{' ' * indent}{expression.closing}"])


def _flat(expression: Expression) -> str:
    if isinstance(expression, Text):
        return quoted(expression.value)
    if isinstance(expression, str):
        return expression
    inside = ", ".join(f"{item.before}{_flat(item.value)}" for item in expression.items)
    comma = "," if expression.is_single_tuple else ""
    return f"{expression.opening}{inside}{comma}{expression.closing}"


def _in_parentheses(text: str, flat: str, indent: int) -> str:
    """A text between parentheses, cut between words; as it is where that wins nothing."""
    inner = " " * (indent + INDENT)
    pieces = list(_pieces(text, LINE_CHARACTERS - len(inner)))
    if len(pieces) == 1 and len(inner) + len(flat) > LINE_CHARACTERS:
        return flat
    lines = [f"{inner}{quoted(piece)}" for piece in pieces]
    return "\n".join(["(", *lines, f"{' ' * indent})"])


def _pieces(text: str, room: int) -> Iterator[str]:
    """A text cut between words, each piece a literal that fits into so many characters."""
    piece = ""
    for word in _WORDS.findall(text):
        if piece and len(quoted(piece + word)) > room:
            yield piece
            piece = ""
        piece += word
    if piece:
        yield piece
