"""Describes values for messages, by their type and the beginning of their JSON."""

from __future__ import annotations

from typing import Any

from offramp.errors import describe_type
from offramp.js.text import js_json
from offramp.js.values import UNSET

#: Most characters of a value that a message shows: enough to recognise it in a mapping.
SHOWN_LENGTH = 60


def kind_of(value: Any) -> str:
    """The name of a value's type: its JSON type, or "nothing" if it is absent."""
    return "nothing" if value is UNSET else describe_type(value)


def shown(value: Any) -> str:
    """A value as a message shows it: `the number 5`, `null`, `nothing`."""
    if value is UNSET or value is None:
        return kind_of(value)
    text = js_json(value)
    if len(text) > SHOWN_LENGTH:
        text = text[:SHOWN_LENGTH] + "…"
    return f"the {kind_of(value)} {text}"
