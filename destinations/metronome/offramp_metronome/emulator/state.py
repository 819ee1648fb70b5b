"""The state of one emulator, which all its endpoints share."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from offramp_metronome.emulator.customers import Customers
from offramp_metronome.emulator.faults import Faults
from offramp_metronome.emulator.stats import Stats, Tally
from offramp_metronome.emulator.store import EventStore

if TYPE_CHECKING:
    from collections.abc import Callable
    from datetime import datetime


class State:
    """Events, customers, faults and statistics; they are kept over a stop and a new start.

    Args:
        token: The one bearer token that Metronome's endpoints accept.
        now: Returns the time, with its zone.
        keep_events: False keeps only ids and counts.
        max_events: The most transaction ids that are kept, the latest; `None` for no limit.
        seed: The seed of the random numbers for faults.
    """

    def __init__(
        self,
        *,
        token: str,
        now: Callable[[], datetime],
        keep_events: bool,
        max_events: int | None,
        seed: int,
    ) -> None:
        self.token = token
        self.now = now
        self.events = EventStore(now=now, keep_events=keep_events, max_events=max_events)
        self.customers = Customers(now=now)
        self.faults = Faults(seed=seed)
        self.tally = Tally()
        #: Set when the emulator stops, so that hanging requests end.
        self.closing = asyncio.Event()

    def stats(self) -> Stats:
        """The statistics so far."""
        answers = {endpoint: dict(counts) for endpoint, counts in self.tally.answers.items()}
        return Stats(
            requests=sum(sum(counts.values()) for counts in answers.values()),
            answers=answers,
            faults=self.tally.faults,
            events_stored=self.events.stored,
            duplicates=self.events.duplicates,
            events_refused=self.tally.events_refused,
            refusals=dict(self.tally.refusals),
            repeated=self.events.repeated(),
            customers=len(self.customers),
        )

    def reset(self) -> None:
        """Remove everything: events, customers, faults and statistics."""
        self.events.clear()
        self.customers.clear()
        self.faults.clear()
        self.tally.clear()
