"""What is declared with `option`: read from a table, written to one, and shown in the reference."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any, Final

import attrs

from offramp.config.labels import read_labelled
from offramp.config.secrets import mask
from offramp.config.table import Table
from offramp.definition import Option, options_of
from offramp.definition.options import DURATION_UNITS

_SIZES: Final = {"": 1, "kib": 2**10, "mib": 2**20, "gib": 2**30, "tib": 2**40}
_SIZE: Final = re.compile(r"(\d+) ?([kmgt]ib)", re.IGNORECASE)
_SIZE_WANTED: Final = 'must be a whole number of bytes, or a text such as "512 MiB"'
_DURATION: Final = re.compile(r"(\d+(?:\.\d+)?) ?([smhd])")
_UNIT_OF_LETTER: Final = {unit[0]: seconds for unit, seconds in DURATION_UNITS.items()}


def keys_of(cls: type[Any]) -> tuple[str, ...]:
    """The keys that may stand in the table of a class."""
    return tuple(option.key for option in options_of(cls))


def read_options(cls: type[Any], table: Table, *, folder: Path = Path()) -> dict[str, Any]:
    """The values that a table gives, by attribute; each fault is set down in the table.

    What is left out, or is at fault, is not there. `folder` is what a relative path starts from.
    """
    values: dict[str, Any] = {}
    for option in options_of(cls):
        value = _READERS[option.type](table, option)
        if value is None:
            continue
        if option.check is not None:
            _check(table, option, value)
        values[option.attribute] = folder / value if option.type == "path" else value
    return values


def write_options(thing: Any, *, secrets: bool = False) -> dict[str, Any]:
    """The table that reads back as a thing; what is as by default stays out, secrets are masked."""
    table: dict[str, Any] = {}
    for option in options_of(type(thing)):
        value = getattr(thing, option.attribute)
        if value is None or value == option.default:
            continue
        written = _written(option, value)
        table[option.key] = _masked(option, written) if option.secret and not secrets else written
    return table


def show_options(thing: Any) -> dict[str, Any]:
    """Every option with its value as JSON data, also what is as by default; secrets are masked."""
    shown = {}
    for option in options_of(type(thing)):
        value = getattr(thing, option.attribute)
        written = None if value is None else _written(option, value)
        shown[option.key] = _masked(option, written) if option.secret else written
    return shown


def reference_rows(cls: type[Any]) -> list[str]:
    """The rows of a table in Markdown, one for each option: key, default with its unit, value."""
    return [
        f"| `{option.key}` | {_default_text(option)} | {option.description} |"
        for option in options_of(cls)
    ]


def _check(table: Table, option: Option, value: Any) -> None:
    check = option.check
    items = enumerate(value) if option.type == "texts" else [(None, value)]
    for index, item in items:
        message = check(item) if check is not None else None
        if message is not None:
            table.fault(option.key, message, index=index)


def _boolean(table: Table, option: Option) -> bool | None:
    return table.flag(option.key, default=bool(option.default)) if option.key in table else None


def _switch(table: Table, option: Option) -> bool | str | None:
    value = table.get(option.key)
    if isinstance(value, bool) or (isinstance(value, str) and value):
        return value
    if option.key in table:
        table.fault(option.key, "must be true, false or a text")
    return None


def _integer(table: Table, option: Option) -> int | None:
    return table.integer(option.key, minimum=option.minimum or 0, maximum=option.maximum)


def _number(table: Table, option: Option) -> float | None:
    return table.number(option.key, above=0 if option.above is None else option.above)


def _size(table: Table, option: Option) -> int | None:
    value = table.get(option.key)
    if not isinstance(value, str):
        return _integer(table, option)
    found = _SIZE.fullmatch(value)
    if found is None:
        table.fault(option.key, _SIZE_WANTED)
        return None
    size = int(found[1]) * _SIZES[found[2].lower()]
    fits = table.within(option.key, size, minimum=option.minimum or 0, maximum=option.maximum)
    return size if fits else None


def _duration(table: Table, option: Option) -> timedelta | None:
    value = table.get(option.key)
    unit = DURATION_UNITS[option.unit]
    if isinstance(value, str):
        found = _DURATION.fullmatch(value)
        if found is None:
            wanted = f'must be a number of {option.unit}, or a text such as "90s", "15m" or "24h"'
            table.fault(option.key, wanted)
            return None
        number, unit = float(found[1]), _UNIT_OF_LETTER[found[2]]
        if number <= 0:
            table.fault(option.key, "must be above 0")
            return None
    else:
        read = _number(table, option)
        if read is None:
            return None
        number = read
    try:
        return timedelta(seconds=number * unit)
    except OverflowError:
        table.fault(option.key, f"{value} {option.unit} are longer than any clock tells")
        return None


def _texts(table: Table, option: Option) -> tuple[str, ...] | None:
    items = table.items(option.key, of="texts")
    for index, item in enumerate(items):
        if not isinstance(item, str) and option.check is None:
            table.fault(option.key, "must be a string", index=index)
    return tuple(items) if items else None


def _tables(table: Table, option: Option) -> tuple[Any, ...] | None:
    return tuple(table.items(option.key, of="tables")) or None


def _text(table: Table, option: Option) -> str | None:
    return table.text(option.key, required=option.required)


def _choice(table: Table, option: Option) -> str | None:
    return table.choice(option.key, option.choices)


def _table(table: Table, option: Option) -> Mapping[str, Any] | None:
    return table.object(option.key) if option.key in table else None


def _labelled(table: Table, option: Option) -> Mapping[str, str] | None:
    return read_labelled(table, option.key, option.unit) if option.key in table else None


_READERS: Final[Mapping[str, Callable[[Table, Option], Any]]] = {
    "text": _text,
    "boolean": _boolean,
    "switch": _switch,
    "integer": _integer,
    "number": _number,
    "size": _size,
    "duration": _duration,
    "path": _text,
    "choice": _choice,
    "texts": _texts,
    "table": _table,
    "tables": _tables,
    "labelled": _labelled,
}


def _written(option: Option, value: Any) -> Any:
    match option.type:
        case "path":
            return str(value)
        case "texts" | "tables":
            return list(value)
        case "table" | "labelled":
            return dict(value)
        case "duration":
            return value.total_seconds() / DURATION_UNITS[option.unit]
    return value


def _masked(option: Option, written: Any) -> Any:
    if option.type == "labelled" and written is not None:
        return {label: mask(text) for label, text in written.items()}
    return mask(written)


def _default_text(option: Option) -> str:
    if option.default_text:
        return option.default_text
    if option.default is attrs.NOTHING:
        return "required"
    if option.default is None or option.default in ({}, ()):
        return "none"
    value = _written(option, option.default)
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if isinstance(value, int | float):
        shown = f"{value:g}" if isinstance(value, float) else str(value)
        return f"{shown} {option.unit}".rstrip()
    return f"`{value}`"
