"""The string formats that a field may require, tested as ajv-formats does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from offramp.payload.formats.addresses import (
    is_email,
    is_hostname,
    is_ipv4,
    is_ipv6,
    is_uri,
    is_uri_reference,
    is_uri_template,
    is_uuid,
)
from offramp.payload.formats.dates import is_date, is_date_time, is_time
from offramp.payload.formats.regexes import is_js_regex

#: Format -> its test, and what a message says is expected. Formats without a test are not listed.
FORMATS: Final[dict[str, tuple[Callable[[str], bool], str]]] = {
    "date": (is_date, "a date such as 2026-01-31"),
    "time": (is_time, "a time such as 12:30:00Z"),
    "date-time": (is_date_time, "a date and time such as 2026-01-31T12:30:00Z"),
    "uri": (is_uri, "a URI such as https://example.com/a"),
    "uri-reference": (is_uri_reference, "a URI, complete or relative"),
    "uri-template": (is_uri_template, "a URI template such as /users/{id}"),
    "email": (is_email, "a mail address such as ada@example.com"),
    "hostname": (is_hostname, "the name of a host such as api.example.com"),
    "ipv4": (is_ipv4, "an IPv4 address such as 192.0.2.1"),
    "ipv6": (is_ipv6, "an IPv6 address such as 2001:db8::1"),
    "regex": (is_js_regex, "a regular expression of JavaScript"),
    "uuid": (is_uuid, "a UUID"),
}
