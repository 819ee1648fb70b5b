"""Each subscription's part in memory: how deep it is, what is leased, where the next one waits."""

from __future__ import annotations

import asyncio
from collections import deque
from contextlib import asynccontextmanager
from itertools import groupby
from typing import TYPE_CHECKING

from msgspec.structs import replace

from offramp.queue.block import positions_of, set_of
from offramp.queue.sqlite.codes import NEVER, RETRYING, WAITING, to_s
from offramp.queue.sqlite.due import DueQuery, part_of
from offramp.queue.values import Depth

if TYPE_CHECKING:
    from collections.abc import (
        AsyncIterator,
        Callable,
        Collection,
        Iterable,
        Iterator,
        Mapping,
        Sequence,
    )

    from offramp.queue.lease import Lease, LeasePart
    from offramp.queue.sqlite.cache import BlockReader
    from offramp.queue.sqlite.due import Due, DueRow
    from offramp.queue.sqlite.leases import Claim, Leases
    from offramp.storage import Store

#: Seconds after which a waiting subscription looks at the clock again, should that have been set.
LOOK_AGAIN_S = 0.5
#: Blocks of which a subscription remembers what is free; later ones are looked up on disk.
MOST_KNOWN = 64


class Subscription:
    """One subscription of the queue.

    A lease looks neither behind a long backlog twice, nor at an empty queue at all: `_floor` is the
    block, and `_due_at` the time (µs), before which nothing free waits on disk that is not known.
    What is free in the blocks that were read last is known, and, while nothing else waits on disk,
    in new ones: it is leased without a look at the disk.
    """

    def __init__(self, name: str, store: Store, blocks: BlockReader, leases: Leases) -> None:
        self.name = name
        #: Its number in the tables; 0 until it is known.
        self.number = 0
        #: How many deliveries are waiting and retrying, as the counters on disk have it.
        self.in_flight = [0, 0]
        #: What is leased: block -> set, and rows of their own by number.
        self.taken: dict[int, int] = {}
        self.taken_rows: dict[int, DueRow] = {}
        self.leased = 0
        #: Held while rows are read to be leased, and while nothing may be.
        self._reading = asyncio.Lock()
        self._store = store
        self._blocks = blocks
        self._leases = leases
        self._floor = 0
        self._due_at = 0
        #: What is known to be free: blocks, ascending, and the set of each.
        self._known: deque[tuple[int, int]] = deque()
        #: Events whose last attempt, or what may have been one, will never have an outcome, and
        #: how many attempts were made of each.
        self._unanswered: dict[int, int] = {}
        #: No lease ends before this; a lower bound, so that settling need not keep it exact.
        self._first_expiry = NEVER
        self._woken = asyncio.Event()

    @property
    def depth(self) -> Depth:
        """How much is in flight."""
        return Depth(
            waiting=self.in_flight[WAITING], retrying=self.in_flight[RETRYING], leased=self.leased
        )

    def add_block(self, block: int, bits: int) -> None:
        """Tell that a new block has a set of events for the subscription."""
        # A reader may have seen the block, and lent some of it, before the writer told of it.
        free = bits & ~self.taken.get(block, 0)
        is_known = not free or (self._known and self._known[-1][0] >= block)
        caught_up = self._floor == NEVER and not self._reading.locked()
        if not caught_up or len(self._known) >= MOST_KNOWN:
            self._floor = min(self._floor, block)
        elif not is_known:
            self._known.append((block, free))
        self._woken.set()

    def wake(self, due_at: int) -> None:
        """Tell that a row of its own may be due at `due_at` (µs)."""
        self._due_at = min(self._due_at, due_at)
        self._woken.set()

    def expect(self, expires_at: int) -> None:
        """Note that a lease may end at `expires_at` (µs of the leases' own time)."""
        self._first_expiry = min(self._first_expiry, expires_at)
        self._woken.set()

    def give_back(self, sets: Mapping[int, int], rows: Iterable[int]) -> None:
        """Note that leases ended without an outcome."""
        for block, bits in sets.items():
            self._free(block, bits)
            self._look_from(block)
        for row in rows:
            del self.taken_rows[row]
            self.leased -= 1
            # Not when it was due: that changes on disk if the clock is set back meanwhile.
            self._due_at = 0
        self._woken.set()

    def note_unanswered(self, sets: Mapping[int, int], rows: Iterable[DueRow]) -> None:
        """Note that leases ended without an outcome, and that requests may have left under them."""
        before = self._unanswered
        for block, bits in sets.items():
            for event in (block + place for place in positions_of(bits)):
                before[event] = before.get(event, 0) + 1
        before.update((row.event, row.attempts + 1) for row in rows)

    def note_attempts(self, attempts: Mapping[int, int]) -> None:
        """Note events whose attempts, up to a number, are not all on disk."""
        for event, attempt in attempts.items():
            self._unanswered[event] = max(attempt, self._unanswered.get(event, 0))

    @property
    def unanswered(self) -> Mapping[int, int]:
        """Events -> numbers of attempts, as far as they are not on disk; a copy."""
        return dict(self._unanswered)

    def has_open(self, block: int, bits: int, row: int | None) -> bool:
        """Whether of what left in a request, events of a block or a row, any has no outcome yet."""
        held = self.taken.get(block, 0) & bits if row is None else row in self.taken_rows
        if held or not self._unanswered:
            return bool(held)
        return any(block + place in self._unanswered for place in positions_of(bits))

    def forget_unanswered(self, before: int) -> None:
        """Note that events before one have ended, but for those that are leased."""
        held = {block + place for block, bits in self.taken.items() for place in positions_of(bits)}
        held.update(row.event for row in self.taken_rows.values())
        self._forget_unanswered(
            [event for event in self._unanswered if event < before and event not in held]
        )

    def finish(self, claim: Claim) -> None:
        """Note that the outcomes of what was claimed are on disk."""
        for part, bits in claim.sets:
            self._free(part.block, bits)
            if self._unanswered:
                self._forget_unanswered(part.block + place for place in positions_of(bits))
        for row in claim.rows:
            del self.taken_rows[row.id]
            self.leased -= 1
        self._forget_unanswered(row.event for row in claim.rows)

    def wake_all(self) -> None:
        """Tell that anything may have changed."""
        self._look_from(0)
        self.wake(0)

    @asynccontextmanager
    async def changing(self) -> AsyncIterator[None]:
        """Lend nothing while what waits is ended on disk; afterwards look at everything anew."""
        async with self._reading:
            try:
                yield
            finally:
                # Also after an error: what was ended must not be lent from memory.
                self.wake_all()

    async def take(
        self, n: int, clock: Callable[[], int], ttl: int, onto: Lease | None
    ) -> Lease | None:
        """Lend up to `n` that are due by the clock, for `ttl` (both µs)."""
        async with self._reading:
            now = clock()
            self._lapse(self._leases.now())
            if self._due_at > now and self._knows(n):
                parts = self._take_known(n)
                if parts:
                    return self._grant(parts, (), ttl, onto)
            due: Due | None = None
            while (due is None or not due.parts) and (self._floor < NEVER or self._due_at <= now):
                due = await self._read(n, now)
                self.number = self.number or due.number
            if due is None or not due.parts:
                return None
            return self._grant(due.parts, due.rows, ttl, onto)

    async def sleep(self, now: int, seconds: float) -> None:
        """Wait until something may be due, at most for `seconds`."""
        if self._known or self._floor < NEVER:
            return
        left = min(self._due_at - now, self._first_expiry - self._leases.now())
        timeout = min(to_s(left), seconds, LOOK_AGAIN_S)
        if timeout > 0:
            self._woken.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._woken.wait()
            except TimeoutError:
                return

    def _free(self, block: int, bits: int) -> None:
        left = self.taken[block] & ~bits
        if left:
            self.taken[block] = left
        else:
            del self.taken[block]
        self.leased -= bits.bit_count()

    def _look_from(self, block: int) -> None:
        """Look for free events on disk, from a block on at the latest."""
        while self._known and self._known[-1][0] >= block:
            self._known.pop()
        self._floor = min(self._floor, block)

    def _knows(self, n: int) -> bool:
        """Whether `n` free events are known, or all that there are."""
        known = sum(bits.bit_count() for _, bits in self._known)
        return known >= n or (known > 0 and self._floor == NEVER)

    def _take_known(self, n: int) -> list[LeasePart]:
        """Parts of the blocks in which events are known to be free."""
        parts: list[LeasePart] = []
        left = n
        while left and self._known:
            number, bits = self._known[0]
            block = self._blocks.get(number)
            if block is None:
                self._look_from(number)
                break
            if bits.bit_count() > left:
                taken = set_of(positions_of(bits)[:left])
                self._known[0] = number, bits & ~taken
                bits = taken
            else:
                self._known.popleft()
            parts.append(part_of(block, bits))
            left -= bits.bit_count()
        return parts

    async def _read(self, n: int, now: int) -> Due:
        if self._known:
            self._look_from(self._known[0][0])
        # What wakes the subscription from here on lowers both again, and is read next time.
        floor, self._floor = self._floor, NEVER
        due_at, self._due_at = self._due_at, NEVER
        query = DueQuery(
            name=self.name,
            number=self.number,
            floor=floor,
            due_at=due_at,
            now=now,
            # Copies: what is settled while it is read may be read as it was before.
            taken=dict(self.taken),
            taken_rows=list(self.taken_rows),
            n=n,
            blocks=self._blocks,
        )
        try:
            due = await self._store.read(query, urgent=True)
        except BaseException:
            self._floor, self._due_at = min(self._floor, floor), min(self._due_at, due_at)
            raise
        # What was given back or came meanwhile is read again.
        self._known.extend(each for each in due.rest if each[0] < self._floor)
        self._floor = min(self._floor, due.floor)
        self._due_at = min(self._due_at, due.due_at)
        return due

    def _grant(
        self,
        parts: Sequence[LeasePart],
        rows: Sequence[DueRow],
        ttl: int,
        onto: Lease | None,
    ) -> Lease | None:
        if self._leases.closed:
            return None
        expires_at = self._leases.now() + ttl
        if self._unanswered:
            parts = [piece for part in parts for piece in self._count_unanswered(part)]
            known = self._unanswered
            rows = [
                row._replace(attempts=max(row.attempts, known.get(row.event, 0))) for row in rows
            ]
        for part in parts:
            if part.row is None:
                self.taken[part.block] = self.taken.get(part.block, 0) | set_of(part.positions)
            self.leased += len(part.positions)
        self.taken_rows.update((row.id, row) for row in rows)
        self.expect(expires_at)
        return self._leases.grant(self, parts, rows, expires_at, onto)

    def _count_unanswered(self, part: LeasePart) -> Iterator[LeasePart]:
        """Split a part by how many attempts may have been made."""
        start = 0
        tried = [self._unanswered.get(part.block + place, 0) for place in part.positions]
        for n, same in groupby(tried):
            end = start + sum(1 for _ in same)
            yield replace(
                part,
                positions=part.positions[start:end],
                bodies=part.bodies[start:end],
                attempt=max(part.attempt, n + 1),
            )
            start = end

    def _forget_unanswered(self, events: Iterable[int]) -> None:
        for event in events:
            self._unanswered.pop(event, None)

    def _lapse(self, now: int) -> None:
        # Most leases are settled long before, so this comes about once in the life of a lease.
        if self._first_expiry <= now:
            self._leases.lapse(self, now)
            running = (entry.expires_at for entry in self._leases.of(self))
            self._first_expiry = min(running, default=NEVER)


class Subscriptions:
    """All subscriptions that have had something to do since the start."""

    def __init__(self, store: Store, blocks: BlockReader, leases: Leases) -> None:
        self._store = store
        self._blocks = blocks
        self._leases = leases
        self._by_name: dict[str, Subscription] = {}
        self._left_out: frozenset[str] = frozenset()
        #: Deliveries in flight in all subscriptions but those left out.
        self.counted = 0

    def __getitem__(self, name: str) -> Subscription:
        found = self._by_name.get(name)
        if found is None:
            found = Subscription(name, self._store, self._blocks, self._leases)
            self._by_name[name] = found
        return found

    def __iter__(self) -> Iterator[Subscription]:
        return iter(tuple(self._by_name.values()))

    def add(self, subscription: Subscription, state: int, n: int) -> None:
        """Note that `n` more (or, below 0, fewer) deliveries of a subscription are in a state."""
        if state <= RETRYING:
            subscription.in_flight[state] += n
            if subscription.name not in self._left_out:
                self.counted += n

    def leave_out(self, names: Collection[str]) -> None:
        """Count all but these from now on."""
        self._left_out = frozenset(names)
        counted = (each for name, each in self._by_name.items() if name not in self._left_out)
        self.counted = sum(sum(each.in_flight) for each in counted)

    def depth(self, name: str) -> Depth:
        """How deep a subscription is; unlike indexing, this adds none."""
        found = self._by_name.get(name)
        return Depth() if found is None else found.depth
