"""The worker as the host starts it, with a scripted partner, for one call at a time."""

from __future__ import annotations

import base64
import io
import socket
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import attrs

from offramp import _json

HERE = Path(__file__).parent
BUILT = HERE.parent.parent / "destinations/segment/offramp_segment/_built"


@attrs.define
class Worker:
    """A running worker."""

    _channel: io.BufferedRWPair
    _last: int = 0

    def call(
        self, message: dict[str, Any], partner: dict[str, Any]
    ) -> tuple[list[dict[str, Any]], dict[str, Any]]:
        """The requests of a call, each of which the partner answers alike, and its last message."""
        self._last += 1
        self.write({"id": self._last, **message})
        requests: list[dict[str, Any]] = []
        while True:
            answer = self.read()
            if "fetch" in answer and answer["call"] == self._last:
                requests.append(answer)
                self.write(_response(answer, partner))
            elif answer.get("id") == self._last:
                return requests, answer

    def write(self, message: dict[str, Any]) -> None:
        """Send a message."""
        self._channel.write(_json.dumps(message) + b"\n")
        self._channel.flush()

    def read(self) -> dict[str, Any]:
        """Wait for the next message; raises `RuntimeError` where the worker has ended."""
        line = self._channel.readline()
        if not line:
            raise RuntimeError("the worker ended; its last words are on the error output")
        message: dict[str, Any] = _json.loads(line)
        return message


def _response(request: dict[str, Any], partner: dict[str, Any]) -> dict[str, Any]:
    return {
        "answer": request["fetch"],
        "status": partner["status"],
        "reason": partner["reason"],
        "url": request["url"],
        "headers": [["content-type", "application/json"]],
        "t": partner["body"],
    }


def bytes_of(request: dict[str, Any]) -> bytes:
    """The body of a request of the worker's."""
    body = request["body"]
    if body is None:
        return b""
    return str(body["t"]).encode() if "t" in body else base64.b64decode(body["b"])


@contextmanager
def running(node: str, environment: dict[str, str]) -> Iterator[Worker]:
    """A worker, with the clock and the chance of the engine, until the end of the block."""
    ours, theirs = socket.socketpair()
    command = [node, "--require", str(HERE / "fixed.cjs"), str(BUILT / "worker.cjs")]
    process = subprocess.Popen(
        [*command, str(theirs.fileno())],
        pass_fds=[theirs.fileno()],
        env={"TZ": "UTC", "NODE_ENV": "production"},
    )
    theirs.close()
    with ours, ours.makefile("rwb") as channel:
        worker = Worker(channel)
        worker.write({"hello": {"environment": environment, "own_network": []}})
        assert worker.read()["ready"]
        yield worker
    process.wait()
