"""JSON as actions write it: payloads by wire names, numbers exact, and bytes that can be signed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from functools import cache
from operator import attrgetter
from typing import Any, Final

import attrs

from offramp import _json
from offramp.definition.fields import Field
from offramp.definition.shape import METADATA_KEY, fields_of, wire_names
from offramp.event import format_time
from offramp.js.values import UNSET

#: How deep `dumps` looks for payloads: a payload, a list of them, an object around either.
_LOOKED_AT: Final = 3
_LITERALS: Final = frozenset({str, int, float, bool, type(None)})


@attrs.frozen(kw_only=True)
class _Layout:
    """The attributes of a payload class, in its order."""

    keys: tuple[str, ...]
    read: Callable[[Any], tuple[Any, ...]]
    #: Keys whose values are not JSON data yet: times, payloads, and lists of them.
    written: tuple[str, ...]
    #: Keys that are left out where they have no value.
    optional: tuple[str, ...]


def wire(payload: Any) -> dict[str, Any]:
    """The JSON object that a payload stands for: `json=wire(payload)`.

    Fields have their wire names, also in nested classes; one without a value is left out, unless
    it is declared with `allow_null`. A time is a text such as `2026-11-23T12:00:00.000Z`. A payload
    without a class is a dict already, and stays as it is.
    """
    if isinstance(payload, dict):
        return payload
    cls: Any = type(payload)  # mypy does not know that a class is hashable
    layout = _layout(cls)
    found = dict(zip(layout.keys, layout.read(payload), strict=True))
    for key in layout.optional:
        if found[key] is None or found[key] is UNSET:
            del found[key]
    for key in layout.written:
        if key in found:
            found[key] = _written(found[key])
    return found


def dumps(value: Any) -> bytes:
    """The bytes that `json=value` sends, for an action that signs them and sends them as `data=`.

    Numbers stay exact: a `Decimal` is written with all its digits. Raises `TypeError` for a value
    that has no JSON form, and for a payload, whose fields are named by `wire` alone.
    """
    _refuse_payloads(value, _LOOKED_AT)
    return _json.dumps(value)


def loads(data: bytes | str) -> Any:
    """JSON read exactly: a number with a fraction or an exponent is a `Decimal`, others are `int`.

    Raises `ValueError` for anything that is not JSON.
    """
    return _json.loads(data)


@cache
def _layout(cls: type[Any]) -> _Layout:
    names = wire_names(cls)
    fields = fields_of(cls)
    return _Layout(
        keys=tuple(names.values()),
        read=_reader(tuple(names)),
        written=tuple(key for key, field in fields.items() if _is_written(field)),
        optional=tuple(
            key
            for key, field in fields.items()
            if field.required is not True and not field.allow_null
        ),
    )


def _reader(names: tuple[str, ...]) -> Callable[[Any], tuple[Any, ...]]:
    if len(names) > 1:
        return attrgetter(*names)
    # `attrgetter` of one name returns no tuple, and there is none of no name.
    return lambda payload: tuple(getattr(payload, name) for name in names)


def _is_written(field: Field) -> bool:
    return field.multiple or field.type == "datetime" or field.properties is not None


def _written(value: Any) -> Any:
    if isinstance(value, datetime):
        return format_time(value)
    if isinstance(value, list | tuple):
        return [_written(item) for item in value]
    return wire(value) if attrs.has(type(value)) else value


@cache
def _is_payload(cls: type[Any]) -> bool:
    return attrs.has(cls) and any(METADATA_KEY in each.metadata for each in attrs.fields(cls))


def _refuse_payloads(value: Any, depth: int) -> None:
    """Refuse payloads, which would be written with Python's names and with nulls for no value.

    Of a list only the first item is looked at, as the items of one list are of one kind.
    """
    kind: Any = type(value)  # mypy does not know that a class is hashable
    if kind in _LITERALS:
        return
    if kind is dict:
        for item in value.values() if depth else ():
            _refuse_payloads(item, depth - 1)
    elif kind is list or kind is tuple:
        if value and depth:
            _refuse_payloads(value[0], depth - 1)
    elif _is_payload(kind):
        raise TypeError(
            f"{kind.__qualname__} is a payload, whose fields have other names on the wire and "
            "may have no value: write json=wire(payload), with `wire` of offramp"
        )
