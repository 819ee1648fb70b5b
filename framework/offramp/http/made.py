"""The requests that one call of a plugin made: from where, which ended, and which failed."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import CodeType
from typing import Any, Final

import attrs

from offramp.definition import Response
from offramp.place import place_of

#: What is cancelled ends within a turn of the loop, unless it fights that.
CANCEL_SECONDS: Final = 1.0


@attrs.define(kw_only=True, eq=False)
class MadeRequest:
    """A request as a plugin made it; `code` and `line` say where."""

    method: str
    url: str
    code: CodeType
    line: int
    #: What the plugin awaits, or does not.
    coroutine: Coroutine[Any, Any, Response] | None = None
    #: Within which the request began.
    task: asyncio.Task[Any] | None = None

    def __str__(self) -> str:
        place = place_of(self.code, self.line)
        return f"{self.method} {self.url} ({place})"

    @property
    def ended(self) -> bool:
        """Whether it was answered, failed, or was cancelled."""
        # The frame of a coroutine goes as it ends.
        return self.coroutine is None or getattr(self.coroutine, "cr_frame", None) is None


@attrs.define(eq=False)
class MadeRequests:
    """Notes every request of a call, and tells in the end what was wrong with them."""

    _made: list[MadeRequest] = attrs.field(factory=list, init=False)
    #: How many failed so far, the last of them, and its error; nothing once one that began
    #: afterwards was answered.
    _failures: int = attrs.field(default=0, init=False)
    _failed: tuple[MadeRequest, BaseException] | None = attrs.field(default=None, init=False)
    _answered: bool = attrs.field(default=False, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    def add(self, request: MadeRequest) -> None:
        """Note a request that was made, awaited or not."""
        self._made.append(request)

    def begin(self, request: MadeRequest) -> int:
        """Note that a request was awaited; the answer is for `succeed`.

        Raises `RuntimeError` where the call is over: nobody would learn what became of it.
        """
        if self._closed:
            raise RuntimeError(f"{request}: it was begun after the action had ended: await it")
        request.task = asyncio.current_task()
        return self._failures

    def succeed(self, begun: int) -> None:
        """Note an answer that the plugin got; one begun after a failure makes up for it."""
        self._answered = True
        if begun == self._failures:
            self._failed = None

    def fail(self, request: MadeRequest, error: BaseException) -> None:
        """Note that a request raised; a cancelled one counts where no other was answered."""
        if isinstance(error, asyncio.CancelledError) and self._answered:
            return
        self._failures += 1
        self._failed = (request, error)

    def restart(self) -> None:
        """Begin anew, as the call is made again; what was noted so far is forgotten."""
        self._made.clear()
        self._failures, self._failed, self._answered, self._closed = 0, None, False, False

    async def close(self) -> str | None:
        """End what the call left behind, and tell which request it did not wait for."""
        self._closed = True
        left = [request for request in self._made if not request.ended]
        if not left:
            return None
        first = left[0]
        began = first.task is not None
        await _cancel(left)
        if began:
            return f"did not wait for its request {first}: await it, or the task that it runs in"
        return f"made a request and did not await it: {first}: put `await` before it"

    @property
    def nothing(self) -> bool:
        """Whether the call made no request."""
        return not self._made

    def undelivered(self) -> str | None:
        """Why a call that ended without an error delivered nothing, if so."""
        if not self._made:
            return (
                "sent nothing: send a request, raise a RejectedError, or declare"
                " `may_send_nothing = True` where that is right"
            )
        if self._failed is None:
            return None
        request, error = self._failed
        message = str(error) or type(error).__name__
        return (
            f"went on after its request {request} failed, and no later request was answered:"
            f" {message}: let the error pass, or ask with `check=False` where such an answer is"
            " fine"
        )


async def _cancel(left: list[MadeRequest]) -> None:
    """Cancel the tasks of requests that did not end; what runs in no task is closed."""
    coroutines = {id(request.coroutine) for request in left}
    tasks = {request.task for request in left if request.task is not None}
    # A task that did not begin yet is found by what it is about to run.
    tasks |= {task for task in asyncio.all_tasks() if id(task.get_coro()) in coroutines}
    tasks.discard(asyncio.current_task())
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CANCEL_SECONDS)
    for request in left:
        if request.coroutine is not None and not request.ended and request.task is None:
            request.coroutine.close()
