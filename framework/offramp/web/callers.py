"""Finds the IP address of a caller, also behind reverse proxies."""

from __future__ import annotations

import ipaddress
from typing import Final

from aiohttp import hdrs, web

_IPV4_IN_IPV6: Final = "::ffff:"


def caller_address(request: web.Request, proxies: int) -> str | None:
    """Find the caller's IPv4 address behind `proxies` reverse proxies; `None` if it is not IPv4.

    IPv4 only, as at Segment. Each proxy appends the address that it sees to X-Forwarded-For, so
    the entry number `proxies` from the right is one that the caller cannot forge.
    """
    address = request.remote
    if proxies > 0:
        chain = ",".join(request.headers.getall(hdrs.X_FORWARDED_FOR, [])).split(",")
        address = chain[-proxies].strip() if len(chain) >= proxies else None
    if not address:
        return None
    address = address.removeprefix(_IPV4_IN_IPV6)
    if proxies > 0 and not _is_ipv4(address):
        return None
    return None if ":" in address else address


def _is_ipv4(address: str) -> bool:
    try:
        ipaddress.IPv4Address(address)
    except ValueError:
        return False
    return True
