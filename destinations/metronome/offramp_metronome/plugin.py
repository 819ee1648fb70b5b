"""The hooks of this plugin, which Offramp calls."""

from __future__ import annotations

from collections.abc import Iterable

from offramp import Command, CommandContext, Destination, hookimpl
from offramp_metronome.commands import commands
from offramp_metronome.destination import metronome


@hookimpl
def offramp_destinations() -> Iterable[Destination]:
    """Metronome."""
    return [metronome]


@hookimpl
def offramp_commands(context: CommandContext) -> Iterable[Command]:
    """`offramp demo` and `offramp metronome-emulator`."""
    return commands(context)
