"""Leases, which live in memory: one process owns the file, and its death frees them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from offramp.queue.block import set_of
from offramp.queue.lease import Lease, LeasePart
from offramp.queue.sqlite.codes import to_s

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from offramp.queue.sqlite.due import DueRow
    from offramp.queue.sqlite.subscriptions import Subscription


@attrs.define(eq=False)
class LeaseEntry:
    """What is held under one token until `expires_at` (µs)."""

    subscription: Subscription
    token: str
    expires_at: int
    #: Block -> the set of the positions that are held in it.
    sets: dict[int, int] = attrs.field(factory=dict)
    #: Deliveries with a row of their own, by its number.
    rows: dict[int, DueRow] = attrs.field(factory=dict)

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
        """End the lease of all of it without an outcome."""
        sets: dict[int, int] = {}
        for part, bits in self.sets:
            sets[part.block] = sets.get(part.block, 0) | bits
        self.entry.subscription.give_back(sets, [row.id for row in self.rows])

    @property
    def n(self) -> int:
        """How many deliveries were claimed."""
        return len(self.rows) + sum(bits.bit_count() for _, bits in self.sets)


class Leases:
    """All leases by token. A token that is not here is lost: lapsed, or all of it was settled."""

    def __init__(self, run: str) -> None:
        self.closed = False
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
            expires_at=to_s(entry.expires_at),
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

    def restore(self, claim: Claim) -> None:
        """Put back what was claimed, as its outcome could not be stored."""
        entry = claim.entry
        self._by_token[entry.token] = entry
        for part, bits in claim.sets:
            entry.sets[part.block] = entry.sets.get(part.block, 0) | bits
        entry.rows.update((row.id, row) for row in claim.rows)
        entry.subscription.expect(entry.expires_at)

    def extend(self, token: str, expires_at: int) -> bool:
        """Let a lease run until `expires_at` (µs); false if it is lost."""
        entry = self._by_token.get(token)
        if entry is None:
            return False
        entry.expires_at = expires_at
        entry.subscription.expect(expires_at)
        return True

    def lapse(self, subscription: Subscription, now: int) -> None:
        """End the leases of a subscription whose time is over."""
        for entry in self.of(subscription):
            if entry.expires_at <= now:
                del self._by_token[entry.token]
                # A part whose outcome is on its way may come back to this entry: it comes alone.
                sets, entry.sets = entry.sets, {}
                rows, entry.rows = entry.rows, {}
                subscription.give_back(sets, rows)

    def of(self, subscription: Subscription) -> Iterator[LeaseEntry]:
        """The leases of a subscription."""
        return iter(
            [entry for entry in self._by_token.values() if entry.subscription is subscription]
        )

    def shorten(self, step: int) -> None:
        """Let each lease end `step` (µs) earlier, as the clock was set back by that."""
        for entry in self._by_token.values():
            entry.expires_at -= step
            entry.subscription.expect(entry.expires_at)

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
