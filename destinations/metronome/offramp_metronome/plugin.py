"""The hooks by which Offramp finds this plugin."""

from __future__ import annotations

from collections.abc import Iterable

from offramp import Command, Destination, Toolbox, hookimpl
from offramp_metronome.commands import commands
from offramp_metronome.destination import metronome


@hookimpl
def offramp_destinations() -> Iterable[Destination]:
    """Metronome."""
    return [metronome]


@hookimpl
def offramp_commands(toolbox: Toolbox) -> Iterable[Command]:
    """`offramp demo` and `offramp metronome-emulator`."""
    return commands(toolbox)
