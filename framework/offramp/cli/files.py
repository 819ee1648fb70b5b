"""Reads files that the command line names; an error says which one, and why."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from offramp import _json
from offramp.errors import OfframpError


def read_file(path: Path) -> bytes:
    """The content of a file; raises `OfframpError` if it cannot be read."""
    try:
        return path.read_bytes()
    except OSError as error:
        raise OfframpError(f"{path} cannot be read: {error.strerror}") from error


def read_json(path: Path) -> Any:
    """The JSON value of a file; raises `OfframpError` if it cannot be read, or is none."""
    try:
        return _json.loads(read_file(path))
    except _json.READ_ERRORS as error:
        raise OfframpError(f"{path} is not JSON: {error}") from error
