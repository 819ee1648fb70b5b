"""One worker process: messages over a socket pair, calls, the requests that they make, pings."""

from __future__ import annotations

import asyncio
import contextlib
import contextvars
import logging
import os
import signal
import socket
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final

import attrs

from offramp import OfframpError, RejectedError, dumps, loads
from offramp_segment.definitions import FOLDER
from offramp_segment.node import WorkerCommand

log = logging.getLogger(__name__)

#: Bytes of one message, as on the worker's side.
MAX_MESSAGE_BYTES: Final = 64 * 1024 * 1024
#: Seconds from the start of a process until it is ready: loading takes a fraction of one.
START_SECONDS: Final = 8.0
PING_SECONDS: Final = 1.0
#: After that number of pings without an answer the process hangs. Pings are counted, not seconds,
#: as a host that was suspended itself has sent none.
MAX_UNANSWERED: Final = 10
#: Calls after which a process is replaced, whatever it has leaked until then.
MAX_CALLS: Final = 200_000
#: Lines of a process's last words that are logged.
MAX_LAST_LINES: Final = 20
MASK: Final = "***"

#: Sends a request of the worker, and returns the answer in the protocol's words; raises nothing.
SendFetch = Callable[[Mapping[str, Any]], Awaitable[dict[str, Any]]]


class WorkerDiedError(OfframpError):
    """The process ended while it ran a call, or before it was ready."""


class CallFailedError(OfframpError):
    """The destination failed; `error` is what the worker says of it."""

    def __init__(self, error: Mapping[str, Any]) -> None:
        self.error = error
        super().__init__(str(error.get("message")))


@attrs.define(eq=False)
class _Call:
    """A call that was not answered yet."""

    send_fetch: SendFetch
    answered: asyncio.Future[dict[str, Any]]
    #: The requests run in the context of the caller.
    context: contextvars.Context = attrs.field(factory=contextvars.copy_context)
    tasks: set[asyncio.Task[None]] = attrs.field(factory=set)


@attrs.define(eq=False)
class Worker:
    """A process that runs calls, many at once; it ends with `stop`, or by itself."""

    process: asyncio.subprocess.Process
    _reader: asyncio.StreamReader
    _writer: asyncio.StreamWriter
    #: Masked in what it logs.
    _secrets: tuple[str, ...]
    #: Done once the process is ready.
    _ready: asyncio.Future[None]
    ended: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    #: Set once it has ended, or has run so many calls that it is to be replaced.
    worn: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    _idle: asyncio.Event = attrs.field(factory=asyncio.Event, init=False)
    _calls: dict[int, _Call] = attrs.field(factory=dict, init=False)
    _fetches: dict[int, asyncio.Task[None]] = attrs.field(factory=dict, init=False)
    _last_id: int = attrs.field(default=0, init=False)
    _unanswered: int = attrs.field(default=0, init=False)
    _last_lines: deque[str] = attrs.field(factory=lambda: deque(maxlen=MAX_LAST_LINES), init=False)
    _tasks: tuple[asyncio.Task[None], ...] = attrs.field(default=(), init=False)

    @classmethod
    async def start(cls, command: WorkerCommand, hello: Mapping[str, Any]) -> Worker:
        """Start a process and wait until it is ready; raises `WorkerDiedError` if it is not."""
        ours, theirs = socket.socketpair()
        with theirs:
            process = await asyncio.create_subprocess_exec(
                *command.argv, str(theirs.fileno()),
                stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL,
                stderr=asyncio.subprocess.PIPE, pass_fds=(theirs.fileno(),), cwd=FOLDER,
                env={"NODE_ENV": "production"}, start_new_session=True,
            )  # fmt: skip
        ours.setblocking(False)  # noqa: FBT003 - the standard library's signature
        reader, writer = await asyncio.open_connection(sock=ours, limit=MAX_MESSAGE_BYTES)
        ready = asyncio.get_running_loop().create_future()
        secrets = tuple(filter(None, hello.get("environment", {}).values()))
        worker = cls(process, reader, writer, secrets, ready)
        worker._write({"hello": hello})
        worker._tasks = tuple(
            asyncio.create_task(each, name=f"worker {process.pid}")
            for each in (worker._listen(), worker._keep_last_lines(), worker._ping())
        )
        try:
            async with asyncio.timeout(START_SECONDS):
                await ready
        except TimeoutError:
            await worker.stop()
            message = f"the worker was not ready within {START_SECONDS:g} s"
            raise WorkerDiedError(message) from None
        except BaseException:
            await worker.stop()
            raise
        return worker

    @property
    def in_flight(self) -> int:
        """The number of calls that were not answered yet."""
        return len(self._calls)

    async def call(self, message: Mapping[str, Any], send_fetch: SendFetch) -> Any:
        """Run an operation and return its value.

        Raises `CallFailedError` if the destination fails, `WorkerDiedError` if the process ends
        first, and `RejectedError` for a message that is too long. Cancelling it cancels the
        requests of the call.
        """
        self._last_id += 1
        call_id = self._last_id
        line = dumps({"id": call_id, **message}) + b"\n"
        if len(line) > MAX_MESSAGE_BYTES:
            text = f"{len(line):,} bytes are more than a worker takes: {MAX_MESSAGE_BYTES:,}"
            raise RejectedError(text, code="MESSAGE_TOO_LONG", status=413)
        if self.ended.is_set():
            raise WorkerDiedError("the worker has ended")
        call = _Call(send_fetch, asyncio.get_running_loop().create_future())
        self._calls[call_id] = call
        self._idle.clear()
        answer = None
        try:
            self._writer.write(line)
            answer = await call.answered
        finally:
            del self._calls[call_id]
            if answer is None:
                self._write({"cancel": call_id})
            await _end(call.tasks)
            self._count()
        if "error" in answer:
            raise CallFailedError(answer["error"])
        return answer["value"]

    async def drain(self, seconds: float) -> None:
        """Let the calls in flight end, for so long at most, and stop."""
        if self._calls:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(seconds):
                    await self._idle.wait()
        await self.stop()

    async def stop(self) -> None:
        """End the process, and wait until it has ended."""
        self._kill()
        await asyncio.wait(self._tasks)

    def _count(self) -> None:
        if not self._calls:
            self._idle.set()
        if self._last_id >= MAX_CALLS:
            self.worn.set()

    def _kill(self) -> None:
        # Not `process.kill`: it would collect the end of a process that asyncio waits for.
        if self.process.returncode is None:
            with contextlib.suppress(ProcessLookupError):
                os.kill(self.process.pid, signal.SIGKILL)

    def _write(self, message: Mapping[str, Any]) -> None:
        if not self._writer.is_closing():
            self._writer.write(dumps(message) + b"\n")

    async def _listen(self) -> None:
        try:
            while line := await self._reader.readline():
                self._hear(loads(line))
        except OSError:
            pass  # it has ended
        except (ValueError, KeyError, TypeError) as error:
            log.error("a worker sent what is no message: %r; it is ended", error)  # noqa: TRY400 - the place says nothing
        finally:
            self._kill()
            await self.process.wait()
            self._writer.close()
            self._settle()

    def _settle(self) -> None:
        """Tell everybody who waits that the process has ended."""
        self.ended.set()
        self.worn.set()
        reason = "; ".join(self._last_lines) or f"it ended with {self.process.returncode}"
        error = WorkerDiedError(f"the worker ended: {reason}")
        for call in self._calls.values():
            if not call.answered.done():
                call.answered.set_exception(error)
        if not self._ready.done():
            self._ready.set_exception(error)
        if not self._ready.cancelled():
            self._ready.exception()  # nobody may be waiting for it any more

    def _hear(self, message: Mapping[str, Any]) -> None:
        if "fetch" in message:
            self._begin_fetch(message)
        elif "id" in message:
            call = self._calls.get(message["id"])
            if call is not None and not call.answered.done():
                call.answered.set_result(dict(message))
        elif "abort" in message:
            task = self._fetches.get(message["abort"])
            if task is not None:
                task.cancel()
        elif "pong" in message:
            self._unanswered = 0
        elif "log" in message:
            self._log(message)
        elif not self._ready.done():
            self._ready.set_result(None)

    def _begin_fetch(self, message: Mapping[str, Any]) -> None:
        number, call = message["fetch"], self._calls.get(message["call"])
        if call is None:
            text = "the request belongs to no call that is running: it was not sent"
            self._write({"answer": number, "error": {"message": text, "code": "ECONNREFUSED"}})
            return
        task = asyncio.get_running_loop().create_task(
            self._fetch(call, message), context=call.context
        )
        self._fetches[number] = task
        call.tasks.add(task)
        task.add_done_callback(call.tasks.discard)
        task.add_done_callback(lambda _: self._fetches.pop(number, None))

    async def _fetch(self, call: _Call, message: Mapping[str, Any]) -> None:
        answer = await call.send_fetch(message)
        self._write({"answer": message["fetch"], **answer})

    def _log(self, message: Mapping[str, Any]) -> None:
        # What a destination logs may quote credentials of an instance: not in the host's log, but
        # for what no call is responsible for.
        level = logging.ERROR if message["log"] == "crit" else logging.DEBUG
        log.log(level, "worker: %s", self._masked(message["text"]))

    def _masked(self, text: str) -> str:
        for secret in self._secrets:
            text = text.replace(secret, MASK)
        return text

    async def _ping(self) -> None:
        await asyncio.wait([self._ready])
        while not self.ended.is_set():
            if self._unanswered >= MAX_UNANSWERED:
                log.error("a worker did not answer %d pings: it is ended", self._unanswered)
                self._kill()
                return
            self._unanswered += 1
            self._write({"ping": self._unanswered})
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(PING_SECONDS):
                    await self.ended.wait()

    async def _keep_last_lines(self) -> None:
        stream = self.process.stderr
        while stream is not None and (line := await stream.readline()):
            if text := self._masked(line.decode(errors="replace").strip()):
                self._last_lines.append(text)


async def _end(tasks: set[asyncio.Task[None]]) -> None:
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks)
