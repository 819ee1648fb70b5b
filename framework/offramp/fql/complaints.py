"""What the parser says of a piece that stands where it cannot, and what to write instead."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from offramp.errors import counted
from offramp.fql.functions import FUNCTIONS

if TYPE_CHECKING:
    from offramp.fql.lexer import Token
    from offramp.fql.words import Role

#: How like (0 to 1) a name must be to be suggested; difflib's own 0.6 finds "string" in "nothing".
_LIKENESS = 0.7
_ARGUMENTS = ("path", '"text"')


def no_operand(token: Token, role: Role) -> str:
    """A path or a value should stand here."""
    wanted = "a path" if role == "path" else "a value"
    example = "properties.plan" if role == "path" else '"track"'
    if token.kind == "end":
        return f"the trigger stops where {wanted} should follow: write for instance {example}"
    if token.kind in ("and", "or", "in"):
        return (
            f"`{token.text}` stands where {wanted} should: write {wanted} before it, "
            f'"{token.text}" if it is a text, or \\{token.text} if it is a path'
        )
    return f"`{token.text}` stands where {wanted} should: write for instance {example}"


def no_connective(token: Token, before: Token) -> str:
    """A condition begins where none can, right behind another one."""
    if before.text.lower() == "not":
        return "`not` is no word of the language: write `!`"
    if token.kind == "operator" and token.value == "!":
        return "`!` is not expected here: write `and` or `or` before it, or `!=` to compare"
    return f"`{token.text}` is not expected here: write `and` or `or` before it"


def no_function(name: str) -> str:
    """A function is called that there is not."""
    close = difflib.get_close_matches(name.lower(), FUNCTIONS, n=1, cutoff=_LIKENESS)
    guess = f"did you mean {close[0]}? " if close else ""
    return f"there is no function {name}(...): {guess}there are {', '.join(FUNCTIONS)}"


def wrong_count(name: str, count: int) -> str:
    """A function is called with too few or too many arguments."""
    arity = FUNCTIONS[name].arity
    usage = f"{name}({', '.join(_ARGUMENTS[:arity])})"
    return f"{name}(...) takes {counted(arity, 'argument')}, not {count}: write {usage}"
