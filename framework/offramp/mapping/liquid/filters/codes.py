"""Filters that encode, decode and hash a text: HTML, URLs, Base64, hashes, slugs."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
import unicodedata
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote, unquote_to_bytes

from offramp.js.text import JS_WHITESPACE
from offramp.js.values import UNSET, is_truthy

if TYPE_CHECKING:
    from offramp.mapping.liquid.run import Run

#: Characters that are not encoded in a URL's component, and in a whole URL. Source: ECMA-262,
#: encodeURIComponent and encodeURI.
COMPONENT_SAFE = "-_.!~*'()"
URL_SAFE = COMPONENT_SAFE + ";/?:@&=+$,#"
#: Bytes in a group of Base64, and characters in it. Source: RFC 4648.
BASE64_GROUP = 4

_ENTITIES = {"&": "&amp;", "<": "&lt;", ">": "&gt;", '"': "&#34;", "'": "&#39;"}
_CHARACTERS = {entity: character for character, entity in _ENTITIES.items()}
_ENTITY = re.compile(r"&(?:amp|lt|gt|#34|#39);")
_ESCAPED = str.maketrans(_ENTITIES)
# What strip_html removes, in the order in which it tries.
_HTML_BLOCKS = (("<script", "</script>"), ("<style", "</style>"), ("<!--", "-->"), ("<", ">"))
_BASE64_BLANKS = str.maketrans("", "", "\t\n\f\r ")
_BASE64 = re.compile(r"[A-Za-z0-9+/]*")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_PRETTY = frozenset("._~!$&'()+,;=@")
_ACCENTS: dict[int, str] = str.maketrans(
    {
        **dict.fromkeys("àáâãäå", "a"),
        **dict.fromkeys("èéêë", "e"),
        **dict.fromkeys("ìíîï", "i"),
        **dict.fromkeys("òóôõöø", "o"),
        **dict.fromkeys("ùúûü", "u"),
        **dict.fromkeys("ýÿ", "y"),
        "æ": "ae",
        "ç": "c",
        "ð": "d",
        "ñ": "n",
        "ß": "ss",
        "œ": "oe",
        "þ": "th",
        "ẞ": "SS",
        "Œ": "OE",
        "Þ": "TH",
    }
)


def _taken_slowly(run: Run, value: Any) -> str:
    """The text of a value, charged for being read character by character."""
    text = run.text(value)
    run.meter.slowly(len(text))
    return text


def _escape(run: Run, value: Any) -> str:
    return run.text(value).translate(_ESCAPED)


def _escape_once(run: Run, value: Any) -> str:
    unescaped = _ENTITY.sub(lambda found: _CHARACTERS[found[0]], _taken_slowly(run, value))
    return unescaped.translate(_ESCAPED)


def _strip_html(run: Run, value: Any) -> str:
    text = _taken_slowly(run, value)
    kept = []
    blocks = list(_HTML_BLOCKS)
    at = 0
    while (start := text.find("<", at)) >= 0:
        kept.append(text[at:start])
        at = _end_of_block(text, start, blocks)
        if at <= start:
            return "".join((*kept, text[start:]))
    return "".join((*kept, text[at:]))


def _end_of_block(text: str, start: int, blocks: list[tuple[str, str]]) -> int:
    for block in tuple(blocks):
        opening, closing = block
        if text.startswith(opening, start):
            end = text.find(closing, start + len(opening))
            if end >= 0:
                return end + len(closing)
            # If nothing closes it from here, nothing closes a later opening either.
            blocks.remove(block)
    return start


def _url_encode(run: Run, value: Any) -> str:
    return quote(_taken_slowly(run, value), safe=COMPONENT_SAFE, errors="replace").replace(
        "%20", "+"
    )


def _cgi_escape(run: Run, value: Any) -> str:
    return quote(_taken_slowly(run, value), safe="-_.~", errors="replace").replace("%20", "+")


def _uri_escape(run: Run, value: Any) -> str:
    return quote(_taken_slowly(run, value), safe=URL_SAFE + "[]", errors="replace")


def _url_decode(run: Run, value: Any) -> str:
    text = _taken_slowly(run, value).replace("+", " ")
    decoded = unquote_to_bytes(_BAD_ESCAPE.sub("%FF", text))
    try:
        # A percent sign without two hex digits after it became a byte that is not valid UTF-8.
        return decoded.decode()
    except UnicodeDecodeError:
        raise run.error("the filter 'url_decode' was given a text that is no URL code") from None


def _base64_encode(run: Run, value: Any) -> str:
    return base64.b64encode(run.text(value).encode(errors="replace")).decode()


def _base64_decode(run: Run, value: Any) -> str:
    text = run.text(value).translate(_BASE64_BLANKS)
    if len(text) % BASE64_GROUP == 0:
        text = re.sub("==?$", "", text)
    if len(text) % BASE64_GROUP == 1 or not _BASE64.fullmatch(text):
        raise run.error("the filter 'base64_decode' was given a text that is no Base64")
    padding = "=" * (-len(text) % BASE64_GROUP)
    return base64.b64decode(text + padding).decode(errors="replace")


def _sha256(run: Run, value: Any) -> str:
    return hashlib.sha256(run.text(value).encode(errors="replace")).hexdigest()


def _hmac_sha256(run: Run, value: Any, key: Any = UNSET) -> str:
    secret = run.text(key).encode(errors="replace")
    message = run.text(value).encode(errors="replace")
    return hmac.new(secret, message, hashlib.sha256).hexdigest()


def _slugify(run: Run, value: Any, mode: Any = UNSET, cased: Any = UNSET) -> str:
    text = _taken_slowly(run, value)
    mode = "default" if mode is UNSET else mode
    if mode == "latin":
        text = text.translate(_ACCENTS)
    keeps = _SLUG_MODES.get(mode) if isinstance(mode, str) else None
    if keeps is not None:
        text = _hyphenated(text, keeps)
    return text if is_truthy(cased) else text.lower()


def _hyphenated(text: str, keeps: Callable[[str], bool]) -> str:
    """The text with a hyphen for each run of other characters, and none at either end."""
    marked = "".join(character if keeps(character) else "\0" for character in text)
    return re.sub("^-|-$", "", re.sub("\0+", "-", marked))


def _is_letter_or_digit(character: str) -> bool:
    category = unicodedata.category(character)
    return category[0] in "LM" or category == "Nd"


_SLUG_MODES: dict[str, Callable[[str], bool]] = {
    "ascii": lambda character: character.isascii() and character.isalnum(),
    "default": _is_letter_or_digit,
    "latin": _is_letter_or_digit,
    "pretty": lambda character: character in _PRETTY or _is_letter_or_digit(character),
    "raw": lambda character: character not in JS_WHITESPACE,
}

CODE_FILTERS: Final[Mapping[str, Callable[..., Any]]] = {
    "base64_decode": _base64_decode,
    "base64_encode": _base64_encode,
    "cgi_escape": _cgi_escape,
    "escape": _escape,
    "escape_once": _escape_once,
    "hmac_sha256": _hmac_sha256,
    "sha256": _sha256,
    "slugify": _slugify,
    "strip_html": _strip_html,
    "uri_escape": _uri_escape,
    "url_decode": _url_decode,
    "url_encode": _url_encode,
    "xml_escape": _escape,
}
