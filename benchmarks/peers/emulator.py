"""Metronome's emulator as the far end of measurements: `python -m benchmarks.peers.emulator PORT`.

With `keep` after the port it keeps each event with the moment at which it arrived.
"""

from __future__ import annotations

import sys
from typing import Final

import uvloop

from offramp_metronome.emulator import serve

TOKEN: Final = "measured-token"  # noqa: S105 - opens nothing but the emulator


def main() -> None:
    """Run until told to end."""
    port, *more = sys.argv[1:]
    uvloop.run(serve(port=int(port), token=TOKEN, keep_events="keep" in more))


if __name__ == "__main__":
    main()
