"""What is paused, and the bound on what may wait there."""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Sequence
from typing import Final

import attrs

from offramp.config import Config, Kind, Periods
from offramp.delivery.keeper import LEASE_SECONDS
from offramp.errors import StorageError, counted
from offramp.queue import Lease, Outcome, Queue, Stage

log = logging.getLogger(__name__)

#: Reason: more events waited in something paused than may.
PAUSED_TOO_LONG: Final = "PAUSED_TOO_LONG"
#: Seconds between two looks at how many events wait.
LOOK_SECONDS: Final = 1.0
#: Deliveries that end in one write, at most.
CHUNK: Final = 500


@attrs.frozen(kw_only=True)
class Paused:
    """A source, an instance or a subscription that a person paused."""

    kind: Kind
    id: str
    #: Epoch seconds.
    since: float
    #: The enabled subscriptions whose events wait for it.
    subscriptions: tuple[str, ...]

    def __str__(self) -> str:
        return f"{self.kind} {self.id}"


def find_paused(config: Config, periods: Periods, *, now: float) -> tuple[Paused, ...]:
    """List what is paused, and not disabled; `now` is used where no time is stored."""
    held: dict[tuple[Kind, str], list[str]] = {
        (kind, thing.key): []
        for kind, table in config.by_kind.items()
        for thing in table.values()
        if thing.paused and thing.enabled
    }
    for subscription in config.subscriptions if held else ():
        holders = config.holders_of(subscription)
        if all(thing.enabled for _, thing in holders):
            for kind, thing in holders:
                if thing.paused:
                    held[kind, thing.key].append(subscription)
    return tuple(
        Paused(
            kind=kind,
            id=name,
            since=periods.since(kind, name, "paused") or now,
            subscriptions=tuple(subscriptions),
        )
        for (kind, name), subscriptions in held.items()
    )


class PauseBound:
    """Ends the oldest deliveries of what is paused where more than `most` wait for one thing."""

    def __init__(self, queue: Queue, most: int) -> None:
        self._queue = queue
        self._most = most
        self._paused: Sequence[Paused] = ()
        self._task: asyncio.Task[None] | None = None

    def watch(self, paused: Sequence[Paused]) -> None:
        """Watch other things from now on."""
        self._paused = paused
        if paused and (self._task is None or self._task.done()):
            self._task = asyncio.create_task(self._run(), name="pause bound")

    async def close(self) -> None:
        """Stop watching."""
        self._paused = ()
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _run(self) -> None:
        while self._paused:
            try:
                for each in self._paused:
                    await self._trim(each)
            except StorageError as error:
                log.warning("paused: %s", error, extra={"action": "paused_storage"})
            await asyncio.sleep(LOOK_SECONDS)

    async def _trim(self, paused: Paused) -> None:
        """End the oldest deliveries above the bound; stop if it is resumed meanwhile."""
        ended = 0
        while paused in self._paused and (excess := await self._excess(paused)) > 0:
            n = await expire_oldest(
                self._queue, paused.subscriptions, min(excess, CHUNK), self._outcome(paused)
            )
            if not n:
                break  # all others are leased, or wait for their next attempt
            ended += n
        if ended:
            log.warning(
                "%s is paused, and more than %d events wait for it: the oldest ended, %s",
                paused,
                self._most,
                counted(ended, "event"),
                extra={"action": "paused_too_long"},
            )

    async def _excess(self, paused: Paused) -> int:
        depths = await self._queue.depths()
        return sum(depths[each].total for each in paused.subscriptions if each in depths) - (
            self._most
        )

    def _outcome(self, paused: Paused) -> Outcome:
        return Outcome(
            stage=Stage.EXPIRED,
            reason=PAUSED_TOO_LONG,
            message=f"the {paused} was paused, and more than {self._most} events waited for it "
            "(`max_paused_events`)",
            attempted=False,
        )


async def expire_oldest(
    queue: Queue, subscriptions: Sequence[str], n: int, outcome: Outcome
) -> int:
    """End the `n` deliveries of some subscriptions that wait longest; answers how many there were.

    Those that are leased, or are to be tried later, are left alone.
    """
    leases: list[Lease] = []
    try:
        await _lease_oldest(queue, subscriptions, n, leases)
        for lease in leases:
            await queue.settle(lease, outcome)
        return sum(map(len, leases))
    finally:
        for lease in leases:
            await queue.release(lease)


async def _lease_oldest(
    queue: Queue, subscriptions: Sequence[str], n: int, leases: list[Lease]
) -> None:
    """Lease the `n` deliveries that wait longest; never holds more than twice as many."""
    for each in subscriptions:
        # Mostly the first tells already that all of them are later than those of others.
        for most in (1, n):
            lease = await queue.lease(each, most, ttl=LEASE_SECONDS)
            if lease is None:
                break
            leases.append(lease)
            await _release_latest(queue, leases, n)
            if not leases or leases[-1] is not lease:
                break


async def _release_latest(queue: Queue, leases: list[Lease], n: int) -> None:
    """Keep the oldest `n` deliveries of some leases; of equally old ones those that came first."""
    latest = sorted(
        (part.accepted_at, index, position)
        for index, lease in enumerate(leases)
        for span, part in lease.spans()
        for position in span
    )[n:]
    kept = []
    for index, lease in enumerate(leases):
        positions = [position for _, at, position in latest if at == index]
        if not positions:
            kept.append(lease)
            continue
        await queue.release(lease.pick(sorted(positions)))
        if len(positions) < len(lease):
            kept.append(lease.without(positions))
    leases[:] = kept
