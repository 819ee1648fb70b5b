"""Generates texts of each format, within a field's bounds of length."""

from __future__ import annotations

import math
import random
import re
import string
import uuid
from collections.abc import Callable
from datetime import timedelta
from typing import Final, TypeAlias

from offramp.event import format_time
from offramp.testing.clock import TEST_TIME

#: Times are within this period before `TEST_TIME`, since partners refuse old and future times.
TIME_RANGE_SECONDS: Final = timedelta(hours=12)
#: Characters of a generated text that depend on the seed.
UNIQUE_CHARACTERS: Final = 8
#: Characters of a text without bounds: enough for a URL with all of those.
USUAL_LENGTH: Final = 28
UUID_BITS: Final = 128
#: Most characters of one label of a host name. Source: RFC 1035, section 2.3.4.
LABEL_LENGTH: Final = 63
#: Addresses reserved for documentation. Source: RFC 5737, RFC 3849.
IPV4_NETWORK: Final = "192.0.2."
IPV6_NETWORK: Final = "2001:db8::"
LAST_HOST: Final = 254

#: `(rng, length) -> text`: of that length if the format allows it, else of any length.
Maker: TypeAlias = Callable[[random.Random, int], str]


def word(rng: random.Random, length: int) -> str:
    """Lower-case letters and digits, beginning with a letter."""
    rest = rng.choices(string.ascii_lowercase + string.digits, k=length - 1) if length else ()
    return "".join([rng.choice(string.ascii_lowercase), *rest])[:length]


def timestamp(rng: random.Random) -> str:
    """A time shortly before `TEST_TIME`, in ISO 8601 with `Z`."""
    return format_time(TEST_TIME - rng.random() * TIME_RANGE_SECONDS)


def make_text(
    rng: random.Random, name: str, form: str | None, least: float | None, most: float | None
) -> str | None:
    """A text of a format within bounds of length; None if there is none.

    It begins with `name`, to be recognisable, if the format and the bounds allow that.
    """
    low = math.ceil(least or 0)
    high = math.floor(most) if most else None
    if form not in MAKERS:
        return _plain(rng, name, low, high)
    for length in _lengths(low, high):
        text = MAKERS[form](rng, length)
        if low <= len(text) and (high is None or len(text) <= high):
            return text
    return None


def _lengths(low: int, high: int | None) -> list[int]:
    usual = max(low, USUAL_LENGTH)
    return [usual] if high is None else [min(usual, high), high, low]


def _plain(rng: random.Random, name: str, low: int, high: int | None) -> str | None:
    if high is not None and high < low:
        return None
    unique = word(rng, UNIQUE_CHARACTERS)
    stem = re.sub(r"[^a-z0-9]+", "-", name.lower()).strip("-")
    text = f"{stem}-{unique}" if stem else unique
    text += word(rng, low - len(text)) if len(text) < low else ""
    return text if high is None else text[-high:]


def _padded(head: str, tail: str = "") -> Maker:
    """Texts with letters between a head and a tail."""

    def make(rng: random.Random, length: int) -> str:
        return head + word(rng, max(1, length - len(head) - len(tail))) + tail

    return make


def _shortest(*makers: Maker) -> Maker:
    """The text of the first maker that is not longer than requested, else of the last."""

    def make(rng: random.Random, length: int) -> str:
        texts = [maker(rng, length) for maker in makers]
        return next((text for text in texts if len(text) <= length), texts[-1])

    return make


def _hostname(rng: random.Random, length: int) -> str:
    tail = ".example.com" if length > len("a.example.com") else ""
    text = word(rng, max(1, length - len(tail)))
    labels = (text[at : at + LABEL_LENGTH] for at in range(0, len(text), LABEL_LENGTH + 1))
    return ".".join(labels) + tail


def _uuid(rng: random.Random, _length: int) -> str:
    return str(uuid.UUID(int=rng.getrandbits(UUID_BITS), version=4))


def _date(rng: random.Random, _length: int) -> str:
    return timestamp(rng).partition("T")[0]


def _time(rng: random.Random, _length: int) -> str:
    return timestamp(rng).partition("T")[2]


def _date_time(rng: random.Random, _length: int) -> str:
    return timestamp(rng)


def _ipv4(rng: random.Random, _length: int) -> str:
    return f"{IPV4_NETWORK}{rng.randint(1, LAST_HOST)}"


def _ipv6(rng: random.Random, _length: int) -> str:
    return f"{IPV6_NETWORK}{rng.randint(1, LAST_HOST):x}"


#: Format -> the maker of its texts.
MAKERS: Final[dict[str, Maker]] = {
    "date": _date,
    "time": _time,
    "date-time": _date_time,
    # Requests can be sent to it, unless there is no room for a URL.
    "uri": _shortest(_padded("https://example.com/"), _padded("https://a.io/"), _padded("u:")),
    "uri-reference": _padded("/"),
    "uri-template": _shortest(_padded("/users/{id}/"), _padded("/")),
    "email": _shortest(_padded("", "@example.com"), _padded("", "@a.io")),
    "hostname": _hostname,
    "ipv4": _ipv4,
    "ipv6": _ipv6,
    "regex": _shortest(_padded("^", "$"), _padded("")),
    "uuid": _uuid,
}
