"""Replays of dead letters: to their own subscriptions, or into another."""

from __future__ import annotations

from collections.abc import Sequence

import attrs

from offramp.api.host_context import HostContext
from offramp.api.replay_targets import (
    HAS_DELIVERY,
    SUBSCRIPTION_GONE,
    ReplayTarget,
    find_target,
)
from offramp.api.running_replays import Replay
from offramp.delivery.disabled import why_disabled
from offramp.delivery.retry import FORGOTTEN
from offramp.queue import DeadLetterFilter, Delivery, dead_letter_pages, event_of


@attrs.frozen(kw_only=True, eq=False)
class DeadLetterReplay:
    """Queues the dead letters again that a filter selects, page by page."""

    host: HostContext
    filters: DeadLetterFilter
    #: The subscription that gets them; `None`: each goes to its own again.
    into: ReplayTarget | None = None

    async def __call__(self, replay: Replay) -> None:
        """Count them, then queue them."""
        total = 0
        async for page in dead_letter_pages(self.host.queue, self.filters):
            total += len(page)
        replay.total, replay.state = total, "running"
        async for page in dead_letter_pages(self.host.queue, self.filters):
            if self.into is None:
                await self._again(replay, page)
            else:
                await self._into(replay, page, self.into)

    async def _again(self, replay: Replay, page: Sequence[Delivery]) -> None:
        letters = []
        for letter in page:
            reason = self._refusal(letter.subscription)
            if reason is None:
                letters.append(letter)
            else:
                replay.skipped[reason] += 1
        if letters:
            ids = tuple(letter.id for letter in letters)
            which = DeadLetterFilter(ids=ids, stages=self.filters.stages)
            await self.host.queue.replay(which, report=replay.add)
            # Disabled at that moment, they would wait for ever.
            await self.host.engine.end_disabled({letter.subscription for letter in letters})

    def _refusal(self, subscription: str) -> str | None:
        """Why letters of a subscription would wait for ever; `None` if they would not."""
        if subscription not in self.host.config.subscriptions:
            return SUBSCRIPTION_GONE
        return why_disabled(self.host.config, subscription)

    async def _into(self, replay: Replay, page: Sequence[Delivery], into: ReplayTarget) -> None:
        # It may have been disabled since the page before.
        find_target(self.host, into.id)
        events = []
        for letter in page:
            event = event_of(letter.id)
            if into.is_too_old(letter.accepted_at, self.host.clock):
                replay.skipped[FORGOTTEN] += 1
            elif event is not None:
                events.append(event)
        n = await self.host.queue.backfill(into.id, events)
        replay.add(n)
        await self.host.engine.end_disabled([into.id])
        if n < len(events):
            replay.skipped[HAS_DELIVERY] += len(events) - n
