"""Leases, which live in memory: one process owns the file, and its death frees them all."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import attrs

from offramp.queue.block import set_of
from offramp.queue.lease import Lease, LeasePart
from offramp.queue.sqlite.codes import to_us

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from offramp.queue.sqlite.due import DueRow
    from offramp.queue.sqlite.subscriptions import Subscription

#: Seconds without a look at the clock after which the process must have been stopped: with a beat
#: every second it looks more often.
STOPPED_S = 5.0
BEAT_S = 1.0


class RunningTime:
    """The time by which leases lapse, in microseconds: only time in which holders can extend them.

    A process that was stopped (SIGSTOP, a debugger, a plugin that blocks everything) finds its
    leases as it left them.
    """

    def __init__(self, running: Callable[[], float]) -> None:
        self._running = running
        self._looked_at = time.monotonic()
        self._stopped = 0.0

    def __call__(self) -> int:
        """Read it; must happen every few seconds."""
        now = time.monotonic()
        passed, self._looked_at = now - self._looked_at, now
        if passed > STOPPED_S:
            self._stopped += passed
        return to_us(self._running() - self._stopped)


@attrs.define(eq=False)
class LeaseEntry:
    """What is held under one token until `expires_at` (µs of `RunningTime`)."""

    subscription: Subscription
    token: str
    expires_at: int
    #: Block -> the set of the positions that are held in it.
    sets: dict[int, int] = attrs.field(factory=dict)
    #: Deliveries with a row of their own, by its number.
    rows: dict[int, DueRow] = attrs.field(factory=dict)
    #: What has left in a request, likewise: block -> set, and numbers of rows.
    sent: dict[int, int] = attrs.field(factory=dict)
    sent_rows: set[int] = attrs.field(factory=set)

    def __bool__(self) -> bool:
        return bool(self.sets or self.rows)


@attrs.define
class Claim:
    """What was taken out of a lease to be settled or released: it cannot lapse meanwhile."""

    entry: LeaseEntry
    #: The parts of the lease, each with the set that was still held of it.
    sets: list[tuple[LeasePart, int]] = attrs.field(factory=list)
    rows: list[DueRow] = attrs.field(factory=list)
    #: Positions in the lease that were not held any more.
    lost: list[int] = attrs.field(factory=list)

    def __bool__(self) -> bool:
        return bool(self.sets or self.rows)

    def give_back(self) -> None:
        """End the lease of all of it without an outcome; what has left in a request was tried."""
        entry = self.entry
        sets: dict[int, int] = {}
        for part, bits in self.sets:
            sets[part.block] = sets.get(part.block, 0) | bits
        if entry.sent or entry.sent_rows:
            sent = {block: bits & entry.sent.get(block, 0) for block, bits in sets.items()}
            rows = [row for row in self.rows if row.id in entry.sent_rows]
            entry.subscription.note_unanswered(sent, rows)
            for block, bits in sent.items():
                entry.sent[block] = entry.sent.get(block, 0) & ~bits
            entry.sent_rows.difference_update(row.id for row in rows)
        entry.subscription.give_back(sets, [row.id for row in self.rows])

    @property
    def n(self) -> int:
        """How many deliveries were claimed."""
        return len(self.rows) + sum(bits.bit_count() for _, bits in self.sets)


class Leases:
    """All leases by token. A token that is not here is lost: lapsed, or all of it was settled."""

    def __init__(self, run: str, now: RunningTime) -> None:
        self.closed = False
        self.now = now
        self._run = run
        self._granted = 0
        self._by_token: dict[str, LeaseEntry] = {}

    def __contains__(self, token: str) -> bool:
        return token in self._by_token

    def grant(
        self,
        subscription: Subscription,
        parts: Sequence[LeasePart],
        rows: Sequence[DueRow],
        expires_at: int,
        onto: Lease | None,
    ) -> Lease:
        """Lend parts until `expires_at` (µs), under the token of `onto` if that is held still."""
        entry = None if onto is None else self._by_token.get(onto.token)
        if entry is None:
            self._granted += 1
            entry = LeaseEntry(subscription, f"{self._run}-{self._granted}", expires_at)
            self._by_token[entry.token] = entry
        entry.expires_at = max(entry.expires_at, expires_at)
        for part in parts:
            if part.row is None:
                held = entry.sets.get(part.block, 0)
                entry.sets[part.block] = held | set_of(part.positions)
        entry.rows.update((row.id, row) for row in rows)
        before = onto.parts if onto is not None and onto.token == entry.token else ()
        return Lease(
            subscription=subscription.name,
            number=subscription.number,
            token=entry.token,
            parts=(*before, *parts),
        )

    def claim(self, lease: Lease) -> Claim | None:
        """Take out what is still held of a lease or of a part; `None` if nothing is."""
        entry = self._by_token.get(lease.token)
        if entry is None:
            return None
        claim = Claim(entry)
        for span, part in lease.spans():
            if part.row is not None:
                row = entry.rows.pop(part.row, None)
                if row is None:
                    claim.lost.append(span.start)
                else:
                    claim.rows.append(row)
                continue
            asked = set_of(part.positions)
            held = entry.sets.get(part.block, 0)
            claimed = asked & held
            if claimed != asked:
                claim.lost += [
                    at
                    for at, place in zip(span, part.positions, strict=True)
                    if not claimed >> place & 1
                ]
            if claimed:
                claim.sets.append((part, claimed))
                _take(entry.sets, part.block, claimed)
        if not entry:
            del self._by_token[entry.token]
        return claim

    def note_sent(self, lease: Lease) -> None:
        """Note that what is held of a lease or of a part leaves in a request."""
        entry = self._by_token.get(lease.token)
        if entry is None:
            return
        for part in lease.parts:
            if part.row is None:
                entry.sent[part.block] = entry.sent.get(part.block, 0) | set_of(part.positions)
            else:
                entry.sent_rows.add(part.row)

    def restore(self, claim: Claim) -> None:
        """Put back what was claimed, as its outcome could not be stored."""
        entry = claim.entry
        self._by_token[entry.token] = entry
        for part, bits in claim.sets:
            entry.sets[part.block] = entry.sets.get(part.block, 0) | bits
        entry.rows.update((row.id, row) for row in claim.rows)
        entry.subscription.expect(entry.expires_at)

    def extend(self, token: str, ttl: int) -> bool:
        """Let a lease run `ttl` (µs) from now; false if it is lost."""
        entry = self._by_token.get(token)
        if entry is None:
            return False
        expires_at = self.now() + ttl
        entry.expires_at = expires_at
        entry.subscription.expect(expires_at)
        return True

    def lapse(self, subscription: Subscription, now: int) -> None:
        """End the leases of a subscription whose time is over."""
        for entry in self.of(subscription):
            if entry.expires_at <= now:
                del self._by_token[entry.token]
                # If an outcome that is being stored fails, `restore` brings only that part back.
                sets, entry.sets = entry.sets, {}
                rows, entry.rows = entry.rows, {}
                subscription.note_unanswered(sets, rows.values())
                subscription.give_back(sets, rows)

    def of(self, subscription: Subscription) -> Iterator[LeaseEntry]:
        """The leases of a subscription."""
        return iter(
            [entry for entry in self._by_token.values() if entry.subscription is subscription]
        )

    def close(self) -> None:
        """End all leases; there will be no more."""
        self.closed = True
        self._by_token.clear()


def _take(sets: dict[int, int], block: int, bits: int) -> None:
    left = sets[block] & ~bits
    if left:
        sets[block] = left
    else:
        del sets[block]
