"""The commands that this plugin adds to `offramp`: a demonstration, and the emulator."""

from __future__ import annotations

from collections.abc import Iterable

from offramp import Command, CommandContext
from offramp_metronome.demo import run_demo
from offramp_metronome.emulator import run_emulator


def commands(context: CommandContext) -> Iterable[Command]:
    """The commands, for the hook."""

    async def demo(*, keep: bool = False) -> None:
        """Show how a usage event gets from Segment's SDK to Metronome, on this machine alone.

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
        """Run an emulator of Metronome, for trying things out.

        Set METRONOME_BASE_URL=http://127.0.0.1:7070 to send to it, from a host whose
        `[host.egress]` allows 127.0.0.1.

        Parameters
        ----------
        host
            The address to listen on.
        port
            The port to listen on.
        token
            The API token that it accepts.
        keep_events
            Keep the whole events, to look at them; otherwise only their ids, for long runs.
        """
        run_emulator(host=host, port=port, token=token, keep_events=keep_events)

    return [demo, metronome_emulator]
