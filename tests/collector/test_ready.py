"""The answer whose bytes are ready is the answer that an ordinary response would be."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import attrs
import pytest

if TYPE_CHECKING:
    from tests.collector.conftest import Running

BODY = b'{"success":true}'
END = b"\r\n\r\n"
#: Seconds that an answer may take.
PATIENCE = 5


@attrs.frozen(kw_only=True)
class Answer:
    """What came back."""

    status: bytes
    headers: dict[str, str]
    body: bytes
    #: Whether the connection was closed after it.
    last: bool


@asynccontextmanager
async def connected(
    collector: Running,
) -> AsyncIterator[tuple[asyncio.StreamReader, asyncio.StreamWriter]]:
    """One connection, for a few seconds at most."""
    parts = urlsplit(collector.url)
    reader, writer = await asyncio.open_connection(parts.hostname, parts.port)
    async with asyncio.timeout(PATIENCE):
        yield reader, writer
        writer.close()
        await writer.wait_closed()


async def ask(collector: Running, *requests: str) -> list[Answer]:
    """Send requests over one connection, each after the answer to the one before."""
    answers = []
    async with connected(collector) as (reader, writer):
        for request in requests:
            writer.write(request.encode())
            head = await reader.readuntil(END)
            status, *lines = head.removesuffix(END).split(b"\r\n")
            headers = dict(line.decode().split(": ", 1) for line in lines)
            body = await reader.readexactly(int(headers["Content-Length"]))
            stays = b"1.1" in status or "Connection" in headers
            last = headers.get("Connection") == "close" or not stays
            if last:
                assert await reader.read() == b""
            answers.append(Answer(status=status, headers=headers, body=body, last=last))
    return answers


def post(*headers: str, version: str = "1.1") -> str:
    lines = [f"POST /v1/m HTTP/{version}", "Host: x", "Content-Length: 2", *headers]
    return "\r\n".join([*lines, "", "{}"])


async def test_ready_and_ordinary_answers_are_alike(collector: Running) -> None:
    """The same status, headers in the same order, and body, but for what was asked for."""
    ready, ordinary = await ask(collector, post(), post("Origin: https://shop.example"))
    for answer in (ready, ordinary):
        assert (answer.status, answer.body) == (b"HTTP/1.1 200 OK", BODY)
    shared = ["Content-Type", "Content-Length", "Date", "Server"]
    assert list(ready.headers) == shared
    kept = {name: ordinary.headers[name] for name in shared}
    assert kept | {"Date": ""} == ready.headers | {"Date": ""}


async def test_a_connection_stays_open_or_closes_as_asked(collector: Running) -> None:
    """Many requests over one connection, and an end where the client wants one."""
    answers = await ask(collector, *[post()] * 3, post("Connection: close"))
    assert [answer.last for answer in answers] == [False, False, False, True]
    assert {answer.body for answer in answers} == {BODY}


async def test_an_old_client_hears_its_own_version(collector: Running) -> None:
    """HTTP/1.0 is answered as such, and stays connected only where it asks to."""
    requests = post("Connection: keep-alive", version="1.0"), post(version="1.0")
    answers = await ask(collector, *requests)
    assert {(answer.status, answer.body) for answer in answers} == {(b"HTTP/1.0 200 OK", BODY)}
    assert [answer.headers.get("Connection") for answer in answers] == ["keep-alive", None]


async def test_a_client_that_waits_for_leave_gets_it(collector: Running) -> None:
    """`Expect: 100-continue` is answered before the body is sent, and then the request."""
    head, end, body = post("Expect: 100-continue").partition(END.decode())
    async with connected(collector) as (reader, writer):
        writer.write((head + end).encode())
        assert (await reader.readuntil(END)).startswith(b"HTTP/1.1 100 Continue")
        writer.write(body.encode())
        assert (await reader.readuntil(END)).startswith(b"HTTP/1.1 200 OK")
        assert await reader.readexactly(len(BODY)) == BODY


async def test_the_date_is_now(collector: Running, monkeypatch: pytest.MonkeyPatch) -> None:
    """It moves with the clock, second by second."""
    dates = []
    for second in (0, 1):
        monkeypatch.setattr("offramp.web.answers.time.time", lambda at=second: 1_800_000_000 + at)
        [answer] = await ask(collector, post())
        dates.append(answer.headers["Date"])
    assert dates == ["Fri, 15 Jan 2027 08:00:00 GMT", "Fri, 15 Jan 2027 08:00:01 GMT"]
