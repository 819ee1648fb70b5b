"""Filters that work on lists, and filters that inspect any value."""

from __future__ import annotations

import math
import re
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final

from offramp.js.text import js_json, js_string, text_or_empty
from offramp.js.units import js_length
from offramp.js.values import UNSET, is_truthy
from offramp.mapping.liquid.run import Run
from offramp.mapping.liquid.values import (
    Special,
    as_list,
    code_points,
    equals,
    is_nil,
    is_true,
    number,
    own_property,
    plain,
    read_property,
)

if TYPE_CHECKING:
    from collections.abc import Iterator


#: Most characters of JSON's indentation. Source: ECMA-262, JSON.stringify.
MAX_INDENT = 10

_KEY = re.compile(r"(?:^|\.)([\w?-]+)|\[\s*(?:'([^']*)'|\"([^\"]*)\"|(-?\d+))\s*\]")


def _default(run: Run, value: Any, otherwise: Any = UNSET, *options: Any) -> Any:
    value = plain(value)
    if isinstance(value, (list, str)):
        return value or otherwise
    if value is False:
        if not all(isinstance(option, (list, dict, Special)) for option in options):
            raise run.error("the filter 'default' takes a value, then only allow_false")
        if any(_allows_false(option) for option in options):
            return False
    return value if is_true(value) else otherwise


def _allows_false(option: Any) -> bool:
    return isinstance(option, list) and option[:1] == ["allow_false"] and is_truthy(option[-1])


def _json(run: Run, value: Any, space: Any = UNSET) -> Any:
    if value is UNSET:
        return UNSET
    if isinstance(value, Special):
        # The literals are objects in Segment's engine, without own members.
        return "{}"
    if type(value) is dict:
        run.meter.weigh(value)
    text = js_json(value, indent=_indent(plain(space)))
    run.meter.characters(len(text))
    return text


def _indent(space: Any) -> str:
    if isinstance(space, str):
        return space[:MAX_INDENT]
    if isinstance(space, (bool, list, dict)) or is_nil(space):
        return ""
    return " " * int(max(0, min(MAX_INDENT, number(space))))


def _join(run: Run, value: Any, separator: Any = UNSET) -> str:
    items = [text_or_empty(plain(item)) for item in as_list(value)]
    between = " " if is_nil(separator) else run.text(separator)
    run.meter.characters(sum(map(len, items)) + len(between) * max(len(items) - 1, 0))
    return between.join(items)


def _first(_: Run, value: Any) -> Any:
    return _at_end(plain(value), last=False)


def _last(_: Run, value: Any) -> Any:
    return _at_end(plain(value), last=True)


def _at_end(value: Any, *, last: bool) -> Any:
    length = _length(value)
    if not value or isinstance(length, (bool, str)) or not isinstance(number(length), float):
        return value if value == [] else ""
    if math.isnan(number(length)) or length is UNSET or length is None:
        return ""
    return own_property(value, js_string(number(length) - 1 if last else 0))


def _size(_: Run, value: Any) -> Any:
    length = _length(plain(value))
    return length or 0


def _length(value: Any) -> Any:
    if isinstance(value, str):
        return js_length(value)
    return own_property(value, "length") if isinstance(value, (list, dict)) else UNSET


def _compact(_: Run, value: Any) -> list[Any]:
    return [item for item in as_list(value) if not is_nil(item)]


def _push(_: Run, value: Any, item: Any = UNSET) -> list[Any]:
    return [*as_list(value), plain(item)]


def _unshift(_: Run, value: Any, item: Any = UNSET) -> list[Any]:
    return [plain(item), *as_list(value)]


def _pop(_: Run, value: Any) -> list[Any]:
    return as_list(value)[:-1]


def _shift(_: Run, value: Any) -> list[Any]:
    return as_list(value)[1:]


def _slice(run: Run, value: Any, begin: Any = UNSET, length: Any = UNSET) -> Any:
    value = plain(value)
    if is_nil(value):
        return []
    parts = value if isinstance(value, list) else run.text(value)
    begin, length = plain(begin), 1 if length is UNSET else plain(length)
    count = number(length)
    first = number(begin)
    if first < 0:
        first += len(parts)
    if first < 0 or count < 0:
        return parts[:0]
    if isinstance(parts, list):
        # A text plus a number is a text in JavaScript: "1" and 2 make the position 12.
        joined = isinstance(begin, str) or isinstance(length, str)
        end = number(js_string(begin) + js_string(length)) if joined else first + count
        return parts[_whole(first) : _whole(end)]
    start = code_points(parts, first)
    return parts[start : start + code_points(parts[start:], count)]


def _whole(position: float) -> int | None:
    if math.isnan(position):
        return 0
    return int(position) if math.isfinite(position) else None


def _where(run: Run, value: Any, key: Any = UNSET, wanted: Any = UNSET) -> list[Any]:
    names = list(_keys(run.text(key)))
    items = as_list(value)
    run.meter.steps(len(items) * len(names))
    found = []
    for item in items:
        of_item = _property(run, item, names)
        if is_true(of_item) if wanted is UNSET else equals(of_item, wanted):
            found.append(item)
    return found


def _keys(path: str) -> Iterator[str | int]:
    end = 0
    for match in _KEY.finditer(path):
        if match.start() != end:
            return
        end = match.end()
        name = next(group for group in match.groups() if group is not None)
        yield int(name) if match[4] else name


def _property(run: Run, item: Any, names: list[str | int]) -> Any:
    if not names:
        return UNSET
    # An item's properties are read as a template reads its scope.
    value = Run(item, run.error, run.clock, run.meter).root(js_string(names[0]))
    for name in names[1:]:
        value = read_property(value, name)
    return value


def _sample(run: Run, value: Any, count: Any = UNSET) -> Any:
    """The first items, so that an event that is mapped again gives the same result."""
    value = plain(value)
    if is_nil(value):
        return []
    items = value if isinstance(value, list) else list(run.text(value))
    run.meter.steps(len(items))
    wanted = 1.0 if count is UNSET else number(count)
    if wanted == 1 and not isinstance(count, str):
        return items[0] if items else UNSET
    return items[: _whole(wanted)]


def _raw(_: Run, value: Any) -> Any:
    return value


LIST_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "compact": _compact,
    "default": _default,
    "first": _first,
    "inspect": _json,
    "join": _join,
    "json": _json,
    "jsonify": _json,
    "last": _last,
    "pop": _pop,
    "push": _push,
    "raw": _raw,
    "sample": _sample,
    "shift": _shift,
    "size": _size,
    "slice": _slice,
    "unshift": _unshift,
    "where": _where,
}
