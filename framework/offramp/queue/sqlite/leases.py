"""Leases, which live in memory: one process owns the file, and its death frees them all."""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs

from offramp.queue.protocol import Lease
from offramp.queue.sqlite.codes import to_s

if TYPE_CHECKING:
    from collections.abc import Iterator

    from offramp.queue.sqlite.due import DueRow
    from offramp.queue.sqlite.lanes import Lane


@attrs.define(eq=False)
class Held:
    """A delivery that is leased; times in microseconds."""

    lane: Lane
    id: int
    number: int
    state: int
    due_at: int
    attempts: int
    opened_at: int
    recorded: bool
    exchange: int | None
    token: str
    expires_at: int


class Leases:
    """All leases by token. A token that is not here is lost: lapsed and given on, or settled."""

    def __init__(self, tokens: Iterator[str]) -> None:
        self.closed = False
        self._tokens = tokens
        self._by_token: dict[str, Held] = {}

    def grant(self, lane: Lane, row: DueRow, expires_at: int) -> Lease:
        """Lend a delivery until `expires_at` (µs)."""
        opened_at = row.accepted_at if row.replayed_at is None else row.replayed_at
        held = Held(
            lane=lane,
            id=row.id,
            number=row.number,
            state=row.state,
            due_at=row.due_at,
            attempts=row.attempts,
            opened_at=opened_at,
            recorded=bool(row.recorded),
            exchange=row.exchange,
            token=next(self._tokens),
            expires_at=expires_at,
        )
        self._by_token[held.token] = held
        lane.hold(held)
        return Lease(
            id=str(row.id),
            token=held.token,
            lane=lane.name,
            source=row.source,
            message_id=row.message_id,
            type=row.type,
            name=row.name,
            body=row.body,
            attempt=row.attempts + 1,
            accepted_at=to_s(row.accepted_at),
            opened_at=to_s(opened_at),
            expires_at=to_s(expires_at),
        )

    def claim(self, token: str) -> Held | None:
        """Take a lease out, to settle or release it: it cannot lapse meanwhile."""
        return self._by_token.pop(token, None)

    def restore(self, held: Held) -> None:
        """Put a claimed lease back, as its outcome could not be stored."""
        self._by_token[held.token] = held
        held.lane.expect(held)

    def extend(self, token: str, expires_at: int) -> bool:
        """Let a lease run until `expires_at` (µs); false if it is lost."""
        held = self._by_token.get(token)
        if held is None:
            return False
        held.expires_at = expires_at
        held.lane.expect(held)
        return True

    def lapse(self, token: str, now: int) -> None:
        """End a lease if its time is over."""
        held = self._by_token.get(token)
        if held is not None and held.expires_at <= now:
            del self._by_token[token]
            held.lane.give_back(held)

    def shorten(self, step: int) -> None:
        """Let each lease end `step` (µs) earlier, as the clock was set back by that."""
        for held in self._by_token.values():
            held.expires_at -= step
            held.lane.expect(held)

    def close(self) -> None:
        """End all leases; there will be no more."""
        self.closed = True
        self._by_token.clear()
