"""Renders the errors of the control API and of explanations, one line each."""

from __future__ import annotations

from collections.abc import Mapping

from rich.text import Text

from offramp.errors import join_place
from offramp.pointers import keys_of


def place_of(error: Mapping[str, str]) -> str:
    """Return the place of an error: `instances.a.subscriptions[0].trigger`, or a parameter."""
    pointer = error.get("pointer")
    if pointer is None:
        named = (f"{kind} {error[kind]}" for kind in ("parameter", "header") if kind in error)
        return next(named, error.get("method", "$"))
    place = ""
    for key in keys_of(pointer):
        place = join_place(place, int(key) if key.isdecimal() else key)
    return place or "$"


def render_error(error: Mapping[str, str]) -> Text:
    """One error in a line."""
    return Text.assemble(("✗ ", "red"), (place_of(error), "bold"), f": {error['detail']}")
