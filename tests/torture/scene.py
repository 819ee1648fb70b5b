"""Where a round of torture is played: the host, its partner and its clients."""

from __future__ import annotations

import random

import attrs
from tests.torture.host import HostProcess
from tests.torture.load import Load
from tests.torture.partner import TlsFront

from offramp_metronome.emulator import Emulator


@attrs.frozen(kw_only=True)
class Scene:
    """Where a round is played."""

    host: HostProcess
    emulator: Emulator
    front: TlsFront
    loads: list[Load]
    rng: random.Random
    #: Changes of the configuration that the host took.
    changes: list[int] = attrs.field(factory=list)
    #: Backups that were made, restored and found whole.
    backups: list[str] = attrs.field(factory=list)
    #: Rotations of the sealing key that the host answered.
    rotations: list[int] = attrs.field(factory=list)
