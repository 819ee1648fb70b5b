"""The requests that one call of a plugin made: which line made each, how each ended."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from types import CodeType
from typing import Any, Final

import attrs

from offramp.definition import Response
from offramp.place import place_of

#: A cancelled task ends within one turn of the event loop, unless it suppresses that.
CANCEL_SECONDS: Final = 1.0


@attrs.define(kw_only=True, eq=False)
class MadeRequest:
    """A request that a plugin made; `code` and `line` say where."""

    method: str
    url: str
    code: CodeType
    line: int
    #: The coroutine that the plugin should await.
    coroutine: Coroutine[Any, Any, Response] | None = None
    #: The task in which the request began.
    task: asyncio.Task[Any] | None = None

    def __str__(self) -> str:
        place = place_of(self.code, self.line)
        return f"{self.method} {self.url} ({place})"

    @property
    def ended(self) -> bool:
        """Whether it was answered, failed, or was cancelled."""
        # A coroutine that has ended has no frame.
        return self.coroutine is None or getattr(self.coroutine, "cr_frame", None) is None


@attrs.define(eq=False)
class MadeRequests:
    """Notes every request of a call, and says at the end what was wrong with them."""

    _made: list[MadeRequest] = attrs.field(factory=list, init=False)
    #: Number of requests that have failed so far.
    _failures: int = attrs.field(default=0, init=False)
    #: The last failed request and its error; None once a request that began later is answered.
    _failed: tuple[MadeRequest, BaseException] | None = attrs.field(default=None, init=False)
    _answered: bool = attrs.field(default=False, init=False)
    _closed: bool = attrs.field(default=False, init=False)

    def add(self, request: MadeRequest) -> None:
        """Note a request that was made, awaited or not."""
        self._made.append(request)

    def begin(self, request: MadeRequest) -> int:
        """Note that a request was awaited; returns the argument of `succeed`.

        Raises `RuntimeError` if the call has ended, since its result is already decided.
        """
        if self._closed:
            raise RuntimeError(f"{request} began after the action had ended: await it")
        request.task = asyncio.current_task()
        return self._failures

    def succeed(self, begun: int) -> None:
        """Note an answer; a request that began after a failure cancels that failure out."""
        self._answered = True
        if begun == self._failures:
            self._failed = None

    def fail(self, request: MadeRequest, error: BaseException) -> None:
        """Note that a request raised; a cancelled one counts only if no other was answered."""
        if isinstance(error, asyncio.CancelledError) and self._answered:
            return
        self._failures += 1
        self._failed = (request, error)

    def restart(self) -> None:
        """Forget all requests, because the call is made again."""
        self._made.clear()
        self._failures, self._failed, self._answered, self._closed = 0, None, False, False

    async def close(self) -> str | None:
        """Cancel unfinished requests, and say which one the call did not wait for, or None."""
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
        """Why a call that ended without an error delivered nothing, or None."""
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
    """Cancel the tasks of requests that did not end; close coroutines that run in no task."""
    coroutines = {id(request.coroutine) for request in left}
    tasks = {request.task for request in left if request.task is not None}
    # A task that has not started yet is found by its coroutine.
    tasks |= {task for task in asyncio.all_tasks() if id(task.get_coro()) in coroutines}
    tasks.discard(asyncio.current_task())
    for task in tasks:
        task.cancel()
    if tasks:
        await asyncio.wait(tasks, timeout=CANCEL_SECONDS)
    for request in left:
        if request.coroutine is not None and not request.ended and request.task is None:
            request.coroutine.close()
