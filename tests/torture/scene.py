"""Where a round of torture is played: the host, its partner and its clients."""

from __future__ import annotations

import random
import time
from collections.abc import Awaitable, Callable, Iterable
from pathlib import Path
from typing import Final

import attrs
from tests.torture.attempts import SeenAttempts
from tests.torture.host import HostProcess
from tests.torture.load import Load
from tests.torture.partner import TlsFront

from offramp_metronome.emulator import Emulator

#: What a recount says where blocks are damaged; whom they were filtered for stands in them only.
OF_DAMAGE: Final = ("is damaged on disk", "cannot be read", " filtered, but the counter says ")


@attrs.frozen(kw_only=True)
class Scene:
    """Where a round is played."""

    host: HostProcess
    emulator: Emulator
    front: TlsFront
    seen: SeenAttempts
    loads: list[Load]
    rng: random.Random
    #: In epoch seconds.
    began_at: float = attrs.field(factory=time.time)
    #: What is to be done while the host does not run, and once it runs again.
    while_down: list[Callable[[], None]] = attrs.field(factory=list)
    once_up: list[Callable[[], Awaitable[object]]] = attrs.field(factory=list)
    #: Times that the host was restored from a backup, and what was sent since that began.
    restores: list[Path] = attrs.field(factory=list)
    forgotten: set[str] = attrs.field(factory=set)
    #: The message ids of the events of each damaged block.
    damaged: list[set[str]] = attrs.field(factory=list)
    #: The processes that stood still for a while.
    stops: list[int] = attrs.field(factory=list)
    #: The paths of changes of the configuration that the host answered.
    changes: list[str] = attrs.field(factory=list)
    #: Backups that were made, restored and found whole.
    backups: list[str] = attrs.field(factory=list)
    #: The keys of the rotations of the sealing key that the host answered.
    rotations: list[str] = attrs.field(factory=list)

    @property
    def damaged_ids(self) -> set[str]:
        """The message ids of all events of damaged blocks."""
        return set[str]().union(*self.damaged)

    def not_of_damage(self, faults: Iterable[str]) -> list[str]:
        """The faults of a recount that no damaged block explains."""
        return [
            fault
            for fault in faults
            if not self.damaged or not any(words in fault for words in OF_DAMAGE)
        ]
