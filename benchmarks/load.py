"""The sending side of HTTP measurements: ready-made requests over kept connections, as a process.

It parses no more of an answer than its status and length, so that it takes as little as it can
of the machine that it shares with what is measured.
"""

from __future__ import annotations

import asyncio
import base64
import sys
import time
from collections import Counter, deque
from datetime import datetime
from typing import Any, Final

import uvloop

from benchmarks.data import make_event
from offramp import _json

_END_OF_HEAD: Final = b"\r\n\r\n"
_LENGTH: Final = b"content-length:"
_STATUS: Final = slice(9, 12)


def make_requests(spec: dict[str, Any]) -> list[bytes]:
    """HTTP requests with events that nobody has seen: `count` of `batch` events, 0 for singles."""
    now = datetime.fromisoformat(spec["now"])
    size, batch, start = spec["size"], spec["batch"], spec["start"]
    names = spec.get("names", 1)
    path, each = ("/v1/batch", batch) if batch else ("/v1/track", 1)
    requests = []
    for number in range(spec["count"]):
        first = start + number * each
        events = [
            _as_sent(make_event(n, size=size, now=now, names=names))
            for n in range(first, first + each)
        ]
        body = {"batch": events, "sentAt": events[0]["sentAt"]} if batch else events[0]
        requests.append(_request(path, spec["write_key"], _json.dumps(body)))
    return requests


def _as_sent(event: dict[str, Any]) -> dict[str, Any]:
    """An event as Segment's SDKs send it: without what the collector adds."""
    added = ("receivedAt", "originalTimestamp", "version")
    return {key: value for key, value in event.items() if key not in added}


def _request(path: str, write_key: str, body: bytes) -> bytes:
    user = base64.b64encode(f"{write_key}:".encode()).decode()
    head = (
        f"POST {path} HTTP/1.1\r\nHost: localhost\r\nAuthorization: Basic {user}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


class _Connection(asyncio.Protocol):
    """Sends one request after the other; `done(status)` after each answer."""

    def __init__(self, run: _Run) -> None:
        self._run = run
        self._data = b""
        self._transport: Any = None
        self._sent_at = 0.0

    def connection_made(self, transport: Any) -> None:
        self._transport = transport
        self._run.idle(self)

    def send(self, request: bytes) -> None:
        self._sent_at = time.perf_counter()
        self._transport.write(request)

    def data_received(self, data: bytes) -> None:
        self._data += data
        head, found, body = self._data.partition(_END_OF_HEAD)
        if not found:
            return
        lower = head.lower()
        at = lower.find(_LENGTH)
        length = int(lower[at + len(_LENGTH) :].split(b"\r\n", 1)[0]) if at >= 0 else 0
        if len(body) >= length:
            status, self._data = head[_STATUS].decode(), b""
            self._run.waits.append(time.perf_counter() - self._sent_at)
            self._run.answered(self, status)

    def connection_lost(self, error: Exception | None) -> None:
        self._run.lost(error)

    def close(self) -> None:
        self._transport.close()


class _Run:
    """Requests on their way; those that wait go out as soon as a connection is free."""

    def __init__(self, requests: list[bytes], *, interval: float = 0.0) -> None:
        self._waiting = deque(requests)
        self._interval = interval
        self._free: deque[_Connection] = deque()
        self._connections: list[_Connection] = []
        self._total = len(requests)
        self._answered = 0
        self._started = 0.0
        self.done: asyncio.Future[float] = asyncio.get_running_loop().create_future()
        self.statuses: Counter[str] = Counter()
        #: When each answer came, in epoch seconds, in the order of the requests where paced.
        self.accepted_at: list[float] = []
        #: How long each answer took, in seconds, in the order of the answers.
        self.waits: list[float] = []

    async def connect(self, host: str, port: int, connections: int) -> None:
        loop = asyncio.get_running_loop()
        for _ in range(connections):
            _, connection = await loop.create_connection(lambda: _Connection(self), host, port)
            self._connections.append(connection)

    async def go(self) -> float:
        self._started = time.perf_counter()
        if self._interval:
            await self._pace()
        else:
            while self._free and self._waiting:
                self._free.popleft().send(self._waiting.popleft())
        seconds = await self.done - self._started
        for connection in self._connections:
            connection.close()
        return seconds

    async def _pace(self) -> None:
        for number in range(self._total):
            late = time.perf_counter() - self._started - number * self._interval
            if late < 0:
                await asyncio.sleep(-late)
            while not self._free:  # noqa: ASYNC110 - an answer frees one at any moment
                await asyncio.sleep(0)
            self._free.popleft().send(self._waiting.popleft())

    def idle(self, connection: _Connection) -> None:
        self._free.append(connection)

    def answered(self, connection: _Connection, status: str) -> None:
        self.statuses[status] += 1
        self.accepted_at.append(time.time())
        self._answered += 1
        if self._answered == self._total:
            self.done.set_result(time.perf_counter())
        elif self._interval or not self._waiting:
            self._free.append(connection)
        else:
            connection.send(self._waiting.popleft())

    def lost(self, error: Exception | None) -> None:
        if not self.done.done():
            self.done.set_exception(error or ConnectionError("the server closed a connection"))


async def _send(requests: list[bytes], answer: dict[str, Any]) -> dict[str, Any]:
    run = _Run(requests, interval=float(answer.get("interval", 0)))
    await run.connect("127.0.0.1", answer["port"], answer["connections"])
    seconds = await run.go()
    return {
        "seconds": seconds,
        "statuses": run.statuses,
        "waits": run.waits,
        "accepted_at": run.accepted_at if run._interval else [],  # noqa: SLF001 - of this module
    }


def main() -> None:
    """Answer questions: `{count: ...}` prepares requests, `{port: ...}` sends them."""
    requests: list[bytes] = []
    for line in sys.stdin.buffer:
        request = _json.loads(line)
        if "count" in request:
            requests = make_requests(request)
            answer: dict[str, Any] = {"bytes": sum(map(len, requests))}
        else:
            try:
                answer = uvloop.run(_send(requests, request))
            except OSError as error:
                answer = {"error": str(error)}
        sys.stdout.buffer.write(_json.dumps(answer) + b"\n")
        sys.stdout.buffer.flush()


if __name__ == "__main__":
    main()
