"""Authenticates callers: finds the source by its write key, and applies its rate limit."""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

import attrs
from aiohttp import hdrs, web

from offramp.collector.limits import RateLimit
from offramp.config import is_write_key
from offramp.event import Discard
from offramp.web.answers import RefusedError

#: A message shows only this many characters, from the end of a write key.
_SHOWN_CHARS: Final = 4
#: Authorization headers whose write key is cached: more than a host has sources.
KEPT_HEADERS: Final = 1_000


@attrs.frozen(kw_only=True)
class Gate:
    """Admits requests of known sources that keep to their rate limit."""

    #: Write key -> name of its source.
    find: Callable[[str], str | None]
    #: Write key -> name of its source, if that has been disabled for too long.
    find_closed: Callable[[str], str | None]
    rate: RateLimit | None = None
    #: Authorization header -> its write key, if that was known. The source of the key is looked
    #: up for each request.
    _keys: dict[str, str] = attrs.field(factory=dict, init=False)

    def known(self, request: web.Request) -> str | None:
        """Find the source by the request's header; `None` if the header has no known key."""
        header = request.headers.get(hdrs.AUTHORIZATION)
        if header is None:
            return None
        key = self._keys.get(header)
        if key is not None:
            return self.find(key)
        key = write_key_of_header(header)
        source = self.of_key(key)
        if source is not None and key is not None:
            if len(self._keys) >= KEPT_HEADERS:
                self._keys.clear()
            self._keys[header] = key
        return source

    def of_key(self, key: Any) -> str | None:
        """Find the source of a value from a body; `None` if it is no known write key."""
        return self.find(key) if is_write_key(key) else None

    def enter(self, request: web.Request, key_in_body: Any) -> str:
        """Find the source by header, else by body; raises `RefusedError` with 401 or 429."""
        source = self.known(request) or self.of_key(key_in_body)
        if source is None:
            raise self._closed_source(request, key_in_body) or _unknown_source(request, key_in_body)
        self.admit(source)
        return source

    def _closed_source(self, request: web.Request, key_in_body: Any) -> RefusedError | None:
        """Make the refusal of a source that is disabled; `None` if the write key has none."""
        for key in (write_key_of_header(request.headers.get(hdrs.AUTHORIZATION)), key_in_body):
            source = None if key is None or not is_write_key(key) else self.find_closed(key)
            if source is not None:
                message = f"the source {source!r} is disabled: enable it, or send with another key"
                status = HTTPStatus.UNAUTHORIZED
                return RefusedError(status, Discard.SOURCE_DISABLED, message, source=source)
        return None

    def admit(self, source: str) -> None:
        """Count a request of a source; raises `RefusedError` with 429 if there are too many."""
        wait = self.rate.take(source) if self.rate is not None else 0.0
        if wait > 0:
            message = f"source {source!r} sends faster than its limit; send it again later"
            raise RefusedError(
                HTTPStatus.TOO_MANY_REQUESTS, "rate_limited", message, retry_after=wait
            )


def write_key_of_header(authorization: str | None) -> str | None:
    """Read the write key from `Basic base64(KEY:)`; the colon may be missing.

    `None` if there is no header, if the scheme is another (such as Bearer), or for bad base64.
    """
    if authorization is None:
        return None
    scheme, _, token = authorization.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        user = base64.b64decode(token.strip(), validate=True).decode().partition(":")[0]
    except (binascii.Error, ValueError):
        return None
    return user or None


def mask(write_key: str) -> str:
    """Show the end of a write key, if the key is long enough to stay secret."""
    return f"...{write_key[-_SHOWN_CHARS:]}" if len(write_key) > 2 * _SHOWN_CHARS else "..."


def _unknown_source(request: web.Request, key_in_body: Any) -> RefusedError:
    # No WWW-Authenticate: with it, a browser shows a password prompt on a customer's page.
    keys = (write_key_of_header(request.headers.get(hdrs.AUTHORIZATION)), key_in_body)
    given = [mask(key) for key in keys if isinstance(key, str) and key]
    if given:
        message = f"no source has the write key {given[0]}; compare it with those of the sources"
    else:
        message = (
            "the request has no write key; send it as the user of Basic, or as writeKey in JSON"
        )
    return RefusedError(HTTPStatus.UNAUTHORIZED, Discard.UNKNOWN_SOURCE, message)
