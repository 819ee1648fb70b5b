"""Parts of URLs that come from events: quoted, so that no value can lead to another address."""

from __future__ import annotations

from urllib.parse import quote

from offramp.errors import RejectedError


def quote_path(segment: object) -> str:
    """A value as one segment of a URL's path: `a/b?c` is `a%2Fb%3Fc`.

    Raises `RejectedError` for what no segment can say: nothing, `.` and `..`, which partners take
    for another address however they are spelled.
    """
    text = "" if segment is None else str(segment)
    if text in {"", ".", ".."}:
        raise RejectedError(f"{text!r} cannot stand in a URL's path", code="INVALID_URL")
    try:
        return quote(text, safe="")
    except UnicodeEncodeError as error:
        message = f"{text!r} is no text that a URL can hold"
        raise RejectedError(message, code="INVALID_URL") from error


def join_url(base: str, *segments: object) -> str:
    """An address and segments of a path below it, each quoted; a query of `base` stays behind."""
    head, mark, query = base.partition("?")
    return "/".join([head.rstrip("/"), *map(quote_path, segments)]) + mark + query
