"""Leases, which live in memory: one process owns the file, and its death frees them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from offramp.queue.protocol import Lease
from offramp.queue.sqlite.codes import to_s

if TYPE_CHECKING:
    from offramp.queue.sqlite.due import DueRow
    from offramp.queue.sqlite.lanes import Lane


class Held(msgspec.Struct, eq=False):
    """A delivery that is leased until `expires_at` (µs)."""

    lane: Lane
    row: DueRow
    token: str
    expires_at: int


class Leases:
    """All leases by token. A token that is not here is lost: lapsed and given on, or settled."""

    def __init__(self, run: str) -> None:
        self.closed = False
        self._run = run
        self._granted = 0
        self._by_token: dict[str, Held] = {}

    def __contains__(self, token: str) -> bool:
        return token in self._by_token

    def grant(self, lane: Lane, row: DueRow, body: bytes, expires_at: int) -> tuple[Held, Lease]:
        """Lend a delivery until `expires_at` (µs); the lane is yet to note it."""
        self._granted += 1
        token = f"{self._run}-{self._granted}"
        held = self._by_token[token] = Held(lane, row, token, expires_at)
        return held, Lease(
            id=str(row.id),
            token=token,
            lane=lane.name,
            source=row.source,
            message_id=row.message_id,
            type=row.type,
            name=row.name,
            body=body,
            attempt=row.attempts + 1,
            accepted_at=to_s(row.accepted_at),
            opened_at=to_s(row.opened_at),
            expires_at=to_s(expires_at),
        )

    def claim(self, token: str) -> Held | None:
        """Take a lease out, to settle or release it: it cannot lapse meanwhile."""
        return self._by_token.pop(token, None)

    def restore(self, held: Held) -> None:
        """Put a claimed lease back, as its outcome could not be stored."""
        self._by_token[held.token] = held
        held.lane.expect(held.expires_at)

    def extend(self, token: str, expires_at: int) -> bool:
        """Let a lease run until `expires_at` (µs); false if it is lost."""
        held = self._by_token.get(token)
        if held is None:
            return False
        held.expires_at = expires_at
        held.lane.expect(expires_at)
        return True

    def lapse(self, held: Held, now: int) -> None:
        """End a lease if its time is over and it is not being settled."""
        if held.expires_at <= now and held.token in self:
            del self._by_token[held.token]
            held.lane.give_back(held)

    def shorten(self, step: int) -> None:
        """Let each lease end `step` (µs) earlier, as the clock was set back by that."""
        for held in self._by_token.values():
            held.expires_at -= step
            held.lane.expect(held.expires_at)

    def close(self) -> None:
        """End all leases; there will be no more."""
        self.closed = True
        self._by_token.clear()
