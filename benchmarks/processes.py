"""Processes of their own for what is measured: started, asked, and ended in any case."""

from __future__ import annotations

import contextlib
import os
import signal
import socket
import subprocess
import time
import urllib.error
import urllib.request
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any, Final

import attrs

from benchmarks.trees import HERE, Tree
from offramp import _json

#: Nothing here takes longer to start, in seconds.
START_SECONDS: Final = 120.0
LOOK_SECONDS: Final = 0.01
#: How long a process may take to end by itself, in seconds.
END_SECONDS: Final = 15.0
#: The user's and the system's time of a process, in ticks, of what follows its name in `stat`.
_USED: Final = slice(11, 13)


class BenchmarkError(Exception):
    """A measurement cannot be made; the message says why."""


@attrs.define
class Worker:
    """A process that answers one line of JSON for each line of JSON."""

    name: str
    _process: subprocess.Popen[bytes]

    def ask(self, question: Mapping[str, Any]) -> Any:
        """Put a question; raises `BenchmarkError` with the process's own words where it fails."""
        stdin, stdout = self._process.stdin, self._process.stdout
        assert stdin is not None  # noqa: S101 - both were asked for
        assert stdout is not None  # noqa: S101
        stdin.write(_json.dumps(question) + b"\n")
        stdin.flush()
        line = stdout.readline()
        answer = _json.loads(line) if line else {"error": "the process ended"}
        if isinstance(answer, dict) and "error" in answer:
            raise BenchmarkError(f"{self.name}: {answer['error']}")
        return answer


@contextlib.contextmanager
def worker(name: str, command: Sequence[str], *, tree: Tree = HERE) -> Iterator[Worker]:
    """A worker until the end of the block."""
    pipe = subprocess.PIPE
    with started(command, tree=tree, stdin=pipe, stdout=pipe) as process:
        yield Worker(name, process)


@contextlib.contextmanager
def started(
    command: Sequence[str], *, tree: Tree = HERE, **options: Any
) -> Iterator[subprocess.Popen[bytes]]:
    """A process that imports a tree, until the end of the block; then it is asked to end."""
    options.setdefault("env", tree.environment())
    process = subprocess.Popen(command, cwd=tree.root, **options)  # noqa: S603 - our own commands
    try:
        yield process
    finally:
        end(process)
        for stream in (process.stdin, process.stdout):
            if stream is not None:
                stream.close()


def end(process: subprocess.Popen[bytes]) -> None:
    """Ask a process to end, and make it where it does not."""
    process.send_signal(signal.SIGTERM)
    try:
        process.wait(END_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def free_port() -> int:
    """A port that nobody listens on just now."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        port: int = sock.getsockname()[1]
        return port


def wait_for(url: str, process: subprocess.Popen[bytes]) -> float:
    """Wait until a URL answers 200; answers how many seconds that took."""
    began = time.perf_counter()
    while time.perf_counter() - began < START_SECONDS:
        if process.poll() is not None:
            raise BenchmarkError(f"{process.args!r} ended with {process.returncode}")
        with (
            contextlib.suppress(OSError, urllib.error.URLError),
            urllib.request.urlopen(url, timeout=1),  # noqa: S310 - on this machine
        ):
            return time.perf_counter() - began
        time.sleep(LOOK_SECONDS)
    raise BenchmarkError(f"{url} did not answer within {START_SECONDS:g} s")


def wait_for_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Wait until a process listens on a port, which a connection tells even of a busy one."""
    began = time.perf_counter()
    while time.perf_counter() - began < START_SECONDS:
        if process.poll() is not None:
            raise BenchmarkError(f"{process.args!r} ended with {process.returncode}")
        with socket.socket() as sock:
            if not sock.connect_ex(("127.0.0.1", port)):
                return
        time.sleep(LOOK_SECONDS)
    raise BenchmarkError(f"nobody listened on {port} within {START_SECONDS:g} s")


def processor_seconds(process: int) -> float:
    """What a process has used of the processor so far, in all of its threads."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return sum(map(int, fields[_USED])) / os.sysconf("SC_CLK_TCK")


def children_of(process: int) -> list[int]:
    """The processes that a process has started and that run."""
    tasks = Path(f"/proc/{process}/task").glob("*/children")
    return [int(child) for task in tasks for child in task.read_text().split()]


def get_json(url: str) -> Any:
    """What a URL of this machine answers."""
    with urllib.request.urlopen(url) as answer:  # noqa: S310 - on this machine
        return _json.loads(answer.read())
