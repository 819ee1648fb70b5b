"""Which headers a mapping or a setting may add to a request, and why others are refused."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Any, Final

from offramp import Fault
from offramp_webhook.signing import ID_HEADER, SIGNATURE_HEADER, TIMESTAMP_HEADER

#: Half of what Apache takes (`LimitRequestFields` 100), since proxies add headers of their own.
MAX_HEADERS: Final = 50
#: Characters of a name and its value. Servers take a line of 8 KB (Apache's
#: `LimitRequestFieldSize` 8190, nginx's `large_client_header_buffers` 8k).
MAX_HEADER_CHARACTERS: Final = 8_000

#: Source: RFC 9110, "token".
_NAME: Final = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")
#: Visible ASCII, with spaces and tabs between. Source: RFC 9110, "field-value"; other characters
#: are obsolete there.
_VALUE: Final = re.compile(r"[!-~](?:[ \t!-~]*[!-~])?")
#: The HTTP client sets these, for the connection or the body. Source: RFC 9110, "Connection" and
#: "Message Body".
_CONNECTION_HEADERS: Final = frozenset(
    {
        "connection", "content-encoding", "content-length", "expect", "host", "keep-alive", "te",
        "trailer", "transfer-encoding", "upgrade",
    }
)  # fmt: skip
#: This destination sets these; with others, a receiver would trust a forged request.
_SIGNATURE_HEADERS: Final = frozenset({ID_HEADER, TIMESTAMP_HEADER, SIGNATURE_HEADER})
#: Their values are secrets, and a mapping is shown to everybody who may see the configuration.
_CREDENTIALS: Final = frozenset(
    {"api-key", "authorization", "cookie", "proxy-authorization", "x-api-key"}
)


def as_texts(headers: Mapping[str, Any] | None) -> dict[str, str]:
    """Headers as they are sent: numbers and booleans as in JSON; null leaves a header out."""
    return {name: _text(value) for name, value in (headers or {}).items() if value is not None}


def header_faults(
    headers: Mapping[str, Any] | None, *, place: str, may_be_secret: bool
) -> Iterator[Fault]:
    """Everything that is wrong with headers; no message quotes a value."""
    given = headers or {}
    if len(given) > MAX_HEADERS:
        yield Fault(place, f"has {len(given)} headers; at most {MAX_HEADERS} are sent")
    for name, value in given.items():
        fault = _name_fault(name, may_be_secret=may_be_secret) or _value_fault(name, value)
        if fault is not None:
            yield Fault(f"{place}.{name}", fault)


def _name_fault(name: str, *, may_be_secret: bool) -> str | None:
    lower = name.lower()
    if not _NAME.fullmatch(name):
        return "is not the name of a header: letters, digits and hyphens are"
    if lower in _CONNECTION_HEADERS:
        return "is set by the HTTP client alone: leave it out"
    if lower in _SIGNATURE_HEADERS:
        return "is set by this destination alone: leave it out"
    if lower in _CREDENTIALS and not may_be_secret:
        return "is a credential: set it in the instance's setting `headers`, where it is encrypted"
    return None


def _value_fault(name: str, value: Any) -> str | None:
    if isinstance(value, Mapping | list):
        return "is an object or a list; a header is a text: map one value of it"
    if value is None:
        return None
    text = _text(value)
    if not _VALUE.fullmatch(text):
        return (
            "is empty, or has a line break, a character beyond ASCII, or a space at an end, which "
            "no header can have"
        )
    if len(name) + len(text) > MAX_HEADER_CHARACTERS:
        return f"has {len(text)} characters; servers take {MAX_HEADER_CHARACTERS} with its name"
    return None


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    return format(value, "f") if isinstance(value, Decimal) else str(value)
