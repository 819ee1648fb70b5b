"""Fields that look like secrets by their names, and are declared neither as secrets nor as none."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from offramp.definition.fields import Field, Fields

_SECRET: Final = re.compile(
    r"(api|access|auth|encryption|master|private|secret|shared|signing|write)[-_ ]?key"
    r"|secret|token|pass(word|wd|phrase|code)|credential",
    re.IGNORECASE,
)
#: A field whose name ends so tells where a secret is got, which one it is, or how long it holds.
_ABOUT_A_SECRET: Final = re.compile(
    r"(url|uri|endpoint|path|id|name|type|header|expir\w*|lifetime|count|limit)$", re.IGNORECASE
)
#: Names a device, a page of a list or a repeat, and opens nothing.
_OTHER_TOKEN: Final = re.compile(
    r"(device|push|registration|fcm|apns|page|cursor|continuation|idempotency)[-_ ]?tokens?",
    re.IGNORECASE,
)
_TEXTS: Final = frozenset({"string", "text"})


def unmarked_secrets(fields: Fields) -> Iterator[tuple[str, ...]]:
    """The wire names, from the outermost object inwards, of each field that looks like a secret.

    `secret=False` in a declaration says that a field is none.
    """
    for key, field in fields.items():
        if field.is_secret:
            continue
        if field.type in _TEXTS and field.secret is None and _looks_secret(key, field):
            yield (key,)
        for inner in unmarked_secrets(field.properties or {}):
            yield (key, *inner)


def _looks_secret(key: str, field: Field) -> bool:
    return any(
        _SECRET.search(name) and not _ABOUT_A_SECRET.search(name) and not _OTHER_TOKEN.search(name)
        for name in (key, field.label)
    )
