"""Each lane's part in memory: how deep it is, what is leased, and where the next one is found."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from offramp.queue.protocol import Depth
from offramp.queue.sqlite.codes import NEVER, RETRYING, WAITING, to_s
from offramp.queue.sqlite.due import DueQuery

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offramp.queue.protocol import Lease
    from offramp.queue.sqlite.due import DueRow
    from offramp.queue.sqlite.leases import Held, Leases
    from offramp.storage import Store

#: Seconds after which a waiting lane looks at the clock again, should that have been set.
LOOK_AGAIN_S = 0.5


class Lane:
    """One lane. `floor` is the (due_at, id) before which no free delivery waits.

    So a lease looks neither behind a long backlog twice, nor at an empty lane at all.
    """

    def __init__(self, name: str, store: Store, leases: Leases) -> None:
        self.name = name
        #: How many deliveries are waiting and retrying, as the tallies on disk have it.
        self.in_flight = [0, 0]
        self.held: dict[int, Held] = {}
        #: Held while rows are read to be leased; who needs leasing to pause takes it too.
        self.reading = asyncio.Lock()
        self._store = store
        self._leases = leases
        self._floor = (0, 0)
        self._furthest = (0, 0)
        #: No lease ends before this; a lower bound, so that settling need not keep it exact.
        self._first_expiry = NEVER
        self._settled_while_reading: set[int] = set()
        self._woken = asyncio.Event()

    @property
    def depth(self) -> Depth:
        """How much is in flight."""
        return Depth(
            waiting=self.in_flight[WAITING],
            retrying=self.in_flight[RETRYING],
            leased=len(self.held),
        )

    def wake(self, due_at: int) -> None:
        """Tell that something may be due at `due_at` (µs)."""
        self._floor = min(self._floor, (due_at, 0))
        self._woken.set()

    def expect(self, expires_at: int) -> None:
        """Note that a lease may end at `expires_at` (µs)."""
        self._first_expiry = min(self._first_expiry, expires_at)
        self._woken.set()

    def give_back(self, held: Held) -> None:
        """Note that a lease ended without an outcome."""
        del self.held[held.row.id]
        # Not when it was due: that changes on disk if the clock is set back meanwhile.
        self.wake(0)

    def finish(self, held: Held) -> None:
        """Note that an outcome is on disk; a read under way may not know it yet."""
        del self.held[held.row.id]
        if self.reading.locked():
            self._settled_while_reading.add(held.row.id)

    async def take(self, n: int, now: int, ttl: int) -> list[Lease]:
        """Lend up to `n` that are due at `now`, for `ttl` (both µs)."""
        async with self.reading:
            self._lapse(now)
            rows: list[tuple[DueRow, bytes]] = []
            while not rows and self._floor[0] <= now:
                rows = await self._read(n, now)
            return self._grant(rows, now + ttl)

    async def sleep(self, now: int, seconds: float) -> None:
        """Wait until something may be due, at most for `seconds`."""
        timeout = min(to_s(min(self._floor[0], self._first_expiry) - now), seconds, LOOK_AGAIN_S)
        if timeout > 0:
            self._woken.clear()
            try:
                async with asyncio.timeout(timeout):
                    await self._woken.wait()
            except TimeoutError:
                return

    async def _read(self, n: int, now: int) -> list[tuple[DueRow, bytes]]:
        # Whatever wakes the lane from here on lowers the floor again.
        floor, self._floor = self._floor, (NEVER, 0)
        self._settled_while_reading.clear()
        # Free deliveries lie behind the leased ones, unless one came back.
        held = list(self.held) if floor <= self._furthest else []
        query = DueQuery(self.name, floor, now, held, n)
        try:
            due = await self._store.read(query, urgent=True)
        except BaseException:
            self._floor = min(self._floor, floor)
            raise
        self._floor = min(self._floor, due.floor)
        # An outcome may be on disk, and read, before this thread hears of it: whatever is still
        # held then wakes the lane when it ends.
        taken = self._settled_while_reading | self.held.keys()
        return [row for row in due.rows if row[0].id not in taken] if taken else due.rows

    def _grant(self, rows: list[tuple[DueRow, bytes]], expires_at: int) -> list[Lease]:
        if self._leases.closed or not rows:
            return []
        pairs = [self._leases.grant(self, row, body, expires_at) for row, body in rows]
        self.held.update((held.row.id, held) for held, _ in pairs)
        last, _ = rows[-1]
        self._furthest = max(self._furthest, (last.due_at, last.id))
        self.expect(expires_at)
        return [lease for _, lease in pairs]

    def _lapse(self, now: int) -> None:
        # Most leases are settled long before, so this comes about once in the life of a lease.
        if self._first_expiry <= now:
            for held in tuple(self.held.values()):
                self._leases.lapse(held, now)
            running = (held.expires_at for held in self.held.values() if held.token in self._leases)
            self._first_expiry = min(running, default=NEVER)


class Lanes:
    """All lanes that have had something to do since the start."""

    def __init__(self, store: Store, leases: Leases) -> None:
        self._store = store
        self._leases = leases
        self._by_name: dict[str, Lane] = {}
        #: Deliveries in flight in all lanes.
        self.in_flight = 0

    def __getitem__(self, name: str) -> Lane:
        lane = self._by_name.get(name)
        if lane is None:
            lane = self._by_name[name] = Lane(name, self._store, self._leases)
        return lane

    def __iter__(self) -> Iterator[Lane]:
        return iter(tuple(self._by_name.values()))

    def add(self, lane: Lane, state: int, n: int) -> None:
        """Note that `n` more (or, below 0, fewer) deliveries of a lane are in a state."""
        if state <= RETRYING:
            lane.in_flight[state] += n
            self.in_flight += n

    def depth(self, name: str) -> Depth:
        """How deep a lane is; unlike indexing, this adds no lane."""
        lane = self._by_name.get(name)
        return Depth() if lane is None else lane.depth
