"""What goes wrong at Metronome, drawn from a seed."""

from __future__ import annotations

import random
from typing import Final

from offramp_metronome.emulator import Fault

#: Faults of one round; each meets a few requests.
MOST_FAULTS: Final = 4
MOST_REQUESTS: Final = 3


def draw_faults(luck: random.Random) -> list[Fault]:
    """Some faults for the next requests: refusals, outages, silence after storing, resets."""
    kinds = [
        lambda: Fault(status=429, retry_after=luck.choice([0, 1]), times=_times(luck)),
        lambda: Fault(status=429, times=_times(luck)),
        lambda: Fault(status=luck.choice([500, 502, 503]), times=_times(luck)),
        lambda: Fault(status=500, store="part", times=_times(luck)),
        lambda: Fault(status=503, store="all", times=_times(luck)),
        lambda: Fault(ending="drop", store=luck.choice(["none", "part", "all"]), times=1),
        lambda: Fault(ending="hang", store="all", times=1),
        lambda: Fault(store="all", delay=luck.uniform(0, 1), times=_times(luck)),
    ]
    return [luck.choice(kinds)() for _ in range(luck.randint(0, MOST_FAULTS))]


def _times(luck: random.Random) -> int:
    return luck.randint(1, MOST_REQUESTS)
