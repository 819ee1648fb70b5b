"""Requests leave through a proxy where one is set, and trust an authority that is named."""

from __future__ import annotations

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import attrs
import pytest
from tests.http.certificates import Authority, answering
from tests.listening import LOCAL
from yarl import URL

from offramp import OutgoingRequest
from offramp.errors import AddressRefusedError, ConnectionFailedError
from offramp.http import Egress, Outbound, Proxies, make_tls, open_transport

PROXY = "http://proxy.example:3128"
VARIABLES = ("http_proxy", "https_proxy", "all_proxy", "no_proxy", "REQUEST_METHOD")


@pytest.fixture(autouse=True)
def no_variables(monkeypatch: pytest.MonkeyPatch) -> None:
    """Whatever this machine's environment says."""
    for name in VARIABLES:
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


@pytest.mark.parametrize(
    ("bypass", "url", "proxied"),
    [
        ((), "https://partner.example/x", True),
        ((), "http://127.0.0.1:1/", False),
        ((), "http://[::1]:1/", False),
        ((), "http://localhost/", False),
        (("partner.example",), "https://partner.example/", False),
        (("partner.example",), "https://API.partner.example/", False),
        ((".partner.example",), "https://api.partner.example/", False),
        (("*.partner.example",), "https://api.partner.example/", False),
        (("partner.example",), "https://notpartner.example/", True),
        (("10.0.0.0/8",), "http://10.1.2.3/", False),
        (("10.0.0.0/8",), "http://11.1.2.3/", True),
        (("10.1.2.3", ""), "http://10.1.2.3/", False),
        (("*",), "https://partner.example/", False),
    ],
)
def test_a_host_is_reached_directly_where_the_list_says_so(
    bypass: tuple[str, ...], url: str, proxied: bool
) -> None:
    """By name, domain, address or network; this machine always."""
    assert (Proxies.single(PROXY, bypass).of(URL(url)) == PROXY) is proxied


@pytest.mark.parametrize("name", ["HTTPS_PROXY", "https_proxy", "ALL_PROXY"])
def test_the_environment_names_a_proxy(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    """In either case, with or without a scheme; NO_PROXY is obeyed."""
    monkeypatch.setenv(name, "proxy.example:3128")
    monkeypatch.setenv("NO_PROXY", "direct.example, other.example")
    found = Proxies.from_environment()
    assert found.of(URL("https://partner.example")) == PROXY
    assert found.of(URL("https://other.example")) is None


def test_a_proxy_of_another_kind_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """Better no start than requests that leave in another way; its password is not told."""
    monkeypatch.setenv("HTTPS_PROXY", "socks5://user:pass-word@proxy.example")
    with pytest.raises(ValueError, match="HTTPS_PROXY must be the address of an HTTP") as caught:
        Proxies.from_environment()
    assert "pass-word" not in str(caught.value)


@attrs.define
class Proxy:
    """A proxy on this machine that answers http itself and tunnels https to a given port."""

    url: str = ""
    #: The first line of each request, and its Proxy-Authorization.
    seen: list[tuple[str, str | None]] = attrs.field(factory=list)
    target: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Read the head of a request, and answer it."""
        head = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        fields = dict(line.lower().split(": ", 1) for line in head[1:] if ": " in line)
        given = fields.get("proxy-authorization")
        self.seen.append((head[0], given))
        if not head[0].startswith("CONNECT"):
            writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok")
            await writer.drain()
            writer.close()
            return
        writer.write(b"HTTP/1.1 200 OK\r\n\r\n")
        there, back = await asyncio.open_connection("127.0.0.1", self.target)
        await asyncio.gather(_copy(reader, back), _copy(there, writer))


async def _copy(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    while data := await reader.read(65_536):
        writer.write(data)
        await writer.drain()
    writer.close()


@pytest.fixture
async def proxy() -> AsyncIterator[Proxy]:
    """A proxy that listens on the loopback interface, which `[host.egress]` need not allow."""
    found = Proxy()
    server = await asyncio.start_server(found.serve, "127.0.0.1", 0)
    found.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    yield found
    server.close()
    await server.wait_closed()


def outgoing(url: str) -> OutgoingRequest:
    return OutgoingRequest(method="GET", url=url, timeout=timedelta(seconds=5))


async def test_a_request_leaves_through_the_proxy_with_its_credentials(proxy: Proxy) -> None:
    """The proxy resolves the name, which need not resolve here; .netrc plays no part."""
    url = proxy.url.replace("//", "//user:pa%24s@")
    send, close = open_transport(Outbound(proxies=Proxies.single(url)))
    try:
        answer = await send(outgoing("http://partner.invalid/x"))
    finally:
        await close()
    assert (answer.status, answer.body) == (200, b"ok")
    [(line, given)] = proxy.seen
    assert line == "GET http://partner.invalid/x HTTP/1.1"
    assert given == "basic " + base64.b64encode(b"user:pa$s").decode().lower()


async def test_an_address_is_judged_before_it_goes_to_the_proxy(proxy: Proxy) -> None:
    """A proxy on the same network would reach cloud metadata just as well."""
    send, close = open_transport(Outbound(proxies=Proxies.single(proxy.url)))
    try:
        with pytest.raises(AddressRefusedError, match="metadata"):
            await send(outgoing("http://169.254.169.254/latest"))
    finally:
        await close()
    assert proxy.seen == []


async def test_https_goes_through_a_tunnel(proxy: Proxy, tmp_path: Path) -> None:
    """The proxy sees the host and the port, and the certificate is checked end to end."""
    authority = Authority(tmp_path)
    allow = Egress(allow=("10.9.8.7",))
    tls = make_tls(ca_file=authority.file)
    async with answering("secret ok", authority.server(address="10.9.8.7")) as port:
        proxy.target = port
        send, close = open_transport(
            Outbound(egress=allow, proxies=Proxies.single(proxy.url), tls=tls)
        )
        try:
            answer = await send(outgoing("https://10.9.8.7/x"))
        finally:
            await close()
    assert answer.body == b"secret ok"
    assert [line for line, _ in proxy.seen] == ["CONNECT 10.9.8.7:443 HTTP/1.1"]


async def test_a_named_authority_is_trusted(tmp_path: Path) -> None:
    """Without the file the same certificate is refused, with the remedy."""
    authority = Authority(tmp_path)
    async with answering("secret ok", authority.server()) as port:
        for tls in (None, make_tls(ca_file=authority.file)):
            send, close = open_transport(Outbound(egress=LOCAL, tls=tls))
            try:
                if tls is None:
                    with pytest.raises(ConnectionFailedError, match="`ca_file` of"):
                        await send(outgoing(f"https://127.0.0.1:{port}/"))
                else:
                    answer = await send(outgoing(f"https://127.0.0.1:{port}/"))
                    assert answer.body == b"secret ok"
            finally:
                await close()


def test_the_authorities_of_the_system_stay_trusted(tmp_path: Path) -> None:
    """The file adds to them."""
    authority = Authority(tmp_path)
    usual = ssl.create_default_context().cert_store_stats()["x509_ca"]
    assert make_tls(ca_file=authority.file).cert_store_stats()["x509_ca"] == usual + 1
