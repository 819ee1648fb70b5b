r"""The glob patterns of `match`, for a whole text: `*`, `?`, `[abc]`, `[a-z]`, `[^a]` and `\x`."""

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
#: Most characters between two stars if one of them is `?` or `[...]`. Such a run is tried at each
#: place of a text, so that the time is its length times that of the text.
MAX_RUN = 100
STAR = "star"
LITERAL = "literal"


class Piece(NamedTuple):
    """One piece of a pattern: `star`, `literal` with its character, or `one` with a regex."""

    kind: str
    text: str = ""


def parse_glob(pattern: str) -> list[Piece]:
    """Parse a pattern; `ValueError` says what is wrong with it and what to write instead."""
    pieces: list[Piece] = []
    position = 0
    while position < len(pattern):
        found = _PIECE.match(pattern, position)
        if found is None:
            raise ValueError(_complain(pattern, position))
        pieces.append(_piece(found))
        position = found.end()
    if any(len(run) > MAX_RUN and not _all_literal(run) for run in _runs(pieces)[1:-1]):
        raise ValueError(
            f"the pattern `{pattern}` has more than {MAX_RUN} characters with a ? or a list of "
            "characters among them, and no * between: shorten it, or put a * in the middle"
        )
    return pieces


def ends_of(pieces: list[Piece]) -> tuple[str, str] | None:
    """The operator and text of `text*` and `*text`: `starts_with` or `ends_with`; else None."""
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
    first, *rest = _runs(pieces)
    if not rest:
        fullmatch = _regex(first).fullmatch
        return lambda text: fullmatch(text) is not None
    *middle, last = rest
    if len(middle) == 1 and not first and not last and _all_literal(middle[0]):
        part = _join(middle[0])
        return lambda text: part in text
    starts, ends = _regex(first).match, _regex(last).fullmatch
    finds = [_find(run) for run in middle if run]

    def matches(text: str) -> bool:
        # After a star, the first place where the next run matches is as good as a later one.
        at, end = len(first), len(text) - len(last)
        if at > end or starts(text) is None or ends(text, end) is None:
            return False
        for find in finds:
            at = find(text, at, end)
            if at < 0:
                return False
        return True

    return matches


def escape_glob(text: str) -> str:
    """Escape a text, so that a pattern matches it literally."""
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


def _runs(pieces: list[Piece]) -> list[list[Piece]]:
    """The pieces before, between and after the stars."""
    runs: list[list[Piece]] = [[]]
    for piece in pieces:
        if piece.kind == STAR:
            runs.append([])
        else:
            runs[-1].append(piece)
    return runs


def _find(run: list[Piece]) -> Callable[[str, int, int], int]:
    """A function that finds a run between two places of a text and returns its end, or -1."""
    if _all_literal(run):
        part = _join(run)

        def find_part(text: str, at: int, end: int) -> int:
            found = text.find(part, at, end)
            return found if found < 0 else found + len(part)

        return find_part
    search = _regex(run).search

    def find(text: str, at: int, end: int) -> int:
        found = search(text, at, end)
        return -1 if found is None else found.end()

    return find


def _regex(run: list[Piece]) -> re.Pattern[str]:
    """A run without stars as a regex, which matches one character for each piece."""
    return re.compile(
        "".join(re.escape(piece.text) if piece.kind == LITERAL else piece.text for piece in run),
        re.DOTALL,
    )


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
