"""Personal data as advertising platforms want it: normalised, then hashed with SHA-256."""

from __future__ import annotations

import hashlib
import re
import unicodedata
from collections.abc import Callable
from typing import Final

_HASH: Final = re.compile(r"[0-9a-fA-F]{64}")
_NOT_DIGITS: Final = re.compile(r"[^0-9]+")
#: Mail to these domains ignores dots and what follows a plus. Source: Google Ads, "Enhanced
#: conversions", formatting of e-mail addresses.
_GMAIL: Final = frozenset({"gmail.com", "googlemail.com"})
#: Kinds of characters that platforms remove from names: punctuation, symbols and separators.
_REMOVED: Final = frozenset("PSZ")


def hash_personal(value: str | None, normalize: Callable[[str], str] = str.strip) -> str | None:
    """The SHA-256 of a value in UTF-8, as 64 lower-case hexadecimal digits.

    The value is normalised first, such as by `normalize_email`. One that is a SHA-256 already stays
    what it is, in lower case. `None` for no value, and for one of which normalising leaves nothing.
    """
    if value is None:
        return None
    if _HASH.fullmatch(value.strip()):
        return value.strip().lower()
    text = normalize(value)
    return hashlib.sha256(text.encode(errors="replace")).hexdigest() if text else None


def normalize_email(value: str, *, gmail: bool = False) -> str:
    """An e-mail address without white space around it, in lower case.

    With `gmail`, as Google wants it, an address of Gmail loses its dots and what follows a plus.
    """
    text = value.strip().lower()
    name, at, domain = text.rpartition("@")
    if gmail and domain in _GMAIL:
        name = name.partition("+")[0].replace(".", "")
    return f"{name}{at}{domain}"


def normalize_phone(value: str, *, country_code: str = "", plus: bool = True) -> str:
    """A phone number of digits alone, with `+` in front, as E.164 writes it.

    One that begins with neither `+` nor `00` is taken for a number within the country of
    `country_code`, such as `"49"`: that is put in front, in place of leading zeros. Some platforms
    want no `+`: `plus=False`. Empty if the value has no digits.
    """
    text = value.strip()
    digits = _NOT_DIGITS.sub("", text)
    if digits.startswith("00"):
        digits = digits[2:]
    elif digits and country_code and not text.startswith("+"):
        digits = country_code + digits.lstrip("0")
    return f"+{digits}" if digits and plus else digits


def normalize_name(value: str) -> str:
    """A name, city or the like in lower case, without punctuation, symbols and white space."""
    return "".join(each for each in value.lower() if unicodedata.category(each)[0] not in _REMOVED)
