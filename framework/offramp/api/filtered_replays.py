"""Replays of what a subscription did not get: filtered events, and those that came before it."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import Final

import attrs

from offramp.api.host_context import HostContext
from offramp.api.replay_targets import (
    BEFORE_SUBSCRIPTION,
    HAS_DELIVERY,
    ReplayTarget,
    find_target,
)
from offramp.api.running_replays import Replay
from offramp.api.triggers import BodyCondition
from offramp.delivery.retry import FORGOTTEN
from offramp.queue import EventFilter, EventRecord, SearchPage, Stage

#: Reasons why events are left out whose JSON cannot be read, so that nothing more is known.
DAMAGED: Final = "DAMAGED"
NOT_KEPT: Final = "EVENT_NOT_KEPT"
#: Events of one page: what is then written is short, so that accepts and settles hardly wait.
PAGE: Final = 500
#: Deliveries in flight in the subscription from which on a replay waits: more of them would use up
#: the bound of the queue, and the host would turn new events away.
MAX_AHEAD: Final = 20_000
#: Seconds between two looks whether there is room.
LOOK_SECONDS: Final = 1.0


@attrs.frozen(kw_only=True, eq=False)
class FilteredReplay:
    """Queues events that a subscription did not get and that its trigger now matches."""

    host: HostContext
    target: ReplayTarget
    #: Accepted at or after, and before, in epoch seconds.
    since: float
    until: float
    #: Only those that were filtered for this reason.
    reason: str | None = None
    where: BodyCondition | None = None

    async def __call__(self, replay: Replay) -> None:
        """Look through all events of the time, latest first; a dry run only counts."""
        replay.state, replay.total = "running", 0
        refused: Counter[str] = Counter()
        which = self.which(refused)
        cursor: str | None = None
        while True:
            page = await self.host.ledger.events(which, limit=PAGE, cursor=cursor)
            self._note(replay, page)
            records = [each for each in page.rows if not self.is_too_old(each)]
            replay.skipped[FORGOTTEN] += len(page.rows) - len(records)
            replay.skipped += refused
            refused.clear()
            replay.total += len(records)
            if not replay.dry_run and records:
                await self._queue(replay, [each.id for each in records])
            cursor = page.cursor
            if cursor is None:
                return

    def which(self, refused: Counter[str]) -> EventFilter:
        """The filter of the events; `refused` counts by reason those that are filtered again."""
        before = self.reason == BEFORE_SUBSCRIPTION
        return EventFilter(
            source=self.target.source,
            since=self.since,
            until=self.until,
            subscription=self.target.id,
            stages=frozenset() if before else frozenset({Stage.FILTERED}),
            reason=None if before else self.reason,
            missing=before or self.reason is None,
            where=self._condition(refused),
        )

    def is_too_old(self, record: EventRecord) -> bool:
        """Whether the idempotency window does not allow to send an event now."""
        return self.target.is_too_old(record.accepted_at, self.host.clock)

    def _condition(self, refused: Counter[str]) -> BodyCondition:
        """Whether `where` and the trigger select an event; it runs in a reader's thread."""
        where, routes = self.where, self.target.routes
        read = routes.reader.read

        def condition(body: bytes) -> bool:
            if where is not None and not where(body):
                return False
            route = routes.route(read(body))
            refused.update(route.filtered.keys())
            return bool(route.subscriptions)

        return condition

    @staticmethod
    def _note(replay: Replay, page: SearchPage[EventRecord]) -> None:
        replay.scanned += page.scanned
        replay.reached_at = page.reached_at or replay.reached_at
        replay.skipped[DAMAGED] += page.damaged
        replay.skipped[NOT_KEPT] += page.without_body

    async def _queue(self, replay: Replay, events: list[str]) -> None:
        queue, name = self.host.queue, self.target.id
        while await self._has_no_room():  # noqa: ASYNC110 - nothing tells when there is room
            await asyncio.sleep(LOOK_SECONDS)
        # It may have been disabled meanwhile: what is queued then would wait for ever.
        find_target(self.host, name)
        n = await queue.backfill(name, events)
        replay.add(n)
        await self.host.engine.end_disabled([name])
        replay.skipped[HAS_DELIVERY] += len(events) - n

    async def _has_no_room(self) -> bool:
        depth = await self.host.queue.depth(self.target.id)
        return depth.total >= MAX_AHEAD or self.host.queue.full() is not None
