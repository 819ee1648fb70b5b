"""Remembers how deliveries failed, so that a bad one does not delay the others."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import attrs

from offramp.queue import Lease

#: Deliveries of one subscription that are remembered; with more, the oldest are forgotten.
MOST_REMEMBERED: Final = 5_000


@attrs.frozen(kw_only=True)
class Past:
    """How one delivery failed before; times are by the gate's clock, in seconds."""

    #: When it last failed in a way that may be its own fault: see `bisection.may_be_one`.
    failed_at: float | None = None
    #: The most deliveries in a request with it, including itself; `None` for no limit.
    together: int | None = None
    #: When a request with it was last refused for the credentials.
    refused_at: float | None = None


NO_PAST: Final = Past()
NO_PASTS: Final[Mapping[int, Past]] = {}


class Memory:
    """The past of each delivery of a subscription that failed and has not ended, by its event.

    It is only in memory: a restart forgets all failures.
    """

    def __init__(self) -> None:
        self._pasts: dict[int, Past] = {}

    def of(self, lease: Lease) -> Mapping[int, Past]:
        """What is remembered of leased deliveries: position -> past."""
        pasts = self._pasts
        if not pasts:
            return NO_PASTS
        return {
            position: pasts[event]
            for position, event in enumerate(lease.events())
            if event in pasts
        }

    def keep(self, lease: Lease, positions: Sequence[int], past: Past | None) -> None:
        """Remember how deliveries failed; `None` forgets them."""
        if past is None and not self._pasts:
            return
        for event in lease.pick(positions).events():
            if past is None:
                self._pasts.pop(event, None)
                continue
            if event not in self._pasts and len(self._pasts) >= MOST_REMEMBERED:
                del self._pasts[next(iter(self._pasts))]
            self._pasts[event] = past
