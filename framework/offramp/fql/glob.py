r"""The glob patterns of `match`: `*`, `?`, `[abc]`, `[a-z]`, `[^a]` and `\x`, of the whole text."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable

_SPECIAL = re.compile(r"[*?\[\]\\]")
_PIECE = re.compile(
    r"""
    (?P<star>\*)
    | (?P<any>\?)
    | \[(?P<not>\^?)(?P<class>(?:\\.|[^\]\\])+)\]
    | \\(?P<escaped>.)
    | (?P<plain>[^\[\\])
    """,
    re.DOTALL | re.VERBOSE,
)
_RANGE = re.compile(r"(?:\\(.)|([^-\\]))(?:-(?:\\(.)|([^-\\])))?", re.DOTALL)
STAR = "star"
LITERAL = "literal"


class Piece(NamedTuple):
    """One piece of a pattern: `star`, `literal` with its character, or `one` with a regex."""

    kind: str
    text: str = ""


def parse_glob(pattern: str) -> list[Piece]:
    """Take a pattern apart; `ValueError` says what is wrong with it and what to write instead."""
    pieces: list[Piece] = []
    position = 0
    while position < len(pattern):
        found = _PIECE.match(pattern, position)
        if found is None:
            raise ValueError(_complain(pattern, position))
        pieces.append(_piece(found))
        position = found.end()
    return pieces


def ends_of(pieces: list[Piece]) -> tuple[str, str] | None:
    """Tell what `text*` and `*text` ask for: `starts_with` or `ends_with`, and the text."""
    if pieces and pieces[-1].kind == STAR and _all_literal(pieces[:-1]):
        return "starts_with", _join(pieces[:-1])
    if pieces and pieces[0].kind == STAR and _all_literal(pieces[1:]):
        return "ends_with", _join(pieces[1:])
    return None


def compile_glob(pattern: str) -> Callable[[str], bool]:
    """Make the function that matches a text against a pattern, in time linear in the text."""
    pieces = parse_glob(pattern)
    if _all_literal(pieces):
        return _join(pieces).__eq__
    inner = pieces[1:-1]
    if pieces[0].kind == pieces[-1].kind == STAR and inner and _all_literal(inner):
        part = _join(inner)
        return lambda text: part in text
    fullmatch = re.compile(_regex(pieces), re.DOTALL).fullmatch
    return lambda text: fullmatch(text) is not None


def escape_glob(text: str) -> str:
    """Write a text so that a pattern means it literally."""
    return _SPECIAL.sub(r"\\\g<0>", text)


def _piece(found: re.Match[str]) -> Piece:
    if found["star"]:
        return Piece(STAR)
    if found["any"]:
        return Piece("one", ".")
    if found["class"]:
        return Piece("one", _class(found["not"], found["class"]))
    return Piece(LITERAL, found["escaped"] or found["plain"])


def _class(negated: str, inside: str) -> str:
    """Turn the inside of `[...]` into a regex class."""
    written = f"[{negated}{inside}]"
    ranges: list[str] = []
    position = 0
    while position < len(inside):
        found = _RANGE.match(inside, position)
        if found is None:
            raise ValueError(f"`{written}` has a stray -: write \\- for the character itself")
        low = found[1] or found[2]
        high = found[3] or found[4] or low
        if low > high:
            raise ValueError(f"`{written}` has a range that runs backwards: write {high}-{low}")
        ranges.append(f"{re.escape(low)}-{re.escape(high)}")
        position = found.end()
    return f"[{negated}{''.join(ranges)}]"


def _regex(pieces: list[Piece]) -> str:
    """Write a pattern as a regex that never goes back behind a star.

    After a star the first place where the next fixed run fits is as good as any later one, so
    each run is atomic; only the last must reach the end.
    """
    runs: list[str] = [""]
    for piece in pieces:
        if piece.kind == STAR:
            runs.append("")
        else:
            runs[-1] += re.escape(piece.text) if piece.kind == LITERAL else piece.text
    first, *rest = runs
    if not rest:
        return first
    *middle, last = rest
    return first + "".join(f"(?>.*?{run})" for run in middle if run) + ".*" + last


def _complain(pattern: str, position: int) -> str:
    if pattern[position] == "\\":
        return f"the pattern `{pattern}` ends in a \\: write \\\\\\\\ for the character itself"
    return (
        f"the pattern `{pattern}` has a [ that opens no list of characters: "
        "write \\[ for the character itself"
    )


def _all_literal(pieces: list[Piece]) -> bool:
    return all(piece.kind == LITERAL for piece in pieces)


def _join(pieces: list[Piece]) -> str:
    return "".join(piece.text for piece in pieces)
