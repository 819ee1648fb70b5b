"""Keeping secrets out of everything that could be seen."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterable, Mapping
from typing import Final, TypeAlias
from urllib.parse import quote

from offramp.definition import MASK

Mask: TypeAlias = Callable[[str], str]

#: Headers whose values are credentials whatever they hold.
SECRET_HEADERS: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key"}
)
#: Shorter values occur by chance in other text, and masking them would garble it.
SHORTEST_SECRET: Final = 4


def make_mask(secrets: Iterable[str]) -> Mask:
    """A function that replaces every occurrence of the secrets in a text by `***`.

    It knows them also as they stand in a URL (percent-encoded) and in JSON (escaped).
    """
    known = sorted({s for s in secrets if len(s) >= SHORTEST_SECRET}, key=len, reverse=True)
    if not known:
        return str
    pattern = re.compile("|".join("".join(map(_any_spelling, secret)) for secret in known))
    return lambda text: pattern.sub(MASK, text)


def _any_spelling(character: str) -> str:
    # Character by character, because URL libraries leave some as they are and encode others.
    encoded = quote(character, safe="")
    forms = {character, encoded, encoded.lower(), json.dumps(character)[1:-1]}
    if character == " ":
        forms.add("+")
    longest_first = sorted(map(re.escape, forms), key=len, reverse=True)
    return f"(?:{'|'.join(longest_first)})"


def mask_headers(headers: Mapping[str, str], mask: Mask) -> dict[str, str]:
    """Headers as they may be shown."""
    return {
        name: MASK if name.lower() in SECRET_HEADERS else mask(value)
        for name, value in headers.items()
    }
