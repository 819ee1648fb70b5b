"""Against a real server on this machine: every way in which a request can fail has its error."""

from __future__ import annotations

import asyncio
import gc
import gzip
import socket
import struct
import threading
import time
import warnings
from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer

import aiohttp
import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer
from tests.listening import LOCAL

from offramp import OutgoingRequest, RejectedError, Response
from offramp.definition import Handler
from offramp.errors import ConnectionFailedError, DeliveryError, RequestTimeoutError
from offramp.http import Outbound, aiohttp_transport, open_session, open_transport, transport

Serve = Callable[[Callable[[web.Request], Awaitable[web.StreamResponse]]], Awaitable[str]]


@pytest.fixture
async def serve() -> AsyncIterator[Serve]:
    """Starts a server with one handler for all paths, and answers its URL."""
    servers: list[TestServer] = []

    async def start(handler: Callable[[web.Request], Awaitable[web.StreamResponse]]) -> str:
        application = web.Application()
        application.router.add_route("*", "/{path:.*}", handler)
        server = TestServer(application, skip_url_asserts=True)
        await server.start_server(shutdown_timeout=0)
        servers.append(server)
        return str(server.make_url("/"))

    yield start
    for server in servers:
        await server.close()


@pytest.fixture
async def send() -> AsyncIterator[Handler]:
    """The transport over a session of its own."""
    async with open_session(LOCAL) as session:
        yield aiohttp_transport(session, LOCAL)


def outgoing(
    url: str, *, method: str = "GET", body: bytes | None = None, seconds: float = 5
) -> OutgoingRequest:
    return OutgoingRequest(method=method, url=url, body=body, timeout=timedelta(seconds=seconds))


async def failure(send: Handler, request: OutgoingRequest) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        await send(request)
    return caught.value


@pytest.mark.parametrize(
    ("written", "reason"), [(b" Taken Already", "Taken Already"), (b" ", ""), (b"", "")]
)
async def test_the_reason_of_an_answer_is_read(send: Handler, written: bytes, reason: str) -> None:
    """HTTP lets a partner write words of its own beside the status, or none."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(b"HTTP/1.1 409" + written + b"\r\nContent-Length: 0\r\n\r\n")
        await writer.drain()
        writer.close()

    async with await asyncio.start_server(answer, "127.0.0.1", 0) as server:
        port = server.sockets[0].getsockname()[1]
        response = await send(outgoing(f"http://127.0.0.1:{port}/"))
    assert (response.status, response.reason) == (409, reason)


async def test_a_request_arrives_as_it_was_made(serve: Serve, send: Handler) -> None:
    """Method, address, headers and body reach the partner, byte for byte."""
    seen: dict[str, object] = {}

    async def handler(request: web.Request) -> web.Response:
        seen.update(
            method=request.method,
            query=dict(request.query),
            own=request.headers["X-Own"],
            body=await request.read(),
        )
        return web.Response(status=201, body=b"\xff made", headers={"X-Answer": "yes"})

    url = await serve(handler)
    request = outgoing(f"{url}a?q=a+b%26c%2Bd%C3%A9", method="POST", body=b"\x00{}")
    request.headers["X-Own"] = "1"
    response = await send(request)
    assert seen == {"method": "POST", "query": {"q": "a b&c+dé"}, "own": "1", "body": b"\x00{}"}
    assert (response.status, response.body, response.text) == (201, b"\xff made", "\ufffd made")
    assert response.headers["x-answer"] == response.headers["X-Answer"] == "yes"
    assert response.url.startswith(url)


async def test_a_slow_answer_times_out(serve: Serve, send: Handler) -> None:
    """The time-out is for the whole exchange: for the first byte, and for the last."""

    async def silent(_: web.Request) -> web.Response:
        await asyncio.sleep(30)
        raise AssertionError

    async def trickling(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        for _ in range(300):
            await response.write(b"drop")
            await asyncio.sleep(0.1)
        return response

    for handler in (silent, trickling):
        error = await failure(send, outgoing(await serve(handler), seconds=0.3))
        assert isinstance(error, RequestTimeoutError)
        assert error.retryable
        assert "no answer within 0.3 s" in error.message


class Quick(BaseHTTPRequestHandler):
    """Answers at once."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"in time")

    def log_message(self, *_: object) -> None:
        """Say nothing."""


async def test_an_answer_that_came_while_the_process_stood_still_is_read(send: Handler) -> None:
    """The time-out has passed when the process goes on, and the partner has taken the events."""
    with HTTPServer(("127.0.0.1", 0), Quick) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        asyncio.get_running_loop().call_later(0.001, time.sleep, 0.5)
        try:
            answer = await send(outgoing(f"http://127.0.0.1:{server.server_port}/", seconds=0.1))
        finally:
            server.shutdown()
            thread.join()
    assert answer.text == "in time"


def unused_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@pytest.mark.parametrize(
    ("url", "code"),
    [
        ("http://127.0.0.1:{port}/", "ECONNREFUSED"),
        ("http://localhost:{port}/", "ECONNREFUSED"),
        ("http://no-such-host.invalid/", "ENOTFOUND"),
    ],
)
async def test_no_connection_is_tried_again(send: Handler, url: str, code: str) -> None:
    """A partner that is down, or whose name is unknown just now, may be back later."""
    error = await failure(send, outgoing(url.format(port=unused_port())))
    assert isinstance(error, ConnectionFailedError)
    assert (error.code, error.retryable, error.status) == (code, True, 503)


async def answer_with(data: bytes, *, reset: bool = False) -> asyncio.Server:
    """A server below HTTP: reads a request, writes bytes, and ends the connection."""

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.write(data)
        await writer.drain()
        if reset:
            linger = struct.pack("ii", 1, 0)
            writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        writer.close()

    return await asyncio.start_server(answer, "127.0.0.1", 0)


@pytest.mark.parametrize("reset", [True, False], ids=["reset", "closed"])
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"HTTP/1.1 200 OK\r\nContent-Le",
        b"HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nhalf",
        b"HTTP/1.1 200 OK\r\nContent-Encoding: gzip\r\nContent-Length: 4\r\n\r\nnope",
        b"220 a mail server\r\n\r\n",
    ],
    ids=["nothing", "half a head", "half a body", "not gzip", "not HTTP"],
)
async def test_a_connection_that_breaks_is_tried_again(
    send: Handler, data: bytes, *, reset: bool
) -> None:
    """Whether the partner took the payload cannot be known, so it is sent again."""
    async with await answer_with(data, reset=reset) as server:
        port = server.sockets[0].getsockname()[1]
        error = await failure(send, outgoing(f"http://127.0.0.1:{port}/"))
    assert isinstance(error, ConnectionFailedError)
    assert (error.code, error.retryable) == ("ECONNRESET", True)


async def test_redirects_are_not_followed(serve: Serve, send: Handler) -> None:
    """A partner's answer must not choose where the operator's credentials go."""
    visited: list[str] = []

    async def handler(request: web.Request) -> web.Response:
        visited.append(request.path)
        return web.Response(status=307, headers={"Location": "/inside"})

    response = await send(outgoing(await serve(handler)))
    assert (response.status, response.headers["location"]) == (307, "/inside")
    assert visited == ["/"]


async def test_an_answer_beyond_all_bounds_is_cut_off(
    serve: Serve, send: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An answer that would fill memory is given up as soon as it is too long."""
    monkeypatch.setattr(transport, "MAX_RESPONSE_BYTES", 100_000)

    async def endless(request: web.Request) -> web.StreamResponse:
        response = web.StreamResponse()
        await response.prepare(request)
        while True:
            await response.write(b"x" * 10_000)

    error = await failure(send, outgoing(await serve(endless)))
    assert "exceeds 100000 bytes" in error.message
    assert error.retryable


async def test_a_small_bomb_is_cut_off_too(
    serve: Serve, send: Handler, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The bound is for what an answer unpacks to, not for what it travels as."""
    monkeypatch.setattr(transport, "MAX_RESPONSE_BYTES", 100_000)
    bomb = gzip.compress(b"0" * 5_000_000)

    async def handler(_: web.Request) -> web.Response:
        return web.Response(body=bomb, headers={"Content-Encoding": "gzip"})

    error = await failure(send, outgoing(await serve(handler)))
    assert len(bomb) < 100_000
    assert "exceeds 100000 bytes" in error.message


async def test_a_packed_answer_is_unpacked(serve: Serve, send: Handler) -> None:
    """Partners pack their answers; an action reads JSON all the same."""

    async def handler(request: web.Request) -> web.Response:
        assert "gzip" in request.headers["Accept-Encoding"]
        body = gzip.compress(b'{"ok": true}')
        return web.Response(body=body, headers={"Content-Encoding": "gzip"})

    response = await send(outgoing(await serve(handler)))
    assert response.json() == {"ok": True}


async def test_cookies_are_not_kept(serve: Serve, send: Handler) -> None:
    """Requests of different payloads have nothing to tell one another."""
    sent: list[str | None] = []

    async def handler(request: web.Request) -> web.Response:
        sent.append(request.headers.get("Cookie"))
        response = web.Response()
        response.set_cookie("id", "1")
        return response

    url = await serve(handler)
    await send(outgoing(url))
    await send(outgoing(url))
    assert sent == [None, None]


@pytest.mark.parametrize("url", ["", "partner", "ftp://a.example/", "http://", "http://a:port/"])
async def test_what_is_no_url_is_rejected(send: Handler, url: str) -> None:
    """A wrong address will not become a right one by trying again."""
    error = await failure(send, outgoing(url))
    assert isinstance(error, RejectedError)
    assert (error.code, error.retryable) == ("INVALID_URL", False)
    assert repr(url) in error.message


async def test_a_header_that_cannot_be_sent_is_rejected(serve: Serve, send: Handler) -> None:
    """A token that was pasted with a line break is told as such, and not as a wrong address."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response()

    request = outgoing(await serve(handler))
    request.headers["Authorization"] = "Bearer token\n"
    error = await failure(send, request)
    assert isinstance(error, RejectedError)
    assert (error.code, error.retryable) == ("INVALID_REQUEST", False)
    assert "header" in error.message.lower()


async def test_a_session_holds_as_many_connections_as_it_was_told(serve: Serve) -> None:
    """More requests than connections wait for their turn."""
    at_once = 0
    most = 0

    async def handler(_: web.Request) -> web.Response:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        await asyncio.sleep(0.02)
        at_once -= 1
        return web.Response()

    url = await serve(handler)
    async with open_session(LOCAL, connections=2) as session:
        send = aiohttp_transport(session, LOCAL)
        answers: list[Response] = await asyncio.gather(*(send(outgoing(url)) for _ in range(8)))
    assert [answer.status for answer in answers] == [200] * 8
    assert most == 2
    assert isinstance(session, aiohttp.ClientSession)
    assert session.closed


async def test_a_session_is_opened_by_its_first_request_only(serve: Serve) -> None:
    """An instance that cannot start leaves no session behind; once closed, none is opened."""

    async def handler(_: web.Request) -> web.Response:
        return web.Response()

    url = await serve(handler)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        send, close = open_transport(Outbound(egress=LOCAL))
        await close()
        del send, close
        gc.collect()
    send, close = open_transport(Outbound(egress=LOCAL))
    assert (await send(outgoing(url))).status == 200
    await close()
    error = await failure(send, outgoing(url))
    assert isinstance(error, ConnectionFailedError)
