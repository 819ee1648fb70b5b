"""Which addresses requests may go to: public ones, and the networks that the operator allows."""

from __future__ import annotations

import socket
from collections.abc import Callable, Iterable
from ipaddress import (
    IPv4Address,
    IPv4Network,
    IPv6Address,
    IPv6Network,
    ip_address,
    ip_network,
)
from typing import Final, TypeAlias

import aiohttp
import attrs
from aiohttp.abc import AbstractResolver, ResolveResult

Network: TypeAlias = IPv4Network | IPv6Network

#: The networks of this machine alone, which the demo, sandboxes and the harness allow.
LOOPBACK: Final = ("127.0.0.0/8", "::1")
#: What to do about an address that is refused.
EGRESS_REMEDY: Final = (
    "if requests should go there, list its network in `allow` of [host.egress] and restart the"
    " host; otherwise change the address in the settings of the instance"
)
#: Networks that are not the public internet, and what they are. Source: IANA's registries of
#: special-purpose IPv4 and IPv6 addresses; Azure documents its metadata address.
_REFUSED: Final = {
    "0.0.0.0/8": "an unspecified address",
    "10.0.0.0/8": "a private address",
    "100.64.0.0/10": "an address behind a provider's NAT (RFC 6598)",
    "127.0.0.0/8": "a loopback address",
    "168.63.129.16/32": "an address of cloud metadata",
    "169.254.0.0/16": "a link-local address, where clouds have their metadata",
    "172.16.0.0/12": "a private address",
    "192.0.0.0/24": "a reserved address",
    "192.0.2.0/24": "an address for documentation",
    "192.168.0.0/16": "a private address",
    "198.18.0.0/15": "an address for benchmarks",
    "198.51.100.0/24": "an address for documentation",
    "203.0.113.0/24": "an address for documentation",
    "224.0.0.0/4": "a multicast address",
    "240.0.0.0/4": "a reserved address",
    "::/128": "an unspecified address",
    "::1/128": "a loopback address",
    "fc00::/7": "a private address",
    "fe80::/10": "a link-local address",
    "fec0::/10": "a private address",
    "ff00::/8": "a multicast address",
    "2001::/23": "a reserved address",
    "2001:db8::/32": "an address for documentation",
    "3fff::/20": "an address for documentation",
}
_SPECIAL: Final[tuple[tuple[Network, str], ...]] = tuple(
    (ip_network(network), what) for network, what in _REFUSED.items()
)
#: All public IPv6 addresses.
_PUBLIC_IPV6: Final = IPv6Network("2000::/3")
#: IPv6 networks whose addresses contain an IPv4 address, and the bits to its right: IPv4-mapped
#: addresses, NAT64 (RFC 6052) and 6to4.
_EMBEDDING: Final = (
    (IPv6Network("::ffff:0:0/96"), 0),
    (IPv6Network("64:ff9b::/96"), 0),
    (IPv6Network("2002::/16"), 80),
)
_IPV4_BITS: Final = 0xFFFF_FFFF


class RefusedAddressError(OSError):
    """A host has no address to which requests may go; the text says which it has, and why."""


def _networks(texts: Iterable[str]) -> tuple[Network, ...]:
    return tuple(map(ip_network, texts))


@attrs.frozen(kw_only=True)
class Egress:
    """To which addresses requests may go: public ones, and those in `allow`."""

    #: Networks such as `10.1.0.0/16`, and single addresses.
    allow: tuple[Network, ...] = attrs.field(default=(), converter=_networks)

    def refusal(self, address: str) -> str | None:
        """What an address is that requests may not go to, such as `a loopback address`."""
        try:
            read = ip_address(address)
        except ValueError:
            return "no IP address"
        address_itself = _unscoped(read)
        if any(address_itself in network for network in self.allow):
            return None
        inner = _embedded(address_itself)
        if inner is not None and any(inner in network for network in self.allow):
            return None
        return _kind(inner or address_itself)

    def refusal_of_literal(self, host: str) -> str | None:
        """What a URL's host is that is an IP address and is refused.

        Names pass: `EgressResolver` judges the addresses that they turn out to have.
        """
        return self.refusal(host) if _is_literal(host) else None

    def check_literal(self, host: str | None) -> None:
        """Raise `RefusedAddressError` for a host that is an IP address and is refused."""
        what = None if host is None else self.refusal_of_literal(host)
        if what is not None:
            raise RefusedAddressError(f"{host} is {what}")


def network_fault(text: object) -> str | None:
    """What is wrong with a network of `allow`, or None."""
    wanted = 'must be a network such as "10.1.0.0/16", or an address such as "10.1.2.3"'
    if not isinstance(text, str):
        return wanted
    try:
        ip_network(text)
    except ValueError as error:
        return f"{wanted}: {error}"
    return None


class EgressResolver(AbstractResolver):
    """Resolves names, and gives a connection only those addresses to which requests may go.

    As a connection is made to what was judged here, a name that changes its address in between
    (DNS rebinding) gains nothing.
    """

    def __init__(
        self,
        egress: Egress,
        resolver: Callable[[], AbstractResolver] | None = None,
    ) -> None:
        self._egress = egress
        self._resolver = (resolver or aiohttp.ThreadedResolver)()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        """The addresses of a host; raises `RefusedAddressError` if all of them are refused."""
        found = await self._resolver.resolve(host, port, family)
        allowed = [each for each in found if self._egress.refusal(each["host"]) is None]
        if found and not allowed:
            refused = sorted({each["host"] for each in found})
            shown = "; ".join(f"{each}, {self._egress.refusal(each)}" for each in refused)
            raise RefusedAddressError(f"{host} is {shown}")
        return allowed

    async def close(self) -> None:
        """Release what the resolver holds."""
        await self._resolver.close()


def _is_literal(host: str) -> bool:
    """Whether a URL's host is an IP address, which no resolver ever sees."""
    if ":" in host:
        return True
    try:
        ip_address(host)
    except ValueError:
        return False
    return True


def _unscoped(address: IPv4Address | IPv6Address) -> IPv4Address | IPv6Address:
    """The address without its zone, as in `fe80::1%eth0`, which is in no network."""
    return IPv6Address(int(address)) if isinstance(address, IPv6Address) else address


def _embedded(address: IPv4Address | IPv6Address) -> IPv4Address | None:
    """The IPv4 address that an IPv6 address leads to, if any."""
    for network, right in _EMBEDDING:
        if address in network:
            return IPv4Address(int(address) >> right & _IPV4_BITS)
    return None


def _kind(address: IPv4Address | IPv6Address) -> str | None:
    """What an address is that is not public; None for a public one."""
    for network, what in _SPECIAL:
        if address in network:
            return what
    if isinstance(address, IPv6Address) and address not in _PUBLIC_IPV6:
        return "a reserved address"
    return None
