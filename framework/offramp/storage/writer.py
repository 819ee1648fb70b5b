"""The one thread that writes: it collects waiting requests into a group and commits once."""

from __future__ import annotations

import asyncio
import contextlib
import enum
import logging
import queue
import sqlite3
import threading
from collections import defaultdict, deque
from typing import TYPE_CHECKING, Any, Generic, TypeVar

import attrs

from offramp.errors import StorageDamagedError, StorageError
from offramp.storage.connect import is_damage, storage_error

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from pathlib import Path

    from offramp.storage.damage import Damage

Q = TypeVar("Q")
R = TypeVar("R")

_log = logging.getLogger("offramp.storage")


#: Small requests are passed to the thread once per round of the event loop, since each wake-up
#: costs the interpreter's lock. This weight, in rows, is enough to wake the thread at once.
WORTH_WAKING = 64


class Rank(enum.IntEnum):
    """The order in which the kinds of work of one group run."""

    #: Runs first: settles free space, accepts take it.
    FIRST = 0
    NORMAL = 1
    LAST = 2


def _one(_: object) -> int:
    return 1


@attrs.frozen(kw_only=True, eq=False)
class Work(Generic[Q, R]):
    """A kind of write: requests of one kind that wait together are run together.

    `run` gets them all at once. If it raises, what it did is undone, and each is run again alone,
    so that only the bad ones fail.
    """

    #: One result per request, in order.
    run: Callable[[sqlite3.Connection, Sequence[Q]], Sequence[R]]
    #: Whether each request is run alone from the start, in its own savepoint, and so only once.
    alone: bool = False
    rank: Rank = Rank.NORMAL
    #: The weight that one commit takes at most; a single heavier request goes alone.
    most: int | None = None
    weigh: Callable[[Q], int] = _one
    #: Called in the event loop, once per group, before the awaiters continue, and even if they
    #: were cancelled, with the result of each request. An error means that it was undone.
    done: Callable[[Sequence[tuple[Q, R | BaseException]]], None] | None = None
    #: Called in the writer's thread after what `run` did was undone, for what it keeps in memory.
    undone: Callable[[], None] | None = None


@attrs.define(eq=False)
class _Job:
    work: Work[Any, Any]
    request: Any
    future: asyncio.Future[Any]
    weight: int
    result: Any = None


class Writer:
    """Owns the writing connection and its thread; made and used in one event loop."""

    def __init__(
        self, path: Path, connect: Callable[[], sqlite3.Connection], damage: Damage
    ) -> None:
        self._path = path
        self._damage = damage
        self._connect = connect
        self._loop = asyncio.get_running_loop()
        self._inbox: queue.SimpleQueue[list[_Job] | None] = queue.SimpleQueue()
        #: What was submitted in this round of the event loop.
        self._submitted: list[_Job] = []
        self._weight = 0
        self._waiting: defaultdict[Work[Any, Any], deque[_Job]] = defaultdict(deque)
        self._open = True
        self._ready: asyncio.Future[None] = self._loop.create_future()
        self._ended: asyncio.Future[None] = self._loop.create_future()
        # A daemon, so that a program can exit without closing; commits are atomic.
        self._thread = threading.Thread(target=self._main, name="offramp-writer", daemon=True)

    async def start(self) -> None:
        """Start the thread; raises what opening the file raised."""
        self._thread.start()
        await self._ready

    async def close(self) -> None:
        """Commit waiting requests, close the connection, end the thread."""
        if self._open:
            self._open = False
            self._hand_over()
            self._inbox.put(None)
        try:
            await asyncio.shield(self._ended)
        finally:
            self._thread.join()

    def submit(self, work: Work[Q, R], request: Q) -> asyncio.Future[R]:
        """Put a request into the next group; the future ends after that group's commit.

        Cancelling the future does not withdraw the request.
        """
        if not self._open:
            raise StorageError(f"{self._path} is closed: nothing can be written any more")
        future: asyncio.Future[R] = self._loop.create_future()
        # Weighed here, so that an error in weighing fails the caller, not the thread.
        job = _Job(work, request, future, work.weigh(request))
        if not self._submitted:
            self._loop.call_soon(self._hand_over)
        self._submitted.append(job)
        self._weight += job.weight
        if self._weight >= WORTH_WAKING:
            self._hand_over()
        return future

    def _hand_over(self) -> None:
        if self._submitted:
            self._inbox.put(self._submitted)
            self._submitted = []
            self._weight = 0

    # The methods below run in the thread, except `_resolve`.

    def _main(self) -> None:
        try:
            connection = self._connect()
        except BaseException as error:  # noqa: BLE001 - it is raised again in `start`
            self._call_in_loop(self._fail_start, storage_error(error, self._path))
            return
        self._call_in_loop(self._ready.set_result, None)
        try:
            while self._gather():
                # Without a local variable, which would keep the last group while the thread waits.
                self._call_in_loop(self._resolve, self._write(connection, self._take()))
        finally:
            connection.close()
            self._call_in_loop(self._ended.set_result, None)

    def _call_in_loop(self, callback: Callable[..., object], value: object) -> None:
        try:
            self._loop.call_soon_threadsafe(callback, value)
        except RuntimeError:
            _log.warning("the event loop ended before its store was closed")

    def _fail_start(self, error: BaseException) -> None:
        self._open = False
        self._ended.set_result(None)
        self._ready.set_exception(error)

    def _gather(self) -> bool:
        """Wait for work and take all of it; False once the writer is closed and idle."""
        more = True
        while more and (not self._waiting or not self._inbox.empty()):
            jobs = self._inbox.get()
            if jobs is None:
                # Nothing is queued after it, so the rest can be taken without waiting.
                self._inbox.put(None)
                more = False
            else:
                for job in jobs:
                    self._waiting[job.work].append(job)
        return bool(self._waiting)

    def _take(self) -> list[list[_Job]]:
        group = []
        for work in sorted(self._waiting, key=lambda work: work.rank):
            jobs = self._waiting[work]
            group.append(_take_some(work, jobs))
            if not jobs:
                del self._waiting[work]
        return group

    def _write(self, connection: sqlite3.Connection, group: list[list[_Job]]) -> list[list[_Job]]:
        """Run a group and commit it; if that fails, all of it is undone and every job fails."""
        lots = [together for jobs in group for together in _lots(jobs)]
        known = self._damage.known
        try:
            connection.execute("BEGIN IMMEDIATE")
            # The transaction is enough for the first lot: each statement costs the interpreter's
            # lock.
            steps = _TRANSACTION
            for together in lots:
                self._run(connection, together, *steps)
                steps = _SAVEPOINT
            connection.execute("COMMIT")
        except Exception as error:  # noqa: BLE001 - each awaiter gets it
            with contextlib.suppress(sqlite3.Error):
                connection.execute("ROLLBACK")
            _note_undone(lots)
            described = self._described(error)
            if isinstance(described, StorageDamagedError):
                # The transaction is lost, but only what needs the damaged page has to fail.
                parts = _parts(lots)
                if len(parts) > 1 or self._damage.known > known:
                    for part in parts:
                        self._write(connection, [part])
                    return group
            for job in _flat(group):
                job.result = described
        return group

    def _run(
        self,
        connection: sqlite3.Connection,
        jobs: list[_Job],
        begin: str,
        undo: Sequence[str],
        end: str,
    ) -> None:
        _execute(connection, begin)
        try:
            results = jobs[0].work.run(connection, [job.request for job in jobs])
        except Exception as error:
            if not connection.in_transaction or is_damage(error):
                raise
            for statement in undo:
                connection.execute(statement)
            _note_undone([jobs])
            self._recover(connection, jobs, storage_error(error, self._path))
        else:
            _execute(connection, end)
            for job, result in zip(jobs, results, strict=True):
                job.result = result

    def _described(self, error: BaseException) -> BaseException:
        described = storage_error(error, self._path)
        self._damage.note_error(described)
        return described

    def _recover(
        self, connection: sqlite3.Connection, jobs: list[_Job], error: BaseException
    ) -> None:
        if len(jobs) == 1 or isinstance(error, StorageError):
            for job in jobs:
                job.result = error
            return
        for job in jobs:
            self._run(connection, [job], *_SAVEPOINT)

    def _resolve(self, group: list[list[_Job]]) -> None:
        for jobs in group:
            done = jobs[0].work.done
            if done is not None:
                try:
                    done([(job.request, job.result) for job in jobs])
                except Exception:  # noqa: BLE001 - the awaiters must not hang for it
                    _log.exception("a write is on disk, but its callback failed")
        for job in _flat(group):
            # The request of a cancelled awaiter is on disk nevertheless.
            if not job.future.done():
                if isinstance(job.result, BaseException):
                    job.future.set_exception(_holdable(job.result))
                else:
                    job.future.set_result(job.result)


def _holdable(error: BaseException) -> BaseException:
    """The error, or one in its place that a future takes: those behind it would wait for ever."""
    if not isinstance(error, StopIteration):
        return error
    held = RuntimeError("a write raised StopIteration")
    held.__cause__ = error
    return held


#: How a lot that follows others in its transaction begins, is undone and ends; and the first one.
_SAVEPOINT = ("SAVEPOINT job", ("ROLLBACK TO job", "RELEASE job"), "RELEASE job")
_TRANSACTION = ("", ("ROLLBACK", "BEGIN IMMEDIATE"), "")


def _execute(connection: sqlite3.Connection, statement: str) -> None:
    if statement:
        connection.execute(statement)


def _note_undone(lots: Iterable[list[_Job]]) -> None:
    for jobs in lots:
        undone = jobs[0].work.undone
        if undone is not None:
            undone()


def _take_some(work: Work[Any, Any], jobs: deque[_Job]) -> list[_Job]:
    if work.most is None:
        taken = list(jobs)
        jobs.clear()
        return taken
    taken = [jobs.popleft()]
    weight = taken[0].weight
    while jobs and (weight := weight + jobs[0].weight) <= work.most:
        taken.append(jobs.popleft())
    return taken


def _lots(jobs: list[_Job]) -> list[list[_Job]]:
    return [[job] for job in jobs] if jobs[0].work.alone else [jobs]


def _parts(lots: list[list[_Job]]) -> list[list[_Job]]:
    """The lots, or of a single one its jobs."""
    return lots if len(lots) > 1 else [[job] for job in lots[0]]


def _flat(group: Iterable[Iterable[_Job]]) -> Iterable[_Job]:
    return (job for jobs in group for job in jobs)
