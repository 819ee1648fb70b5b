"""Faults as JSON data, as RFC 9457 shows errors: each with the JSON pointer of its place."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator
from typing import Final, NotRequired, TypedDict
from urllib.parse import quote, unquote

from offramp.errors import Fault

#: A place inside a text, such as a trigger, after the place of the text.
_COLUMN: Final = re.compile(r"(?:^|, )(column \d+)$")
#: One step of a place, as `join_place` writes it: `.key`, `."odd key"` or `[0]`.
_STEP: Final = re.compile(
    r"""
    \.? (?P<quoted> "(?:[^"\\]|\\.)*" )
    | \.? (?P<key> [^.\[\]"']+ )
    | \[ (?P<index> \d+ ) \]
    """,
    re.VERBOSE,
)
#: Unescaped in a URI fragment, besides letters and digits. Source: RFC 3986, `pchar`.
_PLAIN_IN_FRAGMENT: Final = "-._~!$&'()*+,;=:@?"


class ErrorShape(TypedDict):
    """One thing that is wrong, and where: one of `pointer`, `parameter`, `header`, `method`."""

    #: JSON pointer, as a URI fragment (RFC 6901), into the body or into the explained payload.
    pointer: NotRequired[str]
    #: Name of a query parameter.
    parameter: NotRequired[str]
    #: Name of a request header.
    header: NotRequired[str]
    #: The plugin's method that failed while explaining: `perform` or `validate`.
    method: NotRequired[str]
    #: In the text at the pointer, such as a trigger; the first is 1.
    column: NotRequired[int]
    detail: str


def describe_errors(faults: Iterable[Fault]) -> list[ErrorShape]:
    """Faults as JSON data; a place that has no JSON pointer becomes part of the detail."""
    return [_describe(fault.place, fault.message) for fault in faults]


def pointer_of(place: str) -> str:
    """The JSON pointer of a place, `#/mapping/id` of `$.mapping.id`; else raises `ValueError`."""
    return pointer_to(*_steps(place))


def keys_of_place(place: str) -> list[str]:
    """The keys and indices of a place, outermost first; of a column, those of the text it is in.

    Raises `ValueError` if it is no place in a document.
    """
    return list(_steps(_COLUMN.sub("", place)))


def pointer_to(*keys: str) -> str:
    """The JSON pointer of nested keys, outermost first: `#/instances/billing`."""
    return "#" + "".join(f"/{_escaped(key)}" for key in keys)


def keys_of(pointer: str) -> list[str]:
    """The keys and indices of a pointer, outermost first; none for the whole document, `#`."""
    tokens = unquote(pointer.removeprefix("#")).split("/")[1:]
    return [token.replace("~1", "/").replace("~0", "~") for token in tokens]


def _describe(place: str, message: str) -> ErrorShape:
    found = _COLUMN.search(place)
    if found is not None:
        place, message = place[: found.start()], f"{found[1]}: {message}"
    shape: ErrorShape
    try:
        shape = {"pointer": pointer_of(place), "detail": message}
    except ValueError:
        shape = {"detail": f"{place}: {message}"}
    if found is not None:
        shape["column"] = int(found[1].split()[1])
    return shape


def _steps(place: str) -> Iterator[str]:
    at = 1 if place == "$" or place.startswith(("$.", "$[")) else 0
    while at < len(place):
        found = _STEP.match(place, at)
        if found is None:
            raise ValueError(f"{place!r} is no place in a document")
        if found["quoted"] is not None:
            yield json.loads(found["quoted"])
        else:
            yield found["key"] or found["index"]
        at = found.end()


def _escaped(key: str) -> str:
    escaped = key.replace("~", "~0").replace("/", "~1")
    return quote(escaped, safe=_PLAIN_IN_FRAGMENT)
