"""Requests go to public addresses, and beyond those only where the operator allows."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterable
from datetime import timedelta

import aiohttp
import pytest
from aiohttp import web
from aiohttp.abc import AbstractResolver, ResolveResult
from tests.listening import listening

from offramp import OutgoingRequest
from offramp.errors import AddressRefusedError, ConnectionFailedError
from offramp.http import LOOPBACK, Egress, aiohttp_transport, open_session
from offramp.http.egress import EgressResolver, RefusedAddressError, network_fault

PUBLIC = Egress()
#: Every kind of address that is not public, also where IPv6 hides an IPv4 address.
REFUSED = {
    "0.0.0.0": "unspecified",  # noqa: S104 - it is refused, not bound
    "0.1.2.3": "unspecified",
    "10.0.0.1": "private",
    "100.64.0.1": "NAT",
    "100.100.100.200": "NAT",
    "127.0.0.1": "loopback",
    "127.255.255.254": "loopback",
    "168.63.129.16": "metadata",
    "169.254.169.254": "metadata",
    "172.16.0.1": "private",
    "172.31.255.255": "private",
    "192.0.0.192": "reserved",
    "192.168.1.1": "private",
    "198.18.0.1": "benchmarks",
    "224.0.0.1": "multicast",
    "239.255.255.250": "multicast",
    "240.0.0.1": "reserved",
    "255.255.255.255": "reserved",
    "::": "unspecified",
    "::1": "loopback",
    "::127.0.0.1": "reserved",
    "::ffff:127.0.0.1": "loopback",
    "::ffff:10.1.2.3": "private",
    "::ffff:169.254.169.254": "metadata",
    "64:ff9b::10.1.2.3": "private",
    "64:ff9b:1::1": "reserved",
    "2001:db8::1": "documentation",
    "2002:7f00:1::": "loopback",
    "2002:a9fe:a9fe::1": "metadata",
    "fc00::1": "private",
    "fd00:ec2::254": "private",
    "fe80::1": "link-local",
    "fe80::1%eth0": "link-local",
    "fec0::1": "private",
    "ff02::1": "multicast",
    "2130706433": "no IP address",
}
#: Their neighbours, and public addresses that are written in IPv6.
ALLOWED = [
    "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "126.255.255.255",
    "128.0.0.0", "169.253.255.255", "172.15.255.255", "172.32.0.0", "192.167.255.255",
    "223.255.255.255", "::ffff:1.1.1.1", "64:ff9b::1.1.1.1", "2002:101:101::1",
    "2606:4700:4700::1111", "2a00:1450:4001::1",
]  # fmt: skip


@pytest.mark.parametrize(("address", "what"), REFUSED.items())
def test_an_address_that_is_not_public_is_refused_by_its_kind(address: str, what: str) -> None:
    """Each kind is refused, and named in the message."""
    assert what in (PUBLIC.refusal(address) or "")


@pytest.mark.parametrize("address", ALLOWED)
def test_a_public_address_is_not_refused(address: str) -> None:
    """The rule ends where the special networks end."""
    assert PUBLIC.refusal(address) is None


@pytest.mark.parametrize(
    ("allow", "address", "passes"),
    [
        ("10.1.0.0/16", "10.1.2.3", True),
        ("10.1.0.0/16", "::ffff:10.1.2.3", True),
        ("10.1.0.0/16", "10.2.0.1", False),
        ("10.1.2.3", "10.1.2.3", True),
        ("10.1.2.3", "10.1.2.4", False),
        ("::1", "::1", True),
        ("::1", "127.0.0.1", False),
        ("fe80::/10", "fe80::1%eth0", True),
        ("0.0.0.0/0", "::1", False),
    ],
)
def test_what_is_listed_is_allowed_and_nothing_else(allow: str, address: str, passes: bool) -> None:
    """A network allows its own addresses, also where they are written in IPv6."""
    assert (Egress(allow=(allow,)).refusal(address) is None) is passes


@pytest.mark.parametrize("text", ["10.0.0.1/8", "localhost", "10.0.0.0/33", "", 7])
def test_what_is_no_network_is_told(text: object) -> None:
    """Host bits that are set are a fault too: the operator may have meant another network."""
    assert "must be a network" in (network_fault(text) or "")


class Names(AbstractResolver):
    """Resolves each name to the addresses that are its turn, as an attacker's DNS server does."""

    def __init__(self, *turns: Iterable[str]) -> None:
        self.turns = list(turns)

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        addresses = self.turns.pop(0) if len(self.turns) > 1 else self.turns[0]
        return [
            ResolveResult(
                hostname=host, host=each, port=port, family=socket.AF_INET, proto=0, flags=0
            )
            for each in addresses
        ]

    async def close(self) -> None:
        """Nothing is open."""


async def test_of_several_addresses_the_refused_are_left_out() -> None:
    """A name with a public and a private address is reached at the public one alone."""
    resolver = EgressResolver(PUBLIC, lambda: Names(["10.0.0.1", "1.1.1.1", "127.0.0.1"]))
    assert [each["host"] for each in await resolver.resolve("partner.example", 443)] == ["1.1.1.1"]


async def test_a_name_with_refused_addresses_alone_is_refused() -> None:
    """The message tells each address and what it is."""
    resolver = EgressResolver(PUBLIC, lambda: Names(["10.0.0.1", "169.254.169.254"]))
    with pytest.raises(RefusedAddressError) as caught:
        await resolver.resolve("partner.example", 443)
    assert str(caught.value) == (
        "partner.example is 10.0.0.1, a private address; 169.254.169.254, a link-local address, "
        "where clouds have their metadata"
    )


@pytest.fixture
async def server() -> AsyncIterator[tuple[int, list[str]]]:
    """A server on the loopback interface: its port, and the paths that it was asked for."""
    asked: list[str] = []

    async def answer(request: web.Request) -> web.Response:
        asked.append(request.path)
        if request.path == "/away":
            raise web.HTTPFound(f"http://127.0.0.1:{request.url.port}/inside")
        return web.Response(text="ok")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    async with listening(app) as url:
        yield int(url.rpartition(":")[2]), asked


def outgoing(url: str) -> OutgoingRequest:
    return OutgoingRequest(method="POST", url=url, body=b"{}", timeout=timedelta(seconds=5))


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "localhost", "LOCALHOST", "127.1", "2130706433", "0x7f000001", "0177.0.0.1",
        "0.0.0.0", "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "%31%32%37.0.0.1",  # noqa: S104 - it is refused
    ],
)  # fmt: skip
async def test_a_server_on_this_machine_is_not_reached(
    server: tuple[int, list[str]], host: str
) -> None:
    """However its address is written, nothing is sent, and the error is not retried for ever."""
    port, asked = server
    async with open_session() as session:
        send = aiohttp_transport(session)
        with pytest.raises(Exception, match=r"loopback|unspecified|not a URL|no address|no IP"):
            await send(outgoing(f"http://{host}:{port}/x"))
    assert asked == []


async def test_the_error_says_what_is_refused_and_what_to_do(
    server: tuple[int, list[str]],
) -> None:
    """Its code and status tell it from a fault of the network, its text has the remedy."""
    async with open_session() as session:
        with pytest.raises(AddressRefusedError) as caught:
            await aiohttp_transport(session)(outgoing(f"http://localhost:{server[0]}/x"))
    error = caught.value
    assert (error.code, error.status, error.retryable) == ("ADDRESS_REFUSED", 403, False)
    assert error.message.startswith(f"POST http://localhost:{server[0]}/x: nothing is sent there")
    assert "loopback address" in error.message
    assert "list its network in `allow` of [host.egress]" in error.message


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost"])
async def test_an_allowed_server_is_reached(server: tuple[int, list[str]], host: str) -> None:
    """As an address and as a name."""
    port, asked = server
    egress = Egress(allow=LOOPBACK)
    async with open_session(egress) as session:
        answer = await aiohttp_transport(session, egress)(outgoing(f"http://{host}:{port}/x"))
    assert (answer.status, asked) == (200, ["/x"])


async def test_a_name_that_changes_its_address_gains_nothing(
    server: tuple[int, list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: what is connected to is what was judged, at every connection anew."""
    names = Names(["1.1.1.1"], ["127.0.0.1"])
    monkeypatch.setattr(aiohttp, "ThreadedResolver", lambda: names)
    connected: list[str] = []

    async def connect(_: object, sock: socket.socket, address: tuple[str, int]) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    loop = asyncio.get_running_loop()
    monkeypatch.setattr(type(loop), "sock_connect", connect)
    async with open_session() as session:
        session.connector._use_dns_cache = False  # type: ignore[union-attr]
        send = aiohttp_transport(session)
        with pytest.raises(ConnectionFailedError):
            await send(outgoing(f"http://rebound.example:{server[0]}/"))
        with pytest.raises(AddressRefusedError, match=r"127\.0\.0\.1, a loopback address"):
            await send(outgoing(f"http://rebound.example:{server[0]}/"))
    assert connected == ["1.1.1.1"]


async def test_a_redirect_to_a_refused_address_is_not_followed(
    server: tuple[int, list[str]],
) -> None:
    """No redirect is followed at all: a plugin that asks for its target asks for a new address."""
    port, asked = server
    egress = Egress(allow=("::1", "127.0.0.1"))
    async with open_session(egress) as session:
        answer = await aiohttp_transport(session, egress)(outgoing(f"http://127.0.0.1:{port}/away"))
    assert (answer.status, asked) == (302, ["/away"])
