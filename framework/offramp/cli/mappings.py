"""Reads mappings from the command line: JSON, or `@FILE`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offramp import _json
from offramp.errors import Fault, MappingError


def read_mapping(text: str | None) -> dict[str, Any]:
    """Read a mapping; empty if there is none. Raises `MappingError` if it is not valid."""
    if text is None:
        return {}
    if text.startswith("@") and not text.startswith("@{"):
        path = Path(text[1:])
        try:
            text = path.read_text()
        except OSError as error:
            raise MappingError([Fault(str(path), error.strerror or str(error))]) from None
    try:
        mapping = _json.loads(text)
    except ValueError as error:
        raise MappingError([Fault("$", f"{error}; write JSON, or @FILE")]) from None
    if not isinstance(mapping, dict):
        raise MappingError([Fault("$", "a mapping is an object: field -> literal or directive")])
    return mapping
