"""Named SQL: statements live in `.sql` files, each under a header that says what it does."""

from __future__ import annotations

import re
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_HEADER = re.compile(r"^-- name: *(\S+) *\n((?:--.*\n)*)", re.MULTILINE)


def load_statements(package: str, *files: str) -> Mapping[str, str]:
    """Read `.sql` files of a package: name -> statement, without the comments above it.

    Each statement follows `-- name: some_name` and a description, one `-- ` line or more.
    Raises `ValueError` for a name that is used twice, has no description or no statement.
    """
    found: dict[str, str] = {}
    for file in files:
        for name, description, statement in _statements(package, file):
            if not (statement and description) or name in found:
                raise ValueError(
                    f"{package}/{file}: {name!r} needs a unique name, a description and a statement"
                )
            found[name] = statement
    return MappingProxyType(found)


def _statements(package: str, file: str) -> Iterator[tuple[str, str, str]]:
    """The name, the description and the text of each statement of a file."""
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    headers = list(_HEADER.finditer(text))
    ends = [header.start() for header in headers[1:]] + [len(text)]
    for header, end in zip(headers, ends, strict=True):
        yield header[1], header[2], text[header.end() : end].strip().removesuffix(";")
