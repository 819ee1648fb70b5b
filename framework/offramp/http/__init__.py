"""The request client that actions use: middleware, time-outs, errors, and a masked record."""

from offramp.http.cache import MemoryCache
from offramp.http.client import DEFAULT_TIMEOUT, Client, compose
from offramp.http.egress import EGRESS_REMEDY, LOOPBACK, Egress, network_fault
from offramp.http.exchange import MAX_EARLIER, Exchange
from offramp.http.masking import Mask, make_mask, mask_headers, readable
from offramp.http.proxies import Proxies, is_localhost, proxy_fault
from offramp.http.transport import (
    Outbound,
    aiohttp_transport,
    make_tls,
    open_session,
    open_transport,
)

__all__ = [
    "DEFAULT_TIMEOUT",
    "EGRESS_REMEDY",
    "LOOPBACK",
    "MAX_EARLIER",
    "Client",
    "Egress",
    "Exchange",
    "Mask",
    "MemoryCache",
    "Outbound",
    "Proxies",
    "aiohttp_transport",
    "compose",
    "is_localhost",
    "make_mask",
    "make_tls",
    "mask_headers",
    "network_fault",
    "open_session",
    "open_transport",
    "proxy_fault",
    "readable",
]
