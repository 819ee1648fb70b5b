"""Sends a URL exactly as it is spelled, and refuses one that cannot be sent so."""

from __future__ import annotations

import base64
import re
from typing import Final
from urllib.parse import unquote

from yarl import URL

from offramp.errors import RejectedError

#: Characters that a request line cannot hold, and `#`, since a fragment is never sent.
_UNSENDABLE: Final = re.compile(r"[^!-~]|#")
#: A path segment `.` or `..`. Proxies and servers resolve it, so that the request would reach
#: another path. Source: WHATWG URL, "single-dot" and "double-dot".
_DOTS: Final = re.compile(r"https?://[^?]*?[/\\]((?:\.|%2e){1,2})(?=[/\\?]|$)", re.IGNORECASE)
_CREDENTIALS: Final = re.compile(r"(https?://)([^/?#@]*)@(.*)", re.IGNORECASE)
_ASCII: Final = 128
_QUOTE: Final = "quote what comes from events with offramp.quote_path"


def check_address(url: str) -> None:
    """Raise `RejectedError` for a character that cannot be sent, and for `..` in a path."""
    found = _UNSENDABLE.search(url)
    if found is None:
        dots = _DOTS.match(url)
        if dots is not None:
            message = f"{url!r} is not a URL: {dots[1]!r} in its path leads elsewhere"
            raise RejectedError(f"{message}: {_QUOTE}", code="INVALID_URL")
        return
    character = found[0]
    message = f"{url!r} is not a URL: it has {character!a} at position {found.start()}"
    remedy = _QUOTE
    if ord(character) >= _ASCII:
        remedy += ", and write a host's name in its xn-- form"
    raise RejectedError(f"{message}: {remedy}", code="INVALID_URL")


def as_spelled(url: str) -> URL:
    """The address for aiohttp, which must not quote it again; raises `RejectedError`."""
    check_address(url)
    try:
        address = URL(url, encoded=True)
        _ = address.port  # parsed only when it is read
    except ValueError as error:
        raise RejectedError(f"{url!r} is not a URL: {error}", code="INVALID_URL") from error
    return address


def credentials_apart(url: str) -> tuple[str, str | None]:
    """An address without its `user:password@`, and the `Authorization` header to send instead."""
    found = _CREDENTIALS.fullmatch(url) if "@" in url else None
    if found is None:
        return url, None
    pair = unquote(found[2]).encode()
    return found[1] + found[3], "Basic " + base64.b64encode(pair).decode()
