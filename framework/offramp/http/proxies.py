"""Through which proxy a request leaves: the configuration's, the environment's, or none."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from ipaddress import ip_address, ip_network
from typing import Final
from urllib.request import getproxies_environment

import attrs
from yarl import URL

#: An address of a proxy that aiohttp can use.
_PROXY: Final = re.compile(r"https?://[^\s/?#]+/?", re.IGNORECASE)
_SCHEMES: Final = ("http", "https")
#: A name that is a loopback address everywhere. Source: RFC 6761, section 6.3.
_LOCALHOST: Final = re.compile(r"(?:.*\.)?localhost\.?", re.IGNORECASE)


def proxy_fault(url: str) -> str | None:
    """What is wrong with the address of a proxy, or None; its credentials are not quoted."""
    if _PROXY.fullmatch(url):
        return None
    return 'must be the address of an HTTP proxy, such as "http://proxy.example:3128"'


@attrs.frozen(kw_only=True)
class Proxies:
    """The proxies by the scheme of a URL, and the hosts that are reached without one."""

    by_scheme: Mapping[str, str] = attrs.field(factory=dict, repr=False)
    #: Host names, domains with all below them, and addresses; `*` is everything.
    bypass: tuple[str, ...] = ()

    @classmethod
    def single(cls, url: str, bypass: Iterable[str] = ()) -> Proxies:
        """One proxy for every scheme."""
        return cls(by_scheme=dict.fromkeys(_SCHEMES, url), bypass=tuple(bypass))

    @classmethod
    def from_environment(cls) -> Proxies:
        """What `HTTP_PROXY`, `HTTPS_PROXY`, `ALL_PROXY` and `NO_PROXY` say now, in either case.

        Raises `ValueError` for an address of another kind, such as a SOCKS proxy.
        """
        found = getproxies_environment()
        by_scheme = {}
        for scheme in _SCHEMES:
            url = found.get(scheme) or found.get("all")
            if url is None:
                continue
            by_scheme[scheme] = url if "://" in url else f"http://{url}"
            if fault := proxy_fault(by_scheme[scheme]):
                raise ValueError(f"{scheme.upper()}_PROXY {fault}")
        return cls(by_scheme=by_scheme, bypass=tuple(found.get("no", "").split(",")))

    def of(self, address: URL) -> str | None:
        """The proxy for a request; None if it goes to its host directly, as to this machine."""
        proxy = self.by_scheme.get(address.scheme)
        host = address.host
        if proxy is None or host is None or _is_this_machine(host):
            return None
        return None if any(_covers(each, host) for each in self.bypass) else proxy


def is_localhost(host: str) -> bool:
    """Whether a URL's host is a name of this machine on every machine."""
    return _LOCALHOST.fullmatch(host) is not None


def _is_this_machine(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return is_localhost(host)


def _covers(pattern: str, host: str) -> bool:
    """Whether an entry of `NO_PROXY` stands for a host: a name, a domain, a network or `*`."""
    name = pattern.strip().lower().removeprefix("*").lstrip(".")
    if not name:
        return pattern.strip() == "*"
    try:
        return ip_address(host) in ip_network(name)
    except ValueError:
        return host.lower() == name or host.lower().endswith(f".{name}")
