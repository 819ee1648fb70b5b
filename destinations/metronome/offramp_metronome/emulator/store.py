"""The usage events that the emulator accepted, each transaction id once in 34 days."""

from __future__ import annotations

import uuid
from collections import Counter
from itertools import islice
from typing import TYPE_CHECKING, Any

import attrs

from offramp_metronome.emulator.limits import WINDOW, parse_timestamp

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime


@attrs.frozen(kw_only=True)
class StoredEvent:
    """One event that arrived in an accepted batch."""

    id: str  #: the emulator's id of this copy
    transaction_id: str
    customer_id: str  #: as sent: a customer's id, an ingest alias, or not known yet
    event_type: str
    timestamp: str  #: as sent, RFC 3339
    properties: dict[str, Any] | None  #: as sent; a number with a fraction is a `Decimal`
    processed_at: datetime
    is_duplicate: bool  #: true for a copy that had no effect


class EventStore:
    """The events that `POST /v1/ingest` stored.

    Args:
        now: Returns the time, with its zone.
        keep_events: False keeps only ids and counts, for long runs; duplicates are still found.
        max_events: The most transaction ids that are kept, the latest, with their events; a copy
            of one that is forgotten has effect again. `None` for no limit.
    """

    def __init__(
        self,
        *,
        now: Callable[[], datetime],
        keep_events: bool = True,
        max_events: int | None = None,
    ) -> None:
        self._now = now
        self._keep = keep_events
        self._max_events = max_events
        self._accepted: dict[str, datetime] = {}
        self._again: Counter[str] = Counter()
        self._copies: dict[str, list[StoredEvent]] = {}
        self.events: list[StoredEvent] = []
        self.stored = 0
        self.duplicates = 0

    def take(self, batch: Iterable[dict[str, Any]]) -> None:
        """Store checked events in order; of each id only the first within 34 days has effect."""
        at = self._now()
        horizon = at - WINDOW
        for event in batch:
            transaction_id = event["transaction_id"]
            before = self._accepted.get(transaction_id)
            is_duplicate = before is not None and before >= horizon
            if is_duplicate:
                self.duplicates += 1
            else:
                self._accept(transaction_id, at, again=before is not None)
            if self._keep:
                self._record(event, at, is_duplicate=is_duplicate)
        self._forget_oldest()

    def find(self, transaction_ids: Sequence[str]) -> list[StoredEvent]:
        """Return every copy of these ids whose timestamp is within the last 34 days."""
        horizon = self._now() - WINDOW
        return [
            copy
            for transaction_id in dict.fromkeys(transaction_ids)
            for copy in self._copies.get(transaction_id, ())
            if (at := parse_timestamp(copy.timestamp)) is not None and at >= horizon
        ]

    def copies_of(self, transaction_id: str) -> list[StoredEvent]:
        """Return every copy of one id that arrived, of any age, in order."""
        return list(self._copies.get(transaction_id, ()))

    def effects_of(self, transaction_id: str) -> int:
        """Count how many times one id had an effect: 0, 1, or more if it was billed again."""
        return (transaction_id in self._accepted) + self._again.get(transaction_id, 0)

    def effects(self) -> dict[str, int]:
        """Count how many times each transaction id had an effect; more than 1 is billed twice."""
        return {
            transaction_id: self.effects_of(transaction_id) for transaction_id in self._accepted
        }

    def repeated(self) -> dict[str, int]:
        """Return the transaction ids that had an effect more than once, and how many times."""
        return {transaction_id: 1 + times for transaction_id, times in self._again.items()}

    def clear(self) -> None:
        """Remove every event, id and count."""
        self._accepted.clear()
        self._again.clear()
        self._copies.clear()
        self.events.clear()
        self.stored = 0
        self.duplicates = 0

    def _accept(self, transaction_id: str, at: datetime, *, again: bool) -> None:
        self._accepted[transaction_id] = at
        self.stored += 1
        if again:
            self._again[transaction_id] += 1

    def _forget_oldest(self) -> None:
        excess = 0 if self._max_events is None else len(self._accepted) - self._max_events
        if excess <= 0:
            return
        # Both are in the order in which ids were first accepted.
        forgotten = set(islice(self._accepted, excess))
        for transaction_id in forgotten:
            del self._accepted[transaction_id]
            self._again.pop(transaction_id, None)
            self._copies.pop(transaction_id, None)
        self.events[:] = [each for each in self.events if each.transaction_id not in forgotten]

    def _record(self, event: dict[str, Any], at: datetime, *, is_duplicate: bool) -> None:
        record = StoredEvent(
            id=str(uuid.uuid4()),
            transaction_id=event["transaction_id"],
            customer_id=event["customer_id"],
            event_type=event["event_type"],
            timestamp=event["timestamp"],
            properties=event.get("properties"),
            processed_at=at,
            is_duplicate=is_duplicate,
        )
        self._copies.setdefault(record.transaction_id, []).append(record)
        if not is_duplicate:
            self.events.append(record)
