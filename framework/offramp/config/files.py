"""Configuration files in: `offramp.toml` or the same as JSON, as a document not yet checked."""

from __future__ import annotations

import json
import re
import tomllib
from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

import attrs

from offramp import _json
from offramp.errors import ConfigError, Fault

#: How `tomllib` tells where a file is broken.
_TOML_POSITION = re.compile(r" \(at (?:line (\d+), column (\d+)|end of document)\)$")
_SUFFIXES: Final = (".toml", ".json")


@attrs.frozen(kw_only=True)
class Document:
    """A configuration as it was written: data in the shape of `offramp.toml`, and its folder."""

    data: Mapping[str, Any] = attrs.field(repr=False)
    #: Where it comes from, for messages.
    where: str = "configuration"
    #: What relative paths in it start from.
    folder: Path = attrs.field(factory=Path)

    @property
    def plugin_files(self) -> tuple[Path, ...]:
        """The Python files of the site's own plugins, to be loaded before it is checked."""
        named = self.data.get("plugin_files")
        files = named if isinstance(named, list | tuple) else []
        return tuple(self.folder / file for file in files if isinstance(file, str))


def read_document(path: Path) -> Document:
    """Read a `.toml` or `.json` file; raises `ConfigError` with file and line if it is broken."""
    where = path.name
    if path.suffix not in _SUFFIXES:
        raise ConfigError([Fault(str(path), "must be a .toml or a .json file")])
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        message = f"cannot be read: {error.strerror or error}"
        raise ConfigError([Fault(str(path), message)]) from error
    except UnicodeDecodeError as error:
        message = f"is not UTF-8 text (byte {error.start}): save it as UTF-8"
        raise ConfigError([Fault(str(path), message)]) from None
    data = _parse_toml(text, where) if path.suffix == ".toml" else _parse_json(text, where)
    return Document(data=data, where=where, folder=path.parent)


def _parse_toml(text: str, where: str) -> dict[str, Any]:
    try:
        return tomllib.loads(text, parse_float=Decimal)
    except tomllib.TOMLDecodeError as error:
        found = _TOML_POSITION.search(str(error))
        message = str(error)[: found.start()] if found else str(error)
        line = found[1] if found and found[1] else text.count("\n") + 1
        column = f", column {found[2]}" if found and found[2] else ""
        place = f"{where}, line {line}{column}"
        raise ConfigError([Fault(place, f"{message}: this is not TOML")]) from None
    except (ValueError, ArithmeticError, RecursionError) as error:
        # A number with thousands of digits, or brackets within brackets without end.
        raise ConfigError([Fault(where, f"cannot be read: {error}")]) from None


def _parse_json(text: str, where: str) -> dict[str, Any]:
    try:
        # Only this parser tells lines, and keys that stand twice; ours then keeps numbers exact.
        json.loads(text, object_pairs_hook=_no_key_twice)
        data = _json.loads(text)
    except json.JSONDecodeError as error:
        place = f"{where}, line {error.lineno}, column {error.colno}"
        raise ConfigError([Fault(place, f"{error.msg}: this is not JSON")]) from None
    except ValueError as error:
        raise ConfigError([Fault(where, str(error))]) from None
    except RecursionError:
        raise ConfigError([Fault(where, "is nested too deeply")]) from None
    if not isinstance(data, dict):
        raise ConfigError([Fault(where, "must be a JSON object")])
    return data


def _no_key_twice(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    table: dict[str, Any] = {}
    for key, value in pairs:
        if key in table:
            raise ValueError(f"the key {key!r} stands twice in one object; the first would be lost")
        table[key] = value
    return table
