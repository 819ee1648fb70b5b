"""Writes a document as TOML for a person to read and keep under version control."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from offramp import _json

_BARE_KEY = re.compile(r"[A-Za-z0-9_-]+")
#: What a literal string, in single quotes, may hold.
_LITERAL = re.compile(r"[^'\x00-\x1f\x7f]*")
#: Tables that stand under a header of their own; all others are written within their line.
_FREE_TABLES: Final = ("api_tokens", "write_keys", "settings", "oauth", "hooks", "mapping")


def to_toml(document: Mapping[str, Any]) -> str:
    """A document in the shape of `offramp.toml` as TOML; `tomllib` reads it back unchanged.

    TOML has no null: settings or a mapping with one inside are written as a string of JSON.
    """
    top = {key: each for key, each in document.items() if not isinstance(each, Mapping)}
    blocks = ["\n".join(_pairs(top))]
    if "host" in document:
        blocks += _table(("host",), document["host"])
    for name, source in document.get("sources", {}).items():
        blocks += _table(("sources", name), source)
    for name, instance in document.get("instances", {}).items():
        plain = {key: value for key, value in instance.items() if key != "subscriptions"}
        blocks += _table(("instances", name), plain)
        for subscription in instance.get("subscriptions", ()):
            blocks += _table(("instances", name, "subscriptions"), subscription, item=True)
    return "\n\n".join(block for block in blocks if block) + "\n"


def _table(path: tuple[str, ...], table: Mapping[str, Any], *, item: bool = False) -> Iterator[str]:
    header = ".".join(map(_key, path))
    yield "\n".join([f"[[{header}]]" if item else f"[{header}]", *_pairs(table)])
    for key in _FREE_TABLES:
        inner = table.get(key)
        if inner and not _has_null(inner):
            lines = [f"{_key(name)} = {_value(value)}" for name, value in inner.items()]
            yield "\n".join([f"[{header}.{key}]", *lines])


def _pairs(table: Mapping[str, Any]) -> Iterator[str]:
    for key, value in table.items():
        if key in _FREE_TABLES and isinstance(value, Mapping):
            if _has_null(value):
                yield f"{key} = {_text(_json.dumps(value).decode())}"
        else:
            yield f"{_key(key)} = {_value(value)}"


def _value(value: Any) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case str():
            return _text(value)
        case int() | float() | Decimal():
            return str(value)
        case Mapping():
            pairs = ", ".join(f"{_key(key)} = {_value(item)}" for key, item in value.items())
            return f"{{ {pairs} }}" if pairs else "{}"
        case _:
            return f"[{', '.join(map(_value, value))}]"


def _text(value: str) -> str:
    if '"' in value and _LITERAL.fullmatch(value):
        return f"'{value}'"
    # JSON's escapes are TOML's too; only DEL is allowed bare by one and not by the other.
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


def _key(key: str) -> str:
    return key if _BARE_KEY.fullmatch(key) else _text(key)


def _has_null(value: Any) -> bool:
    if isinstance(value, Mapping):
        return any(map(_has_null, value.values()))
    if isinstance(value, list | tuple):
        return any(map(_has_null, value))
    return value is None
