"""Where a request came from: the address of its caller, behind proxies too."""

from __future__ import annotations

import ipaddress
from typing import Final

from aiohttp import hdrs, web

_IPV4_IN_IPV6: Final = "::ffff:"


def caller_address(request: web.Request, proxies: int) -> str | None:
    """Tell the caller's IPv4 address, behind so many reverse proxies; `None` for any other.

    IPv4 only, as Segment. Each proxy appends to X-Forwarded-For what it sees, so that the entry
    counted from the right is the last one that no caller can forge.
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
