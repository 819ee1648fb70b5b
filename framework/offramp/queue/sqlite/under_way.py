"""Requests under way: each is noted before it leaves, and counted if the process ends meanwhile."""

from __future__ import annotations

import logging
from collections import defaultdict
from typing import TYPE_CHECKING, NamedTuple

import attrs
from msgspec.structs import replace

from offramp.errors import StorageError, counted
from offramp.queue.block import pack_set, set_of, unpack_open, unpack_set
from offramp.queue.sqlite.codes import RETRYING, WAITING, as_json, to_us
from offramp.queue.sqlite.due import DueRow, part_of
from offramp.queue.sqlite.journal import Journal, SentPart, SentRequest, pack_request
from offramp.queue.sqlite.numbering import subscription_names
from offramp.queue.sqlite.settle import OutcomeGroup, Outcomes
from offramp.queue.sqlite.sql import SQL
from offramp.queue.values import UNKNOWN_ANSWER, Outcome, Reason, Stage

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator, Mapping, Sequence

    from offramp.queue.lease import Lease, LeasePart
    from offramp.queue.sqlite.cache import BlockReader
    from offramp.queue.sqlite.settle import Settling
    from offramp.queue.sqlite.subscriptions import Subscription, Subscriptions
    from offramp.storage import Store

_log = logging.getLogger("offramp.queue")

#: Requests that one commit settles at a start; each may copy as many events as a batch has.
REQUESTS_PER_COMMIT = 16


class Attempt(NamedTuple):
    """The last attempt of a delivery that was noted."""

    number: int
    #: When the retry window opened, in microseconds.
    opened_at: int


@attrs.frozen
class _Note:
    """A request that left, in memory: it is needed until all of it has an outcome."""

    subscription: Subscription
    #: For each part the block, the set in it, and the row, if it has one of its own.
    parts: Sequence[tuple[int, int, int | None]]
    packed: bytes

    @property
    def needed(self) -> bool:
        return any(self.subscription.has_open(*part) for part in self.parts)


class RequestsUnderWay:
    """Notes requests before they leave; lives in the event loop."""

    def __init__(self, store: Store, subscriptions: Subscriptions, blocks: BlockReader) -> None:
        self._store = store
        self._subscriptions = subscriptions
        self._blocks = blocks
        self._journal = Journal(store.folder)
        self._notes: list[_Note] = []

    async def start(self, settling: Settling, now: Callable[[], float]) -> None:
        """Settle what was under way when the process before ended: its answer is unknown."""
        requests = self._journal.read()
        if requests:
            await self._settle(requests, settling, now)
        self._rewrite()

    async def _settle(
        self, requests: Sequence[SentRequest], settling: Settling, now: Callable[[], float]
    ) -> None:
        names = await self._store.read(subscription_names)
        requests = [each for each in requests if each.subscription in names]
        try:
            for start in range(0, len(requests), REQUESTS_PER_COMMIT):
                some = requests[start : start + REQUESTS_PER_COMMIT]
                unanswered = Unanswered(some, settling, now(), self._blocks)
                await self._store_unanswered(unanswered, names)
        except StorageError as error:
            _log.warning("attempts with unknown answers cannot be stored yet: %s", error)
            self._notes = [self._remembered(each, names[each.subscription]) for each in requests]

    async def _store_unanswered(self, unanswered: Unanswered, names: Mapping[int, str]) -> None:
        settled = await self._store.write(unanswered)
        for number, of_each in settled.items():
            self._move(self._subscriptions[names[number]], *of_each)

    def _move(self, subscription: Subscription, waited: int, n: int) -> None:
        _log.warning(
            "subscription %s: requests with %s were under way when the host stopped: their answers "
            "are unknown, so they are made again",
            subscription.name,
            counted(n, "event"),
        )
        self._subscriptions.add(subscription, WAITING, -waited)
        self._subscriptions.add(subscription, RETRYING, waited)

    def begin(self, lease: Lease) -> None:
        """Note that all deliveries of a lease leave now."""
        parts = [(part.block, set_of(part.positions), part.row) for part in lease.parts]
        sent = [
            SentPart(block, pack_set(bits), part.attempt, to_us(part.opened_at))
            for part, (block, bits, _) in zip(lease.parts, parts, strict=True)
        ]
        packed = pack_request(SentRequest(lease.number, sent))
        self._notes.append(_Note(self._subscriptions[lease.subscription], parts, packed))
        if not self._journal.append(packed):
            self._rewrite()

    def close(self) -> None:
        """Keep what has no outcome for the next start."""
        self._journal.close(self._needed())

    def _rewrite(self) -> None:
        self._journal.rewrite(self._needed())

    def _needed(self) -> Iterator[bytes]:
        self._notes = [note for note in self._notes if note.needed]
        return (note.packed for note in self._notes)

    def _remembered(self, request: SentRequest, name: str) -> _Note:
        subscription = self._subscriptions[name]
        parts: list[tuple[int, int, int | None]] = []
        for part in request.parts:
            parts.append((part.block, unpack_set(part.positions), None))
            subscription.note_attempts(dict.fromkeys(part.events(), part.attempt))
        return _Note(subscription, parts, pack_request(request))


@attrs.frozen
class Unanswered:
    """Settles deliveries whose requests were under way at an end; run in the writer.

    What has an outcome by now, or is gone, is left alone.
    """

    requests: Sequence[SentRequest]
    settling: Settling
    #: In epoch seconds.
    now: float
    blocks: BlockReader

    def __call__(self, connection: sqlite3.Connection) -> dict[int, tuple[int, int]]:
        """Answers by subscription how many deliveries were waiting, and how many all were."""
        outcome = Outcome(
            stage=Stage.RETRYING,
            reason=Reason.ANSWER_UNKNOWN,
            message=UNKNOWN_ANSWER,
            retry_at=self.now,
        )
        settled = {}
        for number, attempts in _last_attempts(self.requests).items():
            rows = _read_rows(connection, number, attempts)
            known = {row.event: row.attempts for row in rows}
            group = OutcomeGroup(
                outcome,
                sets=list(self._waiting(connection, number, attempts)),
                # As if all but the last had been counted: that adds the last.
                rows=[row._replace(attempts=attempts[row.event].number - 1) for row in rows],
            )
            events = [*known, *_events(group.sets)]
            if not events:
                continue
            unknown = [(each, attempts[each].number - known.get(each, 0)) for each in events]
            self.settling.run(connection, [Outcomes(number, [group])])
            terms = {"rows": as_json(unknown), "subscription": number}
            connection.execute(SQL["add_unknown_answers"], terms)
            waited = len(events) - sum(row.state == RETRYING for row in rows)
            settled[number] = waited, len(events)
        return settled

    def _waiting(
        self, connection: sqlite3.Connection, number: int, attempts: Mapping[int, Attempt]
    ) -> Iterator[tuple[LeasePart, int]]:
        """Those that wait in their blocks, as far as these can be read."""
        found = self.blocks.heads.of_events(connection, list(attempts))
        sets: dict[int, dict[int, int]] = defaultdict(lambda: defaultdict(int))
        for event, block in found.items():
            if block is not None:
                sets[block.number][attempts[event].number] |= 1 << event - block.number
        asked = {"subscription": number, "blocks": as_json(list(sets))}
        rows = connection.execute(SQL["waiting_in_blocks"], asked)
        opened = {block: packed for block, packed, _ in rows}
        for block in self.blocks.read(connection, list(opened)).values():
            waiting = unpack_open(opened[block.number], block.n)
            for attempt, bits in sets[block.number].items():
                if bits & waiting:
                    yield replace(part_of(block, bits & waiting), attempt=attempt), bits & waiting


def _last_attempts(requests: Sequence[SentRequest]) -> dict[int, dict[int, Attempt]]:
    """The last attempt of each event of each subscription."""
    found: dict[int, dict[int, Attempt]] = defaultdict(dict)
    for request in requests:
        last = found[request.subscription]
        for part in request.parts:
            attempt = Attempt(part.attempt, part.opened_at)
            # After a replay, attempts count from 1 again.
            last.update((event, attempt) for event in part.events())
    return found


def _read_rows(
    connection: sqlite3.Connection, number: int, attempts: Mapping[int, Attempt]
) -> list[DueRow]:
    sent = as_json([(event, *attempt) for event, attempt in attempts.items()])
    rows = connection.execute(SQL["unanswered_rows"], {"subscription": number, "sent": sent})
    return [DueRow(*row) for row in rows]


def _events(sets: Sequence[tuple[LeasePart, int]]) -> Iterator[int]:
    return (part.block + place for part, _ in sets for place in part.positions)
