"""What the queue refuses: events above its bounds, and outcomes that make no sense."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from offramp.errors import QueueFullError, counted
from offramp.queue.values import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from offramp.queue.lease import Lease
    from offramp.queue.limits import Limits
    from offramp.queue.values import Outcome

#: Seconds for which a look at the free disk holds.
LOOK_AT_DISK_S = 1.0


class Guard:
    """Admits events while the queue and the disk have room."""

    def __init__(self, folder: Path, limits: Limits) -> None:
        self._folder = folder
        self._limits = limits
        self._looked_at = -LOOK_AT_DISK_S
        self._free = 0

    def admit(self, n: int, in_flight: int) -> None:
        """Raise `QueueFullError` if `n` more than are `in_flight` would pass a bound."""
        limits = self._limits
        if in_flight + n > limits.max_in_flight:
            held = counted(in_flight, "delivery", "deliveries")
            raise QueueFullError(
                f"{held} in flight, {limits.max_in_flight} allowed: "
                "let the destinations catch up, or raise the bound",
                retry_after=limits.retry_after,
            )
        if self._free_bytes() < limits.min_free_bytes:
            raise QueueFullError(
                f"the disk of {self._folder} has {self._free} bytes left, "
                f"{limits.min_free_bytes} are kept free: make room there",
                retry_after=limits.retry_after,
            )

    def _free_bytes(self) -> int:
        now = time.monotonic()
        if now - self._looked_at >= LOOK_AT_DISK_S:
            disk = os.statvfs(self._folder)
            self._free = disk.f_bavail * disk.f_frsize
            self._looked_at = now
        return self._free


def check_outcomes(
    lease: Lease, outcome: Outcome | None, exceptions: Mapping[int, Outcome]
) -> None:
    """Raise `ValueError` for an outcome that says nothing, or two things, or for nobody."""
    if outcome is not None:
        _check(lease, 0, outcome)
    elif len(exceptions) < len(lease):
        raise ValueError(
            f"{len(lease) - len(exceptions)} deliveries in {lease.subscription} are to settle "
            "without an outcome: give one for all that `exceptions` does not name"
        )
    for position, other in exceptions.items():
        if not 0 <= position < len(lease):
            raise ValueError(
                f"position {position} is to settle in a lease of {len(lease)} deliveries in "
                f"{lease.subscription}: positions count from 0"
            )
        _check(lease, position, other)


def _check(lease: Lease, position: int, outcome: Outcome) -> None:
    if outcome.stage is Stage.WAITING:
        found = "is to settle as waiting: release its lease instead"
    elif (outcome.stage is Stage.RETRYING) is (outcome.retry_at is None):
        found = (
            f"is to settle as {outcome.stage.value} with retry_at {outcome.retry_at}: "
            "retrying needs that time, no other stage has it"
        )
    elif not outcome.reason:
        found = "is to settle without a reason: give its code"
    else:
        return
    message_id = lease.delivery(position).message_id
    raise ValueError(f"delivery of {message_id} in {lease.subscription} {found}")
