"""Statistics of the requests that an emulator answered, and the events it stored and refused."""

from __future__ import annotations

from collections import Counter, defaultdict

import attrs


@attrs.frozen(kw_only=True)
class Stats:
    """What an emulator did since it started, or since it was reset."""

    requests: int  #: to Metronome's endpoints, answered or not
    #: By endpoint and status as text; `dropped`, `hung`, `abandoned` (by the client): no answer.
    answers: dict[str, dict[str, int]]
    faults: int  #: requests to which a fault was applied
    events_stored: int  #: events that took effect
    duplicates: int  #: events ignored, since their transaction id was used within 34 days
    events_refused: int  #: events in refused batches
    refusals: dict[str, int]  #: refused requests by reason
    repeated: dict[str, int]  #: transaction ids that took effect more than once, and how often
    customers: int


class Tally:
    """The counters that the endpoints increment."""

    def __init__(self) -> None:
        self.answers: defaultdict[str, Counter[str]] = defaultdict(Counter)
        self.refusals: Counter[str] = Counter()
        self.events_refused = 0
        self.faults = 0

    def clear(self) -> None:
        """Set all counters to zero."""
        self.answers.clear()
        self.refusals.clear()
        self.events_refused = 0
        self.faults = 0
