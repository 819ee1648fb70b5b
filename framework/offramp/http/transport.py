"""The innermost handler: it sends through aiohttp, and turns aiohttp's errors into ours."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import aiohttp
import attrs

from offramp.definition import Handler, OutgoingRequest, Response
from offramp.errors import ConnectionFailedError
from offramp.http.address import as_spelled
from offramp.http.egress import Egress, EgressResolver
from offramp.http.faults import as_fault
from offramp.http.proxies import Proxies

#: Partners' answers are small; a larger one would only fill the memory.
MAX_RESPONSE_BYTES: Final = 10_000_000
#: Idle connections are closed before common load balancers close them (60 s).
KEEP_ALIVE_SECONDS: Final = 30.0
#: After its time-out a request may still read what has arrived: if the whole process was stopped
#: (SIGSTOP, a suspended machine), the time-out and the answer come at the same moment.
READING_SECONDS: Final = 0.1
#: The rule where nobody allows anything else.
PUBLIC_ONLY: Final = Egress()
#: Switched off, because the transport has its own time-out.
_NO_TIMEOUT: Final = aiohttp.ClientTimeout(total=None)


@attrs.frozen(kw_only=True)
class Outbound:
    """How requests leave: to which addresses, through which proxies, trusting whom."""

    egress: Egress = PUBLIC_ONLY
    proxies: Proxies = attrs.field(factory=Proxies)
    #: What TLS is made with; aiohttp's own if None.
    tls: ssl.SSLContext | None = attrs.field(default=None, repr=False)


#: Straight to public addresses.
DIRECT: Final = Outbound()


def make_tls(
    *, ca_file: Path | None = None, client_certificate: Path | None = None
) -> ssl.SSLContext:
    """What TLS is made with that also trusts the certificates in a PEM file.

    It shows a partner that asks for one the client certificate, in a PEM file together with its
    private key, which must not be encrypted. Raises `OSError` if a file cannot be read, and
    `ssl.SSLError`, which is one, if it does not hold what it should.
    """
    context = ssl.create_default_context()
    context.set_alpn_protocols(["http/1.1"])
    if ca_file is not None:
        context.load_verify_locations(cafile=ca_file)
    if client_certificate is not None:
        # Without a password OpenSSL would ask for that of an encrypted key at the terminal.
        context.load_cert_chain(client_certificate, password=lambda: "none")
    return context


def open_session(
    egress: Egress | None = PUBLIC_ONLY,
    *,
    connections: int = 100,
    tls: ssl.SSLContext | None = None,
) -> aiohttp.ClientSession:
    """A session for many requests to one partner; the caller closes it.

    Names are resolved to addresses that `egress` allows, and to no others; None allows all.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            resolver=None if egress is None else EgressResolver(egress),
            ssl=True if tls is None else tls,
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=True,
    )


def aiohttp_transport(
    session: aiohttp.ClientSession, egress: Egress = PUBLIC_ONLY, *, proxy: str | None = None
) -> Handler:
    """A handler that sends over HTTP and reads the whole answer; `egress` is the session's.

    Through a `proxy`, only hosts that are written as addresses are judged: it resolves the names.

    Redirects are not followed: a partner's address is known, and a redirect could point elsewhere.
    Raises `RequestTimeoutError` and `ConnectionFailedError`, which are tried again,
    `AddressRefusedError` for an address that `egress` refuses, and `RejectedError` for an address
    or a header that cannot be sent.
    """

    async def send(outgoing: OutgoingRequest) -> Response:
        address = as_spelled(outgoing.url)
        try:
            egress.check_literal(address.host)
            async with (
                _within(outgoing.timeout.total_seconds()),
                session.request(
                    outgoing.method,
                    address,
                    headers=outgoing.headers,
                    data=outgoing.body,
                    timeout=_NO_TIMEOUT,
                    allow_redirects=False,
                    proxy=proxy,
                ) as answer,
            ):
                body = await _read(answer)
        except Exception as error:
            fault = as_fault(error, outgoing)
            if fault is None:
                raise
            raise fault from error
        # Headers as aiohttp reads them, so that a name is found in any case.
        return Response(
            status=answer.status,
            reason=answer.reason or "",
            headers=answer.headers,
            body=body,
            url=str(answer.url),
        )

    return send


@asynccontextmanager
async def _within(seconds: float) -> AsyncIterator[None]:
    """End the block with `TimeoutError` after this number of seconds and `READING_SECONDS`."""
    loop = asyncio.get_running_loop()
    async with asyncio.timeout(None) as limit:
        end = loop.call_later(seconds, lambda: limit.reschedule(loop.time() + READING_SECONDS))
        try:
            yield
        finally:
            end.cancel()


def open_transport(
    outbound: Outbound = DIRECT,
) -> tuple[Handler, Callable[[], Awaitable[None]]]:
    """A handler that opens its session at the first request, and the function that closes it.

    Without a request there is nothing to close. Each proxy has a session of its own, which may
    connect to any address, as the operator has chosen that proxy.
    """
    opened: dict[str | None, tuple[aiohttp.ClientSession, Handler]] = {}
    closed = False

    async def send(outgoing: OutgoingRequest) -> Response:
        if closed:
            raise ConnectionFailedError(f"{outgoing.method} {outgoing.url}: the host is closing it")
        proxy = outbound.proxies.of(as_spelled(outgoing.url))
        if proxy not in opened:
            egress = outbound.egress
            session = open_session(egress if proxy is None else None, tls=outbound.tls)
            opened[proxy] = session, aiohttp_transport(session, egress, proxy=proxy)
        return await opened[proxy][1](outgoing)

    async def close() -> None:
        nonlocal closed
        closed = True
        for session, _ in opened.values():
            await session.close()

    return send, close


async def _read(answer: aiohttp.ClientResponse) -> bytes:
    chunks = []
    size = 0
    async for chunk in answer.content.iter_any():
        size += len(chunk)
        if size > MAX_RESPONSE_BYTES:
            raise aiohttp.ClientPayloadError(f"the answer exceeds {MAX_RESPONSE_BYTES} bytes")
        chunks.append(chunk)
    return b"".join(chunks)
