"""Masks secrets in everything that is shown or stored."""

from __future__ import annotations

import base64
import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from typing import Final, TypeAlias
from urllib.parse import quote

from offramp.definition import MASK

Mask: TypeAlias = Callable[[str], str]

#: Headers whose values are always masked.
SECRET_HEADERS: Final = frozenset(
    {"authorization", "proxy-authorization", "cookie", "set-cookie", "x-api-key", "api-key"}
)
#: Shorter values occur by chance in other text, and masking them would garble it: they are masked
#: only where one is the whole of a value.
SHORTEST_SECRET: Final = 4
#: The same for a secret's base64 form, in characters of base64.
SHORTEST_BASE64: Final = 8
#: Base64 writes three bytes as four characters of six bits.
BYTES_OF_BASE64: Final = 3
BITS_OF_BASE64: Final = 6
BITS_OF_BYTE: Final = 8
_HALF_CHARACTER = re.compile("[\ud800-\udfff]")


def make_mask(secrets: Iterable[str]) -> Mask:
    """A function that replaces every occurrence of the secrets in a text by `***`.

    It also finds them percent-encoded (in a URL), escaped (in JSON) and within base64 (the
    credentials of Basic authentication, which partners often quote). A secret of one to three
    characters is masked only if it is the whole text, a whole value of JSON text, or a whole value
    in a query or a form.
    """
    given = sorted({s for s in secrets if s}, key=len, reverse=True)
    known = [s for s in given if len(s) >= SHORTEST_SECRET]
    if not given:
        return str
    # One pattern for each: a search for one literal is many times faster than for several.
    patterns = [re.compile("".join(map(_any_spelling, secret))) for secret in known]
    encoded = sorted({core for secret in known for core in _in_base64(secret)})
    whole = _whole_values(given[len(known) :])

    def mask(text: str) -> str:
        if whole is not None:
            text = whole.sub(lambda found: (found[1] or "") + MASK, text)
        for pattern in patterns:
            text = pattern.sub(MASK, text)
        for core in encoded:
            text = text.replace(core, MASK)
        return text

    return mask


def readable(text: str) -> str:
    """The text in a form that UTF-8 can encode: each half of a surrogate pair is U+FFFD."""
    return text if text.isascii() else _HALF_CHARACTER.sub("\ufffd", text)


def _in_base64(secret: str) -> Iterator[str]:
    """The base64 characters of a secret that do not depend on what is before and after it."""
    raw = readable(secret).encode()
    for before in range(BYTES_OF_BASE64):
        text = base64.b64encode(bytes(before) + raw).decode()
        first = -(-before * BITS_OF_BYTE // BITS_OF_BASE64)
        core = text[first : (before + len(raw)) * BITS_OF_BYTE // BITS_OF_BASE64]
        if len(core) >= SHORTEST_BASE64:
            yield core
            yield core.replace("+", "-").replace("/", "_")


def _whole_values(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """Finds short secrets that are a whole value; the first group is the name of a pair."""
    spelled = "|".join("".join(map(_any_spelling, secret)) for secret in secrets)
    if not spelled:
        return None
    in_json = rf'(?<=")(?:{spelled})(?="\s*(?:[,\]}}]|\Z))'
    in_pairs = rf'((?:\A|[?&])[^\s=&#]+=)(?:{spelled})(?=[&\s"]|\Z)'
    return re.compile(rf"\A(?:{spelled})\Z|{in_json}|{in_pairs}")


def _any_spelling(character: str) -> str:
    # Character by character, because URL libraries differ in which characters they encode.
    encoded = quote(character, safe="")
    forms = {character, encoded, encoded.lower(), json.dumps(character)[1:-1]}
    if character == " ":
        forms.add("+")
    longest_first = sorted(map(re.escape, forms), key=len, reverse=True)
    return f"(?:{'|'.join(longest_first)})"


def mask_headers(headers: Mapping[str, str], mask: Mask) -> dict[str, str]:
    """Headers with secrets masked."""
    return {
        name: MASK if name.lower() in SECRET_HEADERS else mask(value)
        for name, value in headers.items()
    }
