"""@replace: one or two texts replaced in a text."""

from __future__ import annotations

import re
from collections.abc import Callable
from decimal import Decimal
from typing import TYPE_CHECKING, Any

from offramp.mapping.check import MAX_REPLACE_LENGTH
from offramp.mapping.directives.options import read_options
from offramp.mapping.jstext import LAST_BASIC_CHARACTER, js_length, js_string
from offramp.mapping.values import NOTHING, Resolver, is_truthy
from offramp.mapping.wording import shown

if TYPE_CHECKING:
    from offramp.mapping.compiler import Compiler

_Change = Callable[[str], str]
_LAST_ASCII = "\x7f"
_DEFAULTS = {"replacement": "", "replacement2": "", "global": True, "ignorecase": False}
_SPECIAL = re.compile(r"\$[$&`']")


def compile_replace(spec: Any, compiler: Compiler) -> Resolver:
    """`{"@replace": {"pattern": …, "replacement": …, "value": …}}`, and `pattern2` if needed.

    The pattern is plain text; in the replacement `$&` is what was found. Replaces everywhere
    unless `global` is false, matching case unless `ignorecase` is true. Other values than texts,
    numbers and booleans become "".
    """
    options = read_options(spec, compiler, "pattern")
    if options is None or not is_truthy(options.get("value")):
        return NOTHING
    get = compiler.compile(options["value"], "value")
    change = _changes(options, compiler)

    def replaced(value: Any) -> str:
        if isinstance(value, (bool, int, float, Decimal)):
            value = js_string(value)
        return change(value) if isinstance(value, str) else ""

    return compiler.apply(replaced, get)


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
    """The replacement of one pair of options; None if they are no texts."""
    pattern, replacement = given["pattern" + number], given["replacement" + number]
    if not isinstance(pattern, str) or not isinstance(replacement, str):
        return None
    for name, text in ("pattern", pattern), ("replacement", replacement):
        if js_length(text) > MAX_REPLACE_LENGTH:
            return _too_long(name, text, compiler)
    count = -1 if given["global"] else 1
    ignores_case = given["ignorecase"]
    if not ignores_case and "$" not in replacement:
        return lambda text: text.replace(pattern, replacement, count)
    fold: _Change = _fold_case if ignores_case else str
    folded = fold(pattern)
    return lambda text: _replaced(text, fold(text), folded, replacement, count)


def _too_long(name: str, text: str, compiler: Compiler) -> _Change:
    message = f"a {name} has at most {MAX_REPLACE_LENGTH} characters, got {shown(text)}; shorten it"

    def change(_: str) -> str:
        raise compiler.error(message)

    return change


def _replaced(text: str, searched: str, pattern: str, replacement: str, count: int) -> str:
    parts = []
    begin = 0
    at = searched.find(pattern)
    while at >= 0 and count:
        end = at + len(pattern)
        parts += [text[begin:at], _expanded(replacement, text, at, end)]
        begin, count = end, count - 1
        at = searched.find(pattern, end)
    return "".join((*parts, text[begin:]))


def _expanded(replacement: str, text: str, at: int, end: int) -> str:
    """The replacement with `$$`, `$&`, `` $` `` and `$'` filled in; a plain pattern has no `$1`."""
    meant = {"$$": "$", "$&": text[at:end], "$`": text[:at], "$'": text[end:]}
    return _SPECIAL.sub(lambda found: meant[found[0]], replacement)


def _fold_case(text: str) -> str:
    return "".join(map(_fold_character, text))


def _fold_character(character: str) -> str:
    """A character as JavaScript's `i` flag compares it. Source: ECMA-262, Canonicalize."""
    upper = character.upper()
    if len(upper) != 1 or character > LAST_BASIC_CHARACTER:
        return character
    return character if character > _LAST_ASCII >= upper else upper
