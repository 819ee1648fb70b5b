"""Named SQL: statements live in `.sql` files, each under a header that says what it does."""

from __future__ import annotations

import re
from importlib import resources
from types import MappingProxyType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_HEADER = re.compile(r"^-- name: *(\S+) *\n((?:--.*\n)*)", re.MULTILINE)


def load_statements(package: str, file: str) -> Mapping[str, str]:
    """Read a `.sql` file of a package: name -> statement, without the comments above it.

    Each statement follows `-- name: some_name` and a description, one `-- ` line or more.
    Raises `ValueError` for a name that is used twice, has no description or no statement.
    """
    text = resources.files(package).joinpath(file).read_text(encoding="utf-8")
    headers = list(_HEADER.finditer(text))
    ends = [header.start() for header in headers[1:]] + [len(text)]
    found: dict[str, str] = {}
    for header, end in zip(headers, ends, strict=True):
        name, description = header.groups()
        statement = text[header.end() : end].strip().removesuffix(";")
        if not (statement and description) or name in found:
            raise ValueError(
                f"{package}/{file}: {name!r} needs a unique name, a description and a statement"
            )
        found[name] = statement
    return MappingProxyType(found)
