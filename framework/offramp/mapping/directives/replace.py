"""@replace: one or two texts replaced in a text."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any, Final

import attrs

from offramp.js.text import js_string
from offramp.js.units import LAST_BASIC_CHARACTER, js_length
from offramp.js.values import is_truthy
from offramp.mapping.check import (
    OPTIONAL,
    REQUIRED,
    boolean,
    options_of,
    string_or_directive,
    text_of_length,
)
from offramp.mapping.compiler import Directive
from offramp.mapping.directives.options import read_options
from offramp.mapping.nodes import NOTHING
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp.mapping.budget import Meter
    from offramp.mapping.compiler import Compiler
    from offramp.mapping.nodes import Node

#: The longest pattern or replacement, in characters. Source: Segment's actions-core,
#: MAX_PATTERN_LENGTH.
MAX_REPLACE_LENGTH: Final = 10

_Change = Callable[[str], str]
_LAST_ASCII = "\x7f"
_DEFAULTS = {"replacement": "", "replacement2": "", "global": True, "ignorecase": False}
_SPECIAL = re.compile(r"(\$[$&`'])")


def compile_replace(spec: Any, compiler: Compiler) -> Node:
    """`{"@replace": {"pattern": …, "replacement": …, "value": …}}`, and `pattern2` if needed.

    The pattern is plain text; in the replacement, `$&` is the text that was found. Replaces all
    occurrences unless `global` is false, and is case-sensitive unless `ignorecase` is true. Values
    other than texts, numbers and booleans become "".
    """
    options = read_options(spec, compiler, "pattern")
    if options is None or not is_truthy(options.get("value")):
        return NOTHING
    part = compiler.node(options["value"], "value")
    change = _changes(options, compiler)

    def replaced(value: Any) -> str:
        if isinstance(value, (bool, int, float, Decimal)):
            value = js_string(value)
        return change(value) if isinstance(value, str) else ""

    return compiler.apply(replaced, part)


def _changes(options: dict[str, Any], compiler: Compiler) -> _Change:
    given = _DEFAULTS | {name: value for name, value in options.items() if value is not None}
    if not isinstance(given["global"], bool) or not isinstance(given["ignorecase"], bool):
        return _drop
    first = _change(given, "", compiler)
    second = _change(given, "2", compiler) if given.get("pattern2") else None
    if first is None:
        return _drop
    return first if second is None else lambda text: second(first(text))


def _drop(_: str) -> str:
    return ""


def _change(given: dict[str, Any], number: str, compiler: Compiler) -> _Change | None:
    """The replacement of one pair of options; None if they are not texts."""
    pattern, replacement = given["pattern" + number], given["replacement" + number]
    if not isinstance(pattern, str) or not isinstance(replacement, str):
        return None
    for name, text in ("pattern", pattern), ("replacement", replacement):
        if js_length(text) > MAX_REPLACE_LENGTH:
            return _too_long(name, text, compiler)
    count = -1 if given["global"] else 1
    if not given["ignorecase"] and "$" not in replacement:
        return _plainly(pattern, replacement, count, compiler)
    filling = _Filling(
        pattern=_fold_case(pattern) if given["ignorecase"] else pattern,
        parts=[part for part in _SPECIAL.split(replacement) if part],
        count=count,
        meter=compiler.meter(),
    )
    return filling.in_any_case if given["ignorecase"] else lambda text: filling(text, text)


def _plainly(pattern: str, replacement: str, count: int, compiler: Compiler) -> _Change:
    growth = len(replacement) - len(pattern)
    if growth <= 0:
        return lambda text: text.replace(pattern, replacement, count)
    meter = compiler.meter()

    def change(text: str) -> str:
        found = text.count(pattern)
        meter.characters(len(text) + growth * (found if count < 0 else min(found, count)))
        return text.replace(pattern, replacement, count)

    return change


def _too_long(name: str, text: str, compiler: Compiler) -> _Change:
    message = f"a {name} has at most {MAX_REPLACE_LENGTH} characters, got {shown(text)}; shorten it"

    def change(_: str) -> str:
        raise compiler.error(message)

    return change


@attrs.frozen(kw_only=True)
class _Filling:
    """Replaces a pattern, with the special sequences of the replacement filled in."""

    pattern: str
    #: The replacement in parts, of which each `$$`, `$&`, `` $` `` and `$'` is one. There is no
    #: `$1`, since a plain text has no groups.
    parts: list[str]
    #: Most occurrences to replace; -1 for all.
    count: int
    meter: Meter

    def in_any_case(self, text: str) -> str:
        self.meter.slowly(len(text))
        return self(text, _fold_case(text))

    def __call__(self, text: str, searched: str) -> str:
        """The text replaced where the pattern is found in `searched`, of the same length."""
        self.meter.characters(len(text))
        made = []
        begin, count = 0, self.count
        at = searched.find(self.pattern)
        while at >= 0 and count:
            end = at + len(self.pattern)
            filled = [_filled(part, text, at, end) for part in self.parts]
            self.meter.steps(1)
            self.meter.characters(sum(map(len, filled)))
            made += [text[begin:at], *filled]
            begin, count = end, count - 1
            at = searched.find(self.pattern, end)
        return "".join((*made, text[begin:]))


def _filled(part: str, text: str, at: int, end: int) -> str:
    match part:
        case "$$":
            return "$"
        case "$&":
            return text[at:end]
        case "$`":
            return text[:at]
        case "$'":
            return text[end:]
    return part


def _fold_case(text: str) -> str:
    if text.isascii():
        return text.upper()
    return "".join(map(_fold_character, text))


def _fold_character(character: str) -> str:
    """A character as JavaScript's `i` flag compares it. Source: ECMA-262, Canonicalize."""
    upper = character.upper()
    if len(upper) != 1 or character > LAST_BASIC_CHARACTER:
        return character
    return character if character > _LAST_ASCII >= upper else upper


REPLACE: Final = Directive(
    compile=compile_replace,
    check=options_of(
        pattern=(REQUIRED, text_of_length(1, MAX_REPLACE_LENGTH)),
        replacement=(OPTIONAL, text_of_length(0, MAX_REPLACE_LENGTH)),
        value=(REQUIRED, string_or_directive),
        ignorecase=(OPTIONAL, boolean),
        **{"global": (OPTIONAL, boolean)},
    ),
)
