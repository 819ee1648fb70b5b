"""Addresses and names in texts: URIs (RFC 3986, RFC 6570), IP, hosts, mail, UUIDs."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import Final

IPV6_GROUPS: Final = 8
LAST_BYTE: Final = 255
#: Longest host name, in characters without the final dot. Source: RFC 1123, section 2.1.
HOSTNAME_LENGTH: Final = 253

_HEX: Final = "%[0-9a-fA-F]{2}"
_PLAIN: Final = r"a-zA-Z0-9\-._~!$&'()*+,;="
_SCHEME: Final = r"[a-zA-Z][a-zA-Z0-9+\-.]*:"
_IP_LITERAL: Final = rf"\[(?:[vV][0-9a-fA-F]+\.[{_PLAIN}:]+|(?P<ipv6>[0-9a-fA-F:.]+))\]"
_HEX_GROUP: Final = re.compile("[0-9a-fA-F]{1,4}")
_BYTE: Final = re.compile("[01]?[0-9]{1,2}|2[0-9]{2}")
_CANONICAL_BYTE: Final = re.compile("0|[1-9][0-9]{0,2}")


def _uri_pattern(*, is_reference: bool) -> re.Pattern[str]:
    # A reference may hold a double quote: RFC 3986 forbids it, but ajv-formats accepts it there.
    plain = _PLAIN + ('"' if is_reference else "")
    segment = rf"(?:[{plain}:@]|{_HEX})"
    tail = rf"(?:[{plain}:@/?]|{_HEX})*"
    host = rf"(?:{_IP_LITERAL}|(?:[{plain}]|{_HEX})*)"
    authority = rf"/?/(?:(?:[{_PLAIN}:]|{_HEX})*@)?{host}(?::[0-9]*)?(?:/{segment}*)*"
    rooted = rf"/(?:{segment}+(?:/{segment}*)*)?"
    rootless = rf"{segment}+(?:/{segment}*)*"
    optional = "?" if is_reference else ""
    return re.compile(
        rf"(?:{_SCHEME}){optional}(?:{authority}|{rooted}|{rootless}){optional}"
        rf"(?:\?{tail})?(?:\#{tail})?"
    )


_URI: Final = _uri_pattern(is_reference=False)
_URI_REFERENCE: Final = _uri_pattern(is_reference=True)

_PATH: Final = rf"[{_PLAIN}:@/]*+(?:{_HEX}[{_PLAIN}:@/]*+)*+"
_QUERY: Final = rf"[{_PLAIN}:@/?]*+(?:{_HEX}[{_PLAIN}:@/?]*+)*+"
#: Most URLs of the web: a subset of `_URI` that matches faster, since it never backtracks.
_WEB: Final = re.compile(
    rf"https?+://[a-zA-Z0-9.-]++(?::[0-9]++)?+(?:/{_PATH})?+(?:\?{_QUERY})?+(?:\#{_QUERY})?+"
)

_VARIABLE: Final = rf"(?:[a-zA-Z0-9_]|{_HEX})+(?::[1-9][0-9]{{0,3}}|\*)?"
_URI_TEMPLATE: Final = re.compile(
    rf"(?:[^\x00-\x20\"'<>%\\^`{{|}}]|{_HEX}"
    rf"|\{{[+#./;?&=,!@|]?{_VARIABLE}(?:,{_VARIABLE})*\}})*"
)

_UUID: Final = re.compile(
    "(?:urn:uuid:)?[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}", re.IGNORECASE | re.ASCII
)
_LETTERS: Final = "[a-zA-Z0-9]"
#: A label of a mail's domain, of any length; a host's has at most 63 characters. It need not
#: backtrack (`++`), since a character that ends one part can only begin the next.
_MAIL_LABEL: Final = rf"{_LETTERS}++(?:-++{_LETTERS}++)*+"
_HOST_LABEL: Final = rf"{_LETTERS}(?:[a-zA-Z0-9-]{{0,61}}{_LETTERS})?"
_ATOM: Final = r"[a-zA-Z0-9!#$%&'*+/=?^_`{|}~-]++"
_EMAIL: Final = re.compile(rf"{_ATOM}(?:\.{_ATOM})*+@{_MAIL_LABEL}(?:\.{_MAIL_LABEL})++")
_HOSTNAME: Final = re.compile(rf"{_HOST_LABEL}(?:\.{_HOST_LABEL})*\.?")


def is_uri(text: str) -> bool:
    """Whether a text is a complete URI: a scheme, and more after it."""
    return _WEB.fullmatch(text) is not None or _matches(_URI, text)


def is_uri_reference(text: str) -> bool:
    """Whether a text is a complete or a relative URI; the empty text is one."""
    return _matches(_URI_REFERENCE, text)


def is_uri_template(text: str) -> bool:
    """Whether a text is a URI with variables in braces."""
    return bool(_URI_TEMPLATE.fullmatch(text))


def is_ipv4(text: str) -> bool:
    """Whether a text is four numbers up to 255 with dots between; leading zeros are allowed."""
    return _is_ipv4(text, _BYTE)


def is_ipv6(text: str) -> bool:
    """Whether a text is an IPv6 address: `::` replaces one run of zeros, IPv4 may be at the end."""
    return _is_ipv6(text, lambda last: _is_ipv4(last, _CANONICAL_BYTE))


def is_hostname(text: str) -> bool:
    """Whether a text is a host name in ASCII, with or without its final dot."""
    return len(text.removesuffix(".")) <= HOSTNAME_LENGTH and bool(_HOSTNAME.fullmatch(text))


def is_email(text: str) -> bool:
    """Whether a text is a mail address whose domain has at least two labels."""
    return bool(_EMAIL.fullmatch(text))


def is_uuid(text: str) -> bool:
    """Whether a text is a UUID of any version, in either case, with or without `urn:uuid:`."""
    return bool(_UUID.fullmatch(text))


def _matches(pattern: re.Pattern[str], text: str) -> bool:
    match = pattern.fullmatch(text)
    if match is None:
        return False
    ipv6 = match["ipv6"]
    return ipv6 is None or _is_ipv6(ipv6, is_ipv4)


def _is_ipv4(text: str, byte: re.Pattern[str]) -> bool:
    parts = text.split(".")
    return len(parts) == 4 and all(  # noqa: PLR2004 - an IPv4 address has four bytes
        byte.fullmatch(part) and int(part) <= LAST_BYTE for part in parts
    )


def _is_ipv6(text: str, is_last: Callable[[str], bool]) -> bool:
    left, gap, right = text.partition("::")
    count = 0
    for side, may_end in ((left, not gap), (right, True)):
        groups = side.split(":") if side else []
        if may_end and groups and "." in groups[-1]:
            if not is_last(groups.pop()):
                return False
            count += 2
        if not all(_HEX_GROUP.fullmatch(group) for group in groups):
            return False
        count += len(groups)
    return count < IPV6_GROUPS if gap else count == IPV6_GROUPS
