"""The commands that this plugin adds to `offramp`: a demonstration, and the emulator."""

from __future__ import annotations

from collections.abc import Iterable

from offramp import Command, CommandContext
from offramp_metronome.demo import run_demo
from offramp_metronome.emulator import run_emulator


def commands(context: CommandContext) -> Iterable[Command]:
    """The commands, for the hook."""

    async def demo(*, keep: bool = False) -> None:
        """Show a usage event's way from Segment's SDK to Metronome, on this machine alone.

        Parameters
        ----------
        keep
            Leave the host and the emulator running until Ctrl-C.
        """
        await run_demo(context, keep=keep)

    def metronome_emulator(
        *,
        host: str = "127.0.0.1",
        port: int = 7070,
        token: str = "demo-token",  # noqa: S107 - the emulator's, not a secret
        keep_events: bool = True,
    ) -> None:
        """Run an emulator of Metronome, to try things against.

        Send to it by METRONOME_BASE_URL=http://127.0.0.1:7070.

        Parameters
        ----------
        host
            The address to listen on.
        port
            The port to listen on.
        token
            The API token that it takes.
        keep_events
            Keep the events to look at; otherwise only their ids, for long runs.
        """
        run_emulator(host=host, port=port, token=token, keep_events=keep_events)

    return [demo, metronome_emulator]
