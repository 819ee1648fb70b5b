"""The directives that default mappings and presets are written with, as small functions."""

from __future__ import annotations

from typing import Any


def path(where: str) -> dict[str, Any]:
    """The event's value at a path: `path("$.messageId")`."""
    return {"@path": where}


def template(text: str) -> dict[str, Any]:
    """Text with values in it: `template("{{ userId }}-{{ event }}")`."""
    return {"@template": text}


def literal(value: Any) -> dict[str, Any]:
    """A fixed value."""
    return {"@literal": value}


def liquid(text: str) -> dict[str, Any]:
    """Text made by a Liquid template, with the event as its scope."""
    return {"@liquid": text}


def coalesce(first: Any, second: Any) -> dict[str, Any]:
    """The first value where it exists (is not null or absent), else the second."""
    return {"@if": {"exists": first, "then": first, "else": second}}


def array_path(where: Any, item: dict[str, Any]) -> dict[str, Any]:
    """A list at a path, each item of which is mapped by `item`."""
    return {"@arrayPath": [where, item]}
