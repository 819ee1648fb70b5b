"""The innermost handler: it sends through aiohttp, and turns aiohttp's errors into ours."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Final

import aiohttp

from offramp.definition import Handler, OutgoingRequest, Response
from offramp.errors import ConnectionFailedError
from offramp.http.address import as_spelled
from offramp.http.egress import Egress, EgressResolver
from offramp.http.faults import as_fault

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


def open_session(egress: Egress = PUBLIC_ONLY, *, connections: int = 100) -> aiohttp.ClientSession:
    """A session for many requests to one partner; the caller closes it.

    Names are resolved to addresses that `egress` allows, and to no others.
    """
    return aiohttp.ClientSession(
        connector=aiohttp.TCPConnector(
            limit=connections,
            keepalive_timeout=KEEP_ALIVE_SECONDS,
            resolver=EgressResolver(egress),
        ),
        cookie_jar=aiohttp.DummyCookieJar(),
        auto_decompress=True,
    )


def aiohttp_transport(session: aiohttp.ClientSession, egress: Egress = PUBLIC_ONLY) -> Handler:
    """A handler that sends over HTTP and reads the whole answer; `egress` is the session's.

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
            status=answer.status, headers=answer.headers, body=body, url=str(answer.url)
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
    egress: Egress = PUBLIC_ONLY,
) -> tuple[Handler, Callable[[], Awaitable[None]]]:
    """A handler that opens its session at the first request, and the function that closes it.

    Without a request there is nothing to close.
    """
    opened: list[tuple[aiohttp.ClientSession, Handler]] = []
    closed = False

    async def send(outgoing: OutgoingRequest) -> Response:
        if closed:
            raise ConnectionFailedError(f"{outgoing.method} {outgoing.url}: the host is closing it")
        if not opened:
            session = open_session(egress)
            opened.append((session, aiohttp_transport(session, egress)))
        return await opened[0][1](outgoing)

    async def close() -> None:
        nonlocal closed
        closed = True
        for session, _ in opened:
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
