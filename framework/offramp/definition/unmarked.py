"""Finds fields whose names look like secrets and whose declarations do not say if they are."""

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
#: Ends the name of a field that says where a secret comes from, which one it is or when it expires.
_ABOUT_A_SECRET: Final = re.compile(
    r"(url|uri|endpoint|path|id|name|type|header|expir\w*|lifetime|count|limit)$", re.IGNORECASE
)
#: Tokens that are no secrets: they identify a device, a page of a list or a repeated request.
_OTHER_TOKEN: Final = re.compile(
    r"(device|push|registration|fcm|apns|page|cursor|continuation|idempotency)[-_ ]?tokens?",
    re.IGNORECASE,
)
_TEXTS: Final = frozenset({"string", "text"})


def unmarked_secrets(fields: Fields) -> Iterator[tuple[str, ...]]:
    """The wire names, outermost object first, of each field that looks like a secret.

    A field declared with `secret=False` is passed over.
    """
    for key, field in fields.items():
        if field.is_secret:
            continue
        if field.secret is None and looks_secret(key, field):
            yield (key,)
        for inner in unmarked_secrets(field.properties or {}):
            yield (key, *inner)


def looks_secret(key: str, field: Field) -> bool:
    """Whether a field is a text that is named or labelled like a secret."""
    return field.type in _TEXTS and any(
        _SECRET.search(name) and not _ABOUT_A_SECRET.search(name) and not _OTHER_TOKEN.search(name)
        for name in (key, field.label)
    )
