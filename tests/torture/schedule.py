"""What goes wrong, and when, drawn from a seed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Final

import attrs

from offramp_metronome.emulator import Fault

#: Faults of one round; each meets a few requests.
MOST_FAULTS: Final = 4
MOST_REQUESTS: Final = 3


@attrs.define
class Deck:
    """Deals every kind once, in any order, before it deals one again."""

    kinds: Sequence[str]
    rng: random.Random
    _left: list[str] = attrs.field(factory=list)

    def deal(self) -> str:
        """The next kind."""
        if not self._left:
            self._left = self.rng.sample(self.kinds, len(self.kinds))
        return self._left.pop()


def draw_faults(rng: random.Random) -> list[Fault]:
    """Some faults for the next requests: refusals, outages, silence after storing, resets."""
    kinds = [
        lambda: Fault(status=429, retry_after=rng.choice([0, 1]), times=_times(rng)),
        lambda: Fault(status=429, times=_times(rng)),
        lambda: Fault(status=rng.choice([500, 502, 503]), times=_times(rng)),
        lambda: Fault(status=500, store="part", times=_times(rng)),
        lambda: Fault(status=503, store="all", times=_times(rng)),
        lambda: Fault(ending="drop", store=rng.choice(["none", "part", "all"]), times=1),
        lambda: Fault(ending="hang", store="all", times=1),
        lambda: Fault(store="all", delay=rng.uniform(0, 1), times=_times(rng)),
    ]
    return [rng.choice(kinds)() for _ in range(rng.randint(0, MOST_FAULTS))]


def _times(rng: random.Random) -> int:
    return rng.randint(1, MOST_REQUESTS)
