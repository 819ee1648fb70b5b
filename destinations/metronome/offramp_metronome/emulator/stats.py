"""The stats of what an emulator answered, stored and refused."""

from __future__ import annotations

from collections import Counter, defaultdict

import attrs


@attrs.frozen(kw_only=True)
class Stats:
    """What an emulator did since it began, or since it was reset."""

    requests: int  #: to any endpoint of Metronome's, answered or not
    #: By endpoint and status as text; `dropped`, `hung`, `abandoned` (by the client): no answer.
    answers: dict[str, dict[str, int]]
    faults: int  #: requests that met a fault
    events_stored: int  #: events that took effect
    duplicates: int  #: events ignored, for their transaction id had been taken within 34 days
    events_refused: int  #: events in refused batches
    refusals: dict[str, int]  #: refused requests by reason
    repeated: dict[str, int]  #: transaction ids that took effect more than once, and how often
    customers: int


class Tally:
    """Counts as the endpoints see it happen."""

    def __init__(self) -> None:
        self.answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.refusals: Counter[str] = Counter()
        self.events_refused = 0
        self.faults = 0

    def clear(self) -> None:
        """Start from nought."""
        self.answers.clear()
        self.refusals.clear()
        self.events_refused = 0
        self.faults = 0
