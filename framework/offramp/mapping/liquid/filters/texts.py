"""Filters that turn a text into another text."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from offramp.js.text import JS_WHITESPACE
from offramp.js.units import LAST_BASIC_CHARACTER, js_length
from offramp.js.values import UNSET, is_truthy
from offramp.mapping.liquid.values import code_points, number

if TYPE_CHECKING:
    from offramp.mapping.liquid.run import Run

#: Default lengths of `truncate` and `truncatewords`: characters, words. Source: liquidjs 10.30.
TRUNCATED_LENGTH, TRUNCATED_WORDS = 50, 15
ELLIPSIS = "..."

_SPACES = re.compile(f"[{JS_WHITESPACE}]+")
_LINE_END = re.compile(r"\r?\n")
_CJK = "\u4e00-\u9fff\uf900-\ufaff\u3400-\u4dbf\u3040-\u309f\u30a0-\u30ff\uac00-\ud7af"
_CJK_CHARACTER = re.compile(f"[{_CJK}]")
_OTHER_WORD = re.compile(f"[^{_CJK}{JS_WHITESPACE}]+")


def _taken(run: Run, *values: Any) -> list[str]:
    """The texts of some values, charged to the run."""
    return [run.text(value) for value in values]


def _taken_slowly(run: Run, value: Any) -> str:
    """The text of a value that will be searched character by character, charged for that."""
    text = run.text(value)
    run.meter.slowly(len(text))
    return text


def _append(run: Run, value: Any, other: Any = UNSET) -> str:
    text, added = _taken(run, value, other)
    return text + added


def _prepend(run: Run, value: Any, other: Any = UNSET) -> str:
    text, added = _taken(run, value, other)
    return added + text


def _capitalize(run: Run, value: Any) -> str:
    [text] = _taken(run, value)
    first = text[:1] if text[:1] > LAST_BASIC_CHARACTER else text[:1].upper()
    return first + text[1:].lower()


def _downcase(run: Run, value: Any) -> str:
    return _taken(run, value)[0].lower()


def _upcase(run: Run, value: Any) -> str:
    return _taken(run, value)[0].upper()


def _stripped(strip: Callable[[str, str], str]) -> Callable[..., str]:
    def filter_(run: Run, value: Any, characters: Any = UNSET) -> str:
        text, chosen = _taken(run, value, characters)
        return strip(text, chosen if is_truthy(characters) else JS_WHITESPACE)

    return filter_


def _squish(run: Run, value: Any) -> str:
    return _SPACES.sub(" ", _taken_slowly(run, value)).strip(" ")


def _normalize_whitespace(run: Run, value: Any) -> str:
    return _SPACES.sub(" ", _taken_slowly(run, value))


def _strip_newlines(run: Run, value: Any) -> str:
    return _LINE_END.sub("", _taken_slowly(run, value))


def _remove(run: Run, value: Any, part: Any = UNSET) -> str:
    text, gone = _taken(run, value, part)
    return text.replace(gone, "") if gone else text


def _remove_first(run: Run, value: Any, part: Any = UNSET) -> str:
    text, gone = _taken(run, value, part)
    return text.replace(gone, "", 1)


def _remove_last(run: Run, value: Any, part: Any = UNSET) -> str:
    return _replace_last(run, value, part, "")


def _replace(run: Run, value: Any, part: Any = UNSET, other: Any = UNSET) -> str:
    text, old, new = _taken(run, value, part, other)
    pieces = _pieces(run, text, old)
    run.meter.characters(max(0, (len(pieces) - 1) * (len(new) - len(old))))
    return new.join(pieces)


def _pieces(run: Run, text: str, between: str) -> list[str]:
    """The parts of a text, each charged as a step; with an empty separator, its characters."""
    run.meter.steps(text.count(between))
    return text.split(between) if between else list(text)


def _replace_first(run: Run, value: Any, part: Any = UNSET, other: Any = UNSET) -> str:
    text, old, new = _taken(run, value, part, other)
    return text.replace(old, new, 1)


def _replace_last(run: Run, value: Any, part: Any = UNSET, other: Any = UNSET) -> str:
    text, old, new = _taken(run, value, part, other)
    at = text.rfind(old)
    return text if at < 0 else text[:at] + new + text[at + len(old) :]


def _split(run: Run, value: Any, separator: Any = UNSET) -> list[str]:
    [text] = _taken(run, value)
    parts = _pieces(run, text, run.text(separator))
    while parts and not parts[-1]:
        parts.pop()
    return parts


def _truncate(run: Run, value: Any, length: Any = UNSET, end: Any = UNSET) -> Any:
    text, ending = _taken(run, value, ELLIPSIS if end is UNSET else end)
    most = float(TRUNCATED_LENGTH) if length is UNSET else number(length)
    if js_length(text) <= most or code_points(text, most) >= len(text):
        return value
    return text[: code_points(text, most - len(ending))] + ending


def _truncatewords(run: Run, value: Any, words: Any = UNSET, end: Any = UNSET) -> str:
    text, ending = _taken_slowly(run, value), run.text(ELLIPSIS if end is UNSET else end)
    parts = _SPACES.split(text.lstrip(JS_WHITESPACE))
    most = float(TRUNCATED_WORDS) if words is UNSET else number(words)
    if most <= 0:
        most = 1.0
    shortened = " ".join(parts[: int(min(most, len(parts)))]) if not math.isnan(most) else ""
    return shortened + ending if len(parts) >= most else shortened


def _number_of_words(run: Run, value: Any, mode: Any = UNSET) -> int:
    text = _taken_slowly(run, value).strip(JS_WHITESPACE)
    if not text:
        return 0
    if mode == "cjk" or (mode == "auto" and _CJK_CHARACTER.search(text)):
        return len(_CJK_CHARACTER.findall(text)) + len(_OTHER_WORD.findall(text))
    return len(_SPACES.split(text))


TEXT_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "append": _append,
    "capitalize": _capitalize,
    "downcase": _downcase,
    "lstrip": _stripped(str.lstrip),
    "normalize_whitespace": _normalize_whitespace,
    "number_of_words": _number_of_words,
    "prepend": _prepend,
    "remove": _remove,
    "remove_first": _remove_first,
    "remove_last": _remove_last,
    "replace": _replace,
    "replace_first": _replace_first,
    "replace_last": _replace_last,
    "rstrip": _stripped(str.rstrip),
    "split": _split,
    "squish": _squish,
    "strip": _stripped(str.strip),
    "strip_newlines": _strip_newlines,
    "truncate": _truncate,
    "truncatewords": _truncatewords,
    "upcase": _upcase,
}
