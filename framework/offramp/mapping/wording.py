"""How messages name values: by type, and by the beginning of their JSON."""

from __future__ import annotations

from typing import Any

from offramp.errors import describe_type
from offramp.js.text import js_json
from offramp.js.values import UNSET

#: How much of a value a message shows, in characters: enough to recognise it in a mapping.
SHOWN_LENGTH = 60


def kind_of(value: Any) -> str:
    """What a person calls the type of a value: "nothing", or the name of its JSON type."""
    return "nothing" if value is UNSET else describe_type(value)


def shown(value: Any) -> str:
    """A value as a message names it: `the number 5`, `null`, `nothing`."""
    if value is UNSET or value is None:
        return kind_of(value)
    text = js_json(value)
    if len(text) > SHOWN_LENGTH:
        text = text[:SHOWN_LENGTH] + "…"
    return f"the {kind_of(value)} {text}"
