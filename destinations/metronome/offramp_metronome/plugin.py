"""The hooks by which Offramp finds this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from offramp import Destination, hookimpl
from offramp_metronome.destination import metronome


@hookimpl
def offramp_destinations() -> Iterable[Destination]:
    """Metronome."""
    return [metronome]
