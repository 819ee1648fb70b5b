"""What every queue engine promises; names no engine."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from offramp.queue.values import Reason

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from offramp.queue.lease import Lease
    from offramp.queue.values import (
        Count,
        DeadLetterFilter,
        Delivery,
        Depth,
        ErrorGroup,
        EventBatch,
        EventFilter,
        EventRecord,
        Latency,
        Outcome,
        Page,
        Reconciliation,
        SearchPage,
        Stage,
    )

#: Rows of one page of a listing, where the caller does not say.
DEFAULT_PAGE = 50
#: An outcome for each position that differs: none.
NO_EXCEPTIONS: Mapping[int, Outcome] = {}


class Queue(Protocol):
    """The durable queue: at-least-once, whole batches, leases with fencing.

    The caller owns backoff, retry windows, batch keys and linger; the queue stores when a
    delivery is due. A subscription needs no set-up: it begins with its first delivery.
    """

    async def accept(self, batch: EventBatch) -> Sequence[bool]:
        """Store events with their deliveries; returns once they survive a power cut.

        `False` marks a duplicate: the source sent that message id within the last 24 h. Raises
        `QueueFullError` (nothing is stored) above the bounds, `StorageError` if the disk fails.
        """
        ...

    def full(self) -> str | None:
        """Tell why `accept` would turn events away now, or nothing."""
        ...

    def leave_out(self, subscriptions: Collection[str]) -> None:
        """Do not count what is in flight in these subscriptions towards the bound of `accept`.

        They replace those of the call before. Their events are accepted, leased and settled as
        before; a caller who pauses them keeps a bound of its own.
        """
        ...

    async def broken(self) -> str | None:
        """Tell why `accept` fails although there is room, or nothing; stores nothing."""
        ...

    async def lease(
        self, subscription: str, n: int, *, ttl: float, wait: float = 0, onto: Lease | None = None
    ) -> Lease | None:
        """Borrow up to `n` deliveries that are due, oldest first, for `ttl` seconds.

        The engine measures these seconds by a clock that nobody sets, and leaves out what its
        callers cannot use, since the machine slept or the process was stopped.

        If none is due, waits up to `wait` seconds and wakes at once for an accept, a retry that
        comes due, a lease that lapses or is released, a replay. `None` after `wait`, or on close.
        With `onto`, up to `n` more are borrowed under the token of that lease: the answer holds
        both, its own deliveries first, and all of them expire after `ttl`. If that lease is lost,
        the answer is a lease of the new ones only.
        """
        ...

    async def extend(self, lease: Lease, ttl: float) -> bool:
        """Let a lease run `ttl` seconds from now; `False` if it lapsed already.

        It extends all that is held under the token, also of other parts.
        """
        ...

    async def release(self, lease: Lease) -> None:
        """Give back what is still held: due again at once.

        No attempt is counted, but of what left in a request (`begin_request`).
        """
        ...

    async def begin_request(self, lease: Lease) -> None:
        """Note that all deliveries of a lease, or of a part, leave now in one request.

        If the process ends before they are settled, however that happens, the queue counts the
        attempt at the next start: they are then retrying, and due. A power cut may lose the note.
        Without it they are leased again as if nothing had been sent. Raises nothing: an attempt
        that cannot be noted is made nevertheless.
        """
        ...

    async def settle(
        self,
        lease: Lease,
        outcome: Outcome | None,
        exceptions: Mapping[int, Outcome] = NO_EXCEPTIONS,
    ) -> Sequence[int]:
        """Store one outcome for all deliveries of a lease, or of a part, in one durable write.

        `exceptions` names other outcomes by position; `outcome` may be `None` where they name
        all. Answers the positions that were lost (they lapsed and were given on, or were settled
        before): their outcomes are not stored. Raises `ValueError` for an outcome that makes no
        sense, and `StorageError` if the disk fails: the lease then holds on. A caller who is
        cancelled while waiting does not undo the write.
        """
        ...

    async def cancel(
        self, subscription: str, *, reason: str = Reason.SUBSCRIPTION_REMOVED, message: str = ""
    ) -> int:
        """End what is in flight in a subscription as expired; answers how many.

        What is leased at this moment stays with its holder; stop the worker first.
        """
        ...

    async def dead_letters(
        self, which: DeadLetterFilter, *, limit: int = DEFAULT_PAGE, cursor: str | None = None
    ) -> Page[Delivery]:
        """List rejected and expired deliveries, latest end first."""
        ...

    async def replay(
        self, which: DeadLetterFilter, *, report: Callable[[int], None] | None = None
    ) -> int:
        """Make dead letters due again, with a new retry window; how many.

        They come due part by part, the latest end first; `report` is called with how many each
        time. One that ends again meanwhile is not replayed again.
        """
        ...

    async def backfill(self, subscription: str, events: Sequence[str]) -> int:
        """Make events due that a subscription's trigger filtered, or that came before it; how many.

        `events` are ids of `EventRecord`. Events whose delivery to the subscription is in flight or
        has ended otherwise are left alone, and so are events of which no body is kept, not even
        with a dead letter of another subscription.
        """
        ...

    async def depth(self, subscription: str) -> Depth:
        """Tell how much is in flight, from counters; zeros for an unknown subscription."""
        ...

    async def depths(self) -> dict[str, Depth]:
        """Tell the depth of every subscription that ever had a delivery."""
        ...

    async def close(self) -> None:
        """Give all leases back at once and end all waiting; what is on its way to disk arrives."""
        ...


class Ledger(Protocol):
    """What became of every event: reads only, from the tables that the queue writes."""

    async def event(self, message_id: str, *, source: str | None = None) -> list[EventRecord]:
        """Tell all that happened to a message id: a record per source and day, latest first."""
        ...

    async def events(
        self,
        which: EventFilter,
        *,
        bodies: bool = False,
        limit: int = DEFAULT_PAGE,
        cursor: str | None = None,
    ) -> SearchPage[EventRecord]:
        """List accepted events, latest first, with their deliveries; bodies if asked for.

        One call looks through a bounded number of events, so a page may be short, even empty, and
        still have a cursor: go on until that is `None`.
        """
        ...

    async def recent(
        self,
        subscription: str,
        *,
        stage: Stage | None = None,
        limit: int = DEFAULT_PAGE,
        cursor: str | None = None,
    ) -> Page[Delivery]:
        """List deliveries of a subscription, latest first by when they are due or ended.

        Filtered ones are listed only if asked for, latest acceptance first. A page may be short,
        even empty, and still have a cursor: go on until that is `None`.
        """
        ...

    async def counts(
        self,
        since: float,
        until: float,
        *,
        subscription: str | None = None,
        source: str | None = None,
    ) -> list[Count]:
        """Tell what was counted in the minutes from `since` to before `until` (epoch seconds)."""
        ...

    async def latency(self, subscription: str, *, since: float | None = None) -> Latency | None:
        """Tell how long deliveries took, over the hours from `since` on; `None` without any."""
        ...

    async def latencies(self, *, since: float) -> Mapping[str, Latency]:
        """Tell `latency` of every subscription that has any, in one reading."""
        ...

    async def errors(
        self, subscription: str, *, since: float | None = None, samples: int = 3
    ) -> list[ErrorGroup]:
        """Group what is retrying, rejected or expired in a subscription by reason, most first."""
        ...

    async def reconcile(self) -> Reconciliation:
        """Recount everything and compare it with the counters; reads all rows."""
        ...
