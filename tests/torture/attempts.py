"""What the partner saw of attempts, beside what the records of events say of them."""

from __future__ import annotations

import re
import zlib
from collections import defaultdict
from collections.abc import Callable
from typing import Final

import attrs
from tests.torture.host import SUBSCRIPTION

from offramp.queue import Ledger

#: One in so many events is watched.
WATCHED_EVERY: Final = 20
_ID: Final = re.compile(rb'"transaction_id": ?"([^"]+)"')


@attrs.frozen
class SeenAttempts:
    """In which runs of the host a request with an event reached the partner: one attempt in each.

    It may have been more, and a batch that is halved comes in several requests; but a run that was
    killed, and the next one, surely made an attempt each.
    """

    #: The number of the host's start.
    run: Callable[[], int]
    runs: defaultdict[str, set[int]] = attrs.field(factory=lambda: defaultdict(set))

    def watch(self, data: bytes) -> None:
        """Look at a piece of what the host sends; an id that is cut in two is not seen."""
        for found in _ID.finditer(data):
            if zlib.crc32(found[1]) % WATCHED_EVERY == 0:
                self.runs[found[1].decode()].add(self.run())

    def forget(self) -> None:
        """Begin anew: the host lost what it knew of attempts, with its data folder."""
        self.runs.clear()

    @property
    def cut_off(self) -> int:
        """How many events reached the partner in more than one run."""
        return sum(len(runs) > 1 for runs in self.runs.values())

    async def uncounted(self, ledger: Ledger, *, but: set[str]) -> tuple[str, ...]:
        """The events of which the records count fewer attempts than there were."""
        faults = []
        for message_id, runs in self.runs.items():
            # One run saw most events, and a delivery surely counts one attempt.
            if len(runs) == 1 or message_id in but:
                continue
            deliveries = [
                delivery
                for record in await ledger.event(message_id)
                for delivery in record.deliveries
                if delivery.subscription == SUBSCRIPTION
            ]
            faults += [
                f"{message_id}: {each.attempts} attempts, but seen in the runs {sorted(runs)}"
                for each in deliveries
                # A replay counts anew.
                if each.replayed_at is None and each.attempts < len(runs)
            ]
        return tuple(faults)
