"""An end-to-end demonstration: Segment's SDK, the host, and Metronome's emulator."""

from offramp_metronome.demo.run import run_demo

__all__ = ["run_demo"]
