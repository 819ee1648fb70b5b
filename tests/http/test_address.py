"""Addresses leave as they are spelled; what could not be sent so is told."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from tests.listening import LOCAL

from offramp import OutgoingRequest, RejectedError, Response, join_url, quote_path
from offramp.http import Client, aiohttp_transport, open_session


@pytest.fixture
async def partner() -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server below HTTP: its address, and the request lines that it read."""
    lines: list[bytes] = []

    async def answer(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        head = await reader.readuntil(b"\r\n\r\n")
        lines.append(head.partition(b"\r\n")[0])
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(answer, "127.0.0.1", 0)
    async with server:
        yield f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", lines


SPELLED = [
    "/a%2Fb%2fc",
    "/%7Ea/~b",
    "/a..b/.c/...",
    "//a//",
    "/a+b%20c?q=a+b%20c&d=%C3%a9",
    "/;v=1,2:3@4!$&'()*",
    '/{x}|y^z`"<>\\',
    "/%zz?%",
    "/?a=1?b=2/../",
    "/?signature=ab%3D%3d==&",
]


@pytest.mark.parametrize("path", SPELLED)
async def test_an_address_leaves_as_it_is_spelled(
    partner: tuple[str, list[bytes]], path: str
) -> None:
    """Byte for byte, as signatures of URLs demand; the record shows the same."""
    base, lines = partner
    async with open_session(LOCAL) as session:
        client = Client(handler=aiohttp_transport(session, LOCAL), settings=None)
        await client.get(base + path)
    assert lines == [f"GET {path} HTTP/1.1".encode()]
    assert client.exchanges[0].url == base + path


@pytest.mark.parametrize(
    ("url", "message"),
    [
        ("https://a.example/a b", "it has ' ' at position 19"),
        ("https://a.example/a\r\nX: 1", r"it has '\r' at position 19"),
        ("https://a.example/a\x00", r"it has '\x00' at position 19"),
        ("https://a.example/a\u200b", r"it has '\u200b' at position 19"),
        ("https://a.example/é", "quote what comes from events with offramp.quote_path"),
        ("https://bücher.example/", "write a host's name in its xn-- form"),
        ("https://a.example/a#b", "it has '#' at position 19"),
        (
            "https://a.example/n/../../../admin/delete?x=1",
            "'..' in its path leads elsewhere: quote",
        ),
        ("https://a.example/n/./a", "'.' in its path leads elsewhere: quote what comes from"),
        ("https://a.example/n/%2E%2e/admin", "'%2E%2e' in its path leads elsewhere"),
        ("https://a.example/n/..", "'..' in its path leads elsewhere"),
        ("https://a.example/n/..?x=1", "'..' in its path leads elsewhere"),
        ("https://a.example/n/..\\admin", "'..' in its path leads elsewhere"),
    ],
)
async def test_what_cannot_be_sent_is_refused(url: str, message: str) -> None:
    """Before anything leaves, and in explanations too: the character, its place, what to do."""

    async def never(_: OutgoingRequest) -> Response:
        raise AssertionError

    client = Client(handler=never, settings=None)
    with pytest.raises(RejectedError) as caught:
        await client.get(url)
    assert caught.value.code == "INVALID_URL"
    assert message in caught.value.message
    async with open_session(LOCAL) as session:  # a middleware may have put it there
        outgoing = OutgoingRequest(method="GET", url=url, timeout=timedelta(seconds=1))
        with pytest.raises(RejectedError, match="is not a URL"):
            await aiohttp_transport(session, LOCAL)(outgoing)


async def test_credentials_of_an_address_leave_as_a_header() -> None:
    """So that what is shown is what leaves, and no password stands in a URL."""
    seen: list[OutgoingRequest] = []

    async def handler(outgoing: OutgoingRequest) -> Response:
        seen.append(outgoing)
        return Response(status=200, headers={}, body=b"")

    client = Client(handler=handler, settings=None)
    await client.get("https://ada:p%40ss@a.example/x@y")
    await client.get("https://ada:pw@a.example/", headers={"authorization": "Own"})
    assert [each.url for each in seen] == ["https://a.example/x@y", "https://a.example/"]
    assert seen[0].headers["Authorization"] == "Basic YWRhOnBAc3M="
    assert seen[1].headers["authorization"] == "Own"
    assert client.exchanges[0].request_headers["Authorization"] == "***"


@pytest.mark.parametrize(
    ("segment", "quoted"),
    [
        ("m1", "m1"),
        (17, "17"),
        ("../../admin?x=1#", "..%2F..%2Fadmin%3Fx%3D1%23"),
        ("%2e%2e", "%252e%252e"),
        ("a b\r\n\x00é", "a%20b%0D%0A%00%C3%A9"),
        ("~a-b_c.d", "~a-b_c.d"),
    ],
)
def test_a_part_of_a_path_is_quoted(segment: object, quoted: str) -> None:
    """It stays one segment, whatever it says."""
    assert quote_path(segment) == quoted
    assert join_url("https://a.example/v1/?k=1", "notes", segment) == (
        f"https://a.example/v1/notes/{quoted}?k=1"
    )


@pytest.mark.parametrize("segment", ["", None, ".", "..", "\ud800"])
def test_what_no_path_can_say_is_rejected(segment: object) -> None:
    """Partners take it for another address, however it is quoted."""
    with pytest.raises(RejectedError) as caught:
        quote_path(segment)
    assert caught.value.code == "INVALID_URL"
